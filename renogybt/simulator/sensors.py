"""Thermometers of four makers, in the formats that their makers publish or that receivers know."""

from random import Random
from typing import NamedTuple

from renogybt.protocols.advertising.structures import (
    Flags,
    complete_name,
    flags,
    manufacturer,
    service_data,
    service_uuids,
)
from renogybt.simulator.payload import Payload, Source, payload
from renogybt.simulator.walk import Walk

MEASURING_PERIOD_S = 5.0

BTHOME_UUID = "fcd2"
GOVEE_COMPANY = 0xEC88
RUUVI_COMPANY = 0x0499
SWITCHBOT_COMPANY = 0x0969
SWITCHBOT_UUID = "fd3d"
APPLE_COMPANY = 0x004C

_LE_ONLY = flags(Flags.GENERAL_DISCOVERABLE | Flags.NO_BREDR)


class Measurement(NamedTuple):
    """What a sensor measured last; `number` counts the measurements."""

    number: int
    temperature_c: float
    humidity_percent: float
    battery_percent: int


class Climate:
    """The air around one sensor, measured every few seconds."""

    def __init__(self, rng: Random) -> None:
        self._temperature = Walk(rng, rng.choice((4.0, 19.0, 21.5, 23.0)), 3.0, 0.08)
        self._humidity = Walk(rng, rng.uniform(35.0, 65.0), 8.0, 0.3)
        self._battery = Walk(rng, rng.uniform(60.0, 95.0), 4.0, 0.1)
        self._number = rng.randrange(1000)
        self._next = rng.uniform(0.0, MEASURING_PERIOD_S)

    def at(self, now: float) -> Measurement:
        """The measurement that is valid now."""
        if now >= self._next:
            self._next = now + MEASURING_PERIOD_S
            self._number += 1
            for walk in (self._temperature, self._humidity, self._battery):
                walk.advance()
        return Measurement(
            self._number, self._temperature.value, self._humidity.value, round(self._battery.value)
        )


def encode_bthome(measured: Measurement) -> bytes:
    """BTHome v2, not encrypted: https://bthome.io/format. Objects stand in the order of their ids."""
    return b"".join(
        (
            b"\x40",  # device information: version 2, regular updates, no encryption
            bytes((0x00, measured.number & 0xFF)),
            bytes((0x01, measured.battery_percent)),
            b"\x02" + round(measured.temperature_c * 100).to_bytes(2, "little", signed=True),
            b"\x03" + round(measured.humidity_percent * 100).to_bytes(2, "little"),
        )
    )


def encode_govee(measured: Measurement) -> bytes:
    """H5075: 0.1 C times 1000 plus 0.1 % in three octets, the highest bit for a temperature below zero."""
    tenths = round(measured.temperature_c * 10)
    value = abs(tenths) * 1000 + round(measured.humidity_percent * 10)
    if tenths < 0:
        value |= 0x800000
    return b"\0" + value.to_bytes(3, "big") + bytes((measured.battery_percent, 0))


def encode_switchbot(measured: Measurement) -> bytes:
    """Meter (`T`): status, battery, tenths, whole degrees with the highest bit for above zero, humidity."""
    tenths = round(measured.temperature_c * 10)
    whole = abs(tenths) // 10 | (0x80 if tenths >= 0 else 0)
    return bytes(
        (ord("T"), 0, measured.battery_percent, abs(tenths) % 10, whole, round(measured.humidity_percent))
    )


def encode_ruuvi(measured: Measurement, address: int) -> bytes:
    """Data format 5 (RAWv2), big-endian: https://docs.ruuvi.com, "Data format 5"."""
    battery_mv = 2500 + measured.battery_percent * 6
    tx_power_dbm = 4
    return b"".join(
        (
            b"\x05",
            round(measured.temperature_c / 0.005).to_bytes(2, "big", signed=True),
            round(measured.humidity_percent / 0.0025).to_bytes(2, "big"),
            (101_325 - 50_000).to_bytes(2, "big"),  # Pa above 500 hPa
            *(axis_mg.to_bytes(2, "big", signed=True) for axis_mg in (4, -4, 1036)),
            ((battery_mv - 1600) << 5 | (tx_power_dbm + 40) // 2).to_bytes(2, "big"),
            b"\0",  # movements
            (measured.number & 0xFFFF).to_bytes(2, "big"),
            address.to_bytes(6, "big"),
        )
    )


def bthome_thermometer(rng: Random) -> Source:
    """A thermometer with the open firmware that names itself after its address."""
    climate = Climate(rng)

    def source(now: float, address: int) -> Payload:
        return payload(
            _LE_ONLY,
            service_data(BTHOME_UUID, encode_bthome(climate.at(now))),
            complete_name(f"ATC_{address & 0xFFFFFF:06X}"),
        )

    return source


def govee_thermometer(rng: Random) -> Source:
    """Govee H5075; its scan response wakes the maker's app and is no iBeacon that anybody placed."""
    climate = Climate(rng)
    response = (manufacturer(APPLE_COMPANY, b"\x02\x15INTELLI_ROCKS_HWPu\xf2\xff\xc2"),)

    def source(now: float, address: int) -> Payload:
        return payload(
            complete_name(f"GVH5075_{address & 0xFFFF:04X}"),
            *service_uuids(["ec88"]),
            flags(Flags.LIMITED_DISCOVERABLE | Flags.NO_BREDR),
            manufacturer(GOVEE_COMPANY, encode_govee(climate.at(now))),
            response=response,
        )

    return source


def switchbot_meter(rng: Random) -> Source:
    """SwitchBot Meter: the measurement comes in the scan response only."""
    climate = Climate(rng)

    def source(now: float, address: int) -> Payload:
        return payload(
            _LE_ONLY,
            manufacturer(SWITCHBOT_COMPANY, address.to_bytes(6, "big")),
            response=(service_data(SWITCHBOT_UUID, encode_switchbot(climate.at(now))),),
        )

    return source


def ruuvi_tag(rng: Random) -> Source:
    """RuuviTag in its default format."""
    climate = Climate(rng)

    def source(now: float, address: int) -> Payload:
        return payload(_LE_ONLY, manufacturer(RUUVI_COMPANY, encode_ruuvi(climate.at(now), address)))

    return source
