"""The steps that an advertisement takes, each in a loop of its own, where caches are warm."""

import itertools
import socket
import time
from collections.abc import Callable
from functools import partial

from dbus_fast import unpack_variants
from noise.connection import NoiseConnection

from benchmarks.emit_dbus import Template
from benchmarks.emit_mgmt import device_found
from benchmarks.neighbourhood import FLAGS, neighbour, wander
from benchmarks.processes import log_to_stderr
from benchmarks.table import Row
from benchmarks.wire import unmarshal
from renogybt.bluetooth.device import DeviceRecord
from renogybt.model.advertisement import AddressType, Advertisement, format_address
from renogybt.protocols.advertising.mgmt import DEVICE_FOUND, parse_found
from renogybt.protocols.esphome.advertisements import RAW_ADVERTISEMENTS, AdvertisementEncoder
from renogybt.protocols.esphome.noise import NoiseFraming
from renogybt.protocols.esphome.plaintext import plaintext_frame

_REPEATS = 7
LEAST_S = 0.05
_BATCHES = (1, 16, 64)
_KEY = bytes(range(32))
_PACKET, _LARGEST = 50, 2_048


def per_call_us(action: Callable[[], object]) -> list[float]:
    """Several measurements of one call."""
    times = 1
    while (spent := _loop(action, times)) < LEAST_S:
        times = max(times * 2, int(times * LEAST_S / max(spent, 1e-6)))
    return [_loop(action, times) / times * 1e6 for _ in range(_REPEATS)]


def _loop(action: Callable[[], object], times: int) -> float:
    steps = itertools.repeat(None, times)
    started = time.process_time()
    for _ in steps:
        action()
    return time.process_time() - started


def receive_us(packets: int = 100) -> list[float]:
    """A call of the kernel for a packet that waits: what no program on this machine can do without."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    found = []
    with ours, theirs:
        for _ in range(_REPEATS * 10):
            for _ in range(packets):
                theirs.send(bytes(_PACKET))
            found.append(_loop(partial(ours.recv, _LARGEST), packets) / packets * 1e6)
    return sorted(found)[len(found) // 4 : -len(found) // 4]


def established(key: bytes) -> NoiseFraming:
    """A server's framing after a handshake with a client."""
    hello = b""
    client = NoiseConnection.from_name(b"Noise_NNpsk0_25519_ChaChaPoly_SHA256")
    client.set_as_initiator()
    client.set_psks(key)
    client.set_prologue(b"NoiseAPIInit" + len(hello).to_bytes(2, "big") + hello)
    client.start_handshake()
    framing = NoiseFraming(key, "benchmark", "020000000000")
    opening = b"\0" + bytes(client.write_message())
    list(framing.receive(b"\x01\0\0" + b"\x01" + len(opening).to_bytes(2, "big") + opening))
    return framing


def _intakes() -> list[tuple[str, Callable[[], object]]]:
    device = neighbour()
    packet = bytes(device_found(device.address, device.rssi))
    signal = bytes(Template(device).buffer)
    changed = unmarshal(signal).body[1]
    properties = unpack_variants(changed)
    record = DeviceRecord()
    record.update(
        {"Address": format_address(int.from_bytes(device.address, "big")), "AdvertisingFlags": FLAGS}
    )
    return [
        ("mgmt packet to advertisement", lambda: parse_found(DEVICE_FOUND, packet)),
        ("dbus-fast: read a PropertiesChanged", lambda: unmarshal(signal)),
        ("dbus-fast: unpack its variants", lambda: unpack_variants(changed)),
        ("D-Bus properties to advertisement", lambda: record.hear(properties)),
    ]


def _batch(size: int) -> list[Advertisement]:
    devices = [neighbour() for _ in range(size)]
    return [
        Advertisement(
            int.from_bytes(device.address, "big"),
            wander(device),
            AddressType.RANDOM,
            bytes(device_found(device.address, 0)[-29:]),
        )
        for device in devices
    ]


def _encode(encoder: AdvertisementEncoder, batch: list[Advertisement]) -> None:
    for _ in encoder.encode(batch):
        pass


def measure() -> list[Row]:
    """Times per advertisement."""
    found = []
    with log_to_stderr("building blocks"):
        found.append(Row("receive a packet that waits, by the kernel", receive_us(), "µs", digits=2))
        for name, action in _intakes():
            found.append(Row(name, per_call_us(action), "µs", digits=2))
        encoder, noise = AdvertisementEncoder(), established(_KEY)
        for size in _BATCHES:
            batch = _batch(size)
            (payload, _count), *_ = encoder.encode(batch)
            steps: list[tuple[str, Callable[[], object]]] = [
                ("encode", partial(_encode, encoder, batch)),
                ("plaintext frame", partial(plaintext_frame, RAW_ADVERTISEMENTS, payload)),
                ("Noise frame", partial(noise.frame, RAW_ADVERTISEMENTS, payload)),
            ]
            for name, action in steps:
                values = [value / size for value in per_call_us(action)]
                found.append(Row(f"{name}, per advertisement in batches of {size}", values, "µs", digits=3))
    return found
