"""The demo's lamp: a peripheral that has one of everything that GATT offers.

Only what it is and does; links, subscriptions and encryption are the business of whoever gives it a radio.
"""

import struct
from dataclasses import dataclass

from renogybt.model.gatt import (
    BASE_UUID,
    AttCode,
    AttError,
    Characteristic,
    Descriptor,
    Property,
    Service,
)

LAMP_ADDRESS = 0xC4_4D_0A_10_5E_01
"""A static random address: Core Specification, volume 6 part B 1.3.2.1."""
LAMP_NAME = "Demo Lamp"
LAMP_MTU = 247
TICK_S = 0.01

_OWN = "7a1e{:04x}-5b0c-4f5e-9c3a-6d1f0b2a8e47"
LAMP_SERVICE, CHANNEL_SERVICE = _OWN.format(0x01), _OWN.format(0x10)
BRIGHTNESS, COMMAND, EVENT = _OWN.format(0x02), _OWN.format(0x03), _OWN.format(0x04)
SCHEDULE, SECRET, TICK, LEVEL = _OWN.format(0x05), _OWN.format(0x06), _OWN.format(0x08), _OWN.format(0x11)
SENSING_SERVICE, TEMPERATURE = BASE_UUID.format(0x181A), BASE_UUID.format(0x2A6E)
DEVICE_SERVICE = BASE_UUID.format(0x180A)
MANUFACTURER, MODEL = BASE_UUID.format(0x2A29), BASE_UUID.format(0x2A24)
CCCD = BASE_UUID.format(0x2902)
"""Client Characteristic Configuration: subscriptions. Its value belongs to the link, not to the lamp."""
USER_DESCRIPTION, FORMAT = BASE_UUID.format(0x2901), BASE_UUID.format(0x2904)

INDICATE_NOW, BEGIN_TO_TICK, STOP_TICKING = b"\x01", b"\x02", b"\x03"
OUT_OF_RANGE = 0x80
"""The lamp's own error: a brightness above 100 percent."""

_R, _W, _N, _I = Property.READ, Property.WRITE, Property.NOTIFY, Property.INDICATE
_COMMAND, _BRIGHTNESS, _EVENT, _SCHEDULE, _SECRET, _TICK = 0x35, 0x32, 0x37, 0x3A, 0x3D, 0x3F
_SCHEDULE_NAME = 0x3B


def _characteristic(uuid: str, handle: int, properties: Property, **descriptors: int) -> Characteristic:
    kinds = {"cccd": CCCD, "description": USER_DESCRIPTION, "format": FORMAT}
    return Characteristic(
        uuid, handle, properties, tuple(Descriptor(kinds[kind], at) for kind, at in descriptors.items())
    )


SERVICES = (
    Service(BASE_UUID.format(0x1800), 0x01, (_characteristic(BASE_UUID.format(0x2A00), 0x03, _R),)),
    Service(
        BASE_UUID.format(0x1801), 0x06, (_characteristic(BASE_UUID.format(0x2A05), 0x08, _I, cccd=0x09),)
    ),
    Service(
        DEVICE_SERVICE, 0x10, (_characteristic(MANUFACTURER, 0x12, _R), _characteristic(MODEL, 0x14, _R))
    ),
    Service(SENSING_SERVICE, 0x20, (_characteristic(TEMPERATURE, 0x22, _R | _N, cccd=0x23, format=0x24),)),
    Service(
        LAMP_SERVICE,
        0x30,
        (
            _characteristic(BRIGHTNESS, _BRIGHTNESS, _R | _W, description=0x33),
            _characteristic(COMMAND, _COMMAND, Property.WRITE_WITHOUT_RESPONSE),
            _characteristic(EVENT, _EVENT, _I, cccd=0x38),
            _characteristic(SCHEDULE, _SCHEDULE, _R | _W, description=_SCHEDULE_NAME),
            _characteristic(SECRET, _SECRET, _R | _W),
            _characteristic(TICK, _TICK, _N, cccd=0x40),
        ),
    ),
    Service(CHANNEL_SERVICE, 0x50, (_characteristic(LEVEL, 0x52, _R | _W),)),
    Service(CHANNEL_SERVICE, 0x60, (_characteristic(LEVEL, 0x62, _R | _W),)),
)
"""Two channels with the same UUIDs, as a lamp with two lights would have them."""

