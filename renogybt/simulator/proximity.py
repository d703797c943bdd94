"""Devices that advertise nothing but that they are near: iBeacon, Eddystone, a tracker tag."""

from random import Random

from renogybt.protocols.advertising.structures import Flags, flags, manufacturer, service_data, service_uuids
from renogybt.simulator.payload import Payload, Source, opaque, payload
from renogybt.simulator.sensors import APPLE_COMPANY

EDDYSTONE_UUID = "feaa"
TRACKER_UUID = "feed"

_LE_ONLY = flags(Flags.GENERAL_DISCOVERABLE | Flags.NO_BREDR)
_TELEMETRY_EVERY = 10
"""Every so manieth Eddystone frame tells of the device itself, as its specification recommends."""


def ibeacon(rng: Random) -> Source:
    """iBeacon: proximity UUID, major and minor big-endian, measured power at 1 m."""
    identity = rng.randbytes(16) + rng.randrange(100).to_bytes(2, "big") + rng.randbytes(2)
    power = (-59).to_bytes(1, "big", signed=True)
    constant = payload(_LE_ONLY, manufacturer(APPLE_COMPANY, b"\x02\x15" + identity + power))

    def source(now: float, address: int) -> Payload:
        return constant

    return source


def eddystone(rng: Random) -> Source:
    """Eddystone-UID, and now and then Eddystone-TLM: https://github.com/google/eddystone."""
    power_at_0_m = (-18).to_bytes(1, "big", signed=True)
    uid = b"\x00" + power_at_0_m + rng.randbytes(16) + bytes(2)
    battery_mv = rng.randrange(2700, 3050)
    temperature_256ths = round(rng.uniform(15.0, 28.0) * 256)
    frames = rng.randrange(100_000)
    born = -rng.uniform(0.0, 1e6)

    def telemetry(now: float) -> bytes:
        return b"".join(
            (
                b"\x20\x00",
                battery_mv.to_bytes(2, "big"),
                temperature_256ths.to_bytes(2, "big", signed=True),
                frames.to_bytes(4, "big"),
                int((now - born) * 10).to_bytes(4, "big"),
            )
        )

    def source(now: float, address: int) -> Payload:
        nonlocal frames
        frames += 1
        frame = uid if frames % _TELEMETRY_EVERY else telemetry(now)
        return payload(_LE_ONLY, *service_uuids([EDDYSTONE_UUID]), service_data(EDDYSTONE_UUID, frame))

    return source


def tracker(rng: Random) -> Source:
    """A tag for keys."""

    def source(now: float, address: int) -> Payload:
        return payload(
            _LE_ONLY,
            *service_uuids([TRACKER_UUID]),
            service_data(TRACKER_UUID, b"\x02\x00" + opaque(address, 8)),
        )

    return source
