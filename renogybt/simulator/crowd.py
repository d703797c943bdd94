"""Phones, computers, headphones and whatever else people leave switched on."""

from random import Random

from renogybt.protocols.advertising.structures import (
    Flags,
    complete_name,
    flags,
    manufacturer,
    service_data,
    service_uuids,
    tx_power,
)
from renogybt.simulator.payload import Payload, Source, opaque, payload
from renogybt.simulator.sensors import APPLE_COMPANY

MICROSOFT_COMPANY = 0x0006
SAMSUNG_COMPANY = 0x0075
NORDIC_UART_UUID = "6e400001-b5a3-f393-e0a9-e50e24dcca9e"

_LE_ONLY = flags(Flags.GENERAL_DISCOVERABLE | Flags.NO_BREDR)
_DUAL_MODE = flags(Flags.GENERAL_DISCOVERABLE | Flags.CONTROLLER_BOTH | Flags.HOST_BOTH)


def apple_nearby(rng: Random) -> Source:
    """The short message (type 0x10) by which Apple devices find each other."""
    state = bytes((rng.choice((0x01, 0x07, 0x0B)), rng.choice((0x18, 0x1C))))

    def source(now: float, address: int) -> Payload:
        message = b"\x10\x05" + state + opaque(address, 3)
        return payload(_DUAL_MODE, tx_power(12), manufacturer(APPLE_COMPANY, message))

    return source


def apple_earbuds(rng: Random) -> Source:
    """The proximity pairing message (type 0x07): fills the advertisement, even flags have no room."""
    model = b"\x01\x0e\x20"

    def source(now: float, address: int) -> Payload:
        return payload(manufacturer(APPLE_COMPANY, b"\x07\x19" + model + opaque(address, 22)))

    return source


def android_phone(rng: Random) -> Source:
    """Android's nearby sharing."""

    def source(now: float, address: int) -> Payload:
        return payload(service_data("fef3", b"\x4a\x17\x23" + opaque(address, 20)))

    return source


def laptop(rng: Random) -> Source:
    """The message of Microsoft's Connected Devices Platform ([MS-CDP]): a salt and a hash."""

    def source(now: float, address: int) -> Payload:
        return payload(manufacturer(MICROSOFT_COMPANY, b"\x01\x09\x20\x22" + opaque(address, 23)))

    return source


def fast_pair_earbuds(rng: Random) -> Source:
    """Headphones that an Android phone would offer to pair; their name is in the scan response."""
    response = (complete_name("Aural Buds 3"),)

    def source(now: float, address: int) -> Payload:
        return payload(
            _DUAL_MODE,
            tx_power(-7),
            service_data("fe2c", b"\x00\x40" + opaque(address, 5)),
            response=response,
        )

    return source


def television(rng: Random) -> Source:
    """A television that waits for its remote."""
    response = (complete_name(f"[TV] {rng.choice(('Living room', 'Kitchen', 'Salon'))}"),)

    def source(now: float, address: int) -> Payload:
        return payload(
            _DUAL_MODE,
            manufacturer(SAMSUNG_COMPANY, b"\x42\x04\x01\x01" + address.to_bytes(6, "big") + bytes(14)),
            response=response,
        )

    return source


def fitness_band(rng: Random) -> Source:
    """A wrist band with heart rate and battery service."""
    response = (complete_name(f"Band 7 {rng.randrange(0x10000):04X}"), tx_power(0))
    constant = payload(_LE_ONLY, *service_uuids(["180d", "180f"]), response=response)

    def source(now: float, address: int) -> Payload:
        return constant

    return source


def unknown_vendor(rng: Random) -> Source:
    """Something with a serial port and a company id that is assigned to nobody."""
    company = rng.randrange(0xF000, 0xFF00)
    tail = rng.randbytes(4)
    response = (complete_name(f"DEV-{tail.hex().upper()}"), manufacturer(company, tail))
    constant = payload(_LE_ONLY, *service_uuids([NORDIC_UART_UUID]), response=response)

    def source(now: float, address: int) -> Payload:
        return constant

    return source