_LENGTHS = {
    _BRIGHTNESS: (1, 1),
    _SCHEDULE: (0, 200),
    _SCHEDULE_NAME: (0, 40),
    _SECRET: (0, 16),
    0x52: (1, 1),
    0x62: (1, 1),
}
"""Of what can be written: the shortest and the longest, in octets."""
_AT_FIRST = {
    0x03: LAMP_NAME.encode(),
    0x12: b"renogybt",
    0x14: b"Lamp 2",
    0x22: struct.pack("<h", 2150),
    0x24: bytes.fromhex("0efe2f27010000"),  # sint16, 10 ** -2, degree Celsius
    _BRIGHTNESS: b"\x28",
    0x33: b"Brightness in percent",
    _SCHEDULE: bytes(range(200)),
    _SCHEDULE_NAME: b"Schedule",
    _SECRET: b"open sesame",
    0x52: b"\x00",
    0x62: b"\x00",
}
_PROPERTIES = {each.handle: each.properties for service in SERVICES for each in service.characteristics}


@dataclass(frozen=True, slots=True)
class Sent:
    """A notification or an indication of the characteristic `handle`, for those who subscribed to it."""

    handle: int
    octets: bytes


class Lamp:
    """One lamp. With `passkey` a central has to give the same six digits to get a bond."""

    address = LAMP_ADDRESS
    name = LAMP_NAME
    mtu = LAMP_MTU
    services = SERVICES

    def __init__(self, passkey: int | None = None) -> None:
        self.passkey = passkey
        self.ticking = False
        """Whether it notifies each `TICK_S`."""
        self._values = dict(_AT_FIRST)
        self._count = 0

    def read(self, handle: int, *, encrypted: bool) -> bytes:
        """The whole value of an attribute, CCCDs left out; raises AttError."""
        if Property.READ not in _PROPERTIES.get(handle, Property.READ):
            raise AttError(f"handle {handle:#06x} cannot be read", AttCode.READ_NOT_PERMITTED)
        if handle not in self._values:
            raise AttError(f"there is no handle {handle:#06x}", AttCode.INVALID_HANDLE)
        self._must_trust(handle, encrypted)
        return self._values[handle]

    def write(self, handle: int, value: bytes, *, encrypted: bool) -> tuple[Sent, ...]:
        """What follows from it; raises AttError. CCCDs are left out."""
        if handle == _COMMAND:
            return self._command(value)
        if handle not in _LENGTHS:
            known = handle in self._values or handle in _PROPERTIES
            code = AttCode.WRITE_NOT_PERMITTED if known else AttCode.INVALID_HANDLE
            raise AttError(f"handle {handle:#06x} cannot be written", code)
        self._must_trust(handle, encrypted)
        shortest, longest = _LENGTHS[handle]
        if not shortest <= len(value) <= longest:
            raise AttError(f"{len(value)} octets do not fit", AttCode.INVALID_LENGTH)
        if handle == _BRIGHTNESS and value[0] > 100:
            raise AttError("brighter than 100 percent", OUT_OF_RANGE)
        self._values[handle] = bytes(value)
        return self._event() if handle == _BRIGHTNESS else ()

    def tick(self) -> Sent:
        """The next tick, due each `TICK_S` while `ticking`."""
        count, self._count = self._count, self._count + 1
        return Sent(_TICK, struct.pack("<I", count & 0xFFFFFFFF))

    def _command(self, value: bytes) -> tuple[Sent, ...]:
        """What it does not know it ignores: nobody waits for an answer."""
        if value == INDICATE_NOW:
            return self._event()
        if value == BEGIN_TO_TICK:
            self.ticking, self._count = True, 0
        elif value == STOP_TICKING:
            self.ticking = False
        return ()

    def _event(self) -> tuple[Sent, ...]:
        return (Sent(_EVENT, self._values[_BRIGHTNESS]),)

    def _must_trust(self, handle: int, encrypted: bool) -> None:
        if handle == _SECRET and not encrypted:
            raise AttError("the secret is for paired centrals", AttCode.INSUFFICIENT_AUTHENTICATION)
