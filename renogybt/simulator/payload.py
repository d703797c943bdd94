"""What a simulated device puts on the air."""

from collections.abc import Callable
from hashlib import blake2b
from typing import NamedTuple

from renogybt.protocols.advertising.structures import Structure, join


class Payload(NamedTuple):
    """An advertisement, and the scan response that only an active scanner gets; at most 31 octets each."""

    advertisement: bytes
    scan_response: bytes = b""


Source = Callable[[float, int], Payload]
"""The payload of a device at a time (seconds since the simulation began) and under an address."""


def payload(*advertisement: Structure, response: tuple[Structure, ...] = ()) -> Payload:
    """The payload that consists of these AD structures."""
    return Payload(join(advertisement), join(response))


def opaque(address: int, count: int) -> bytes:
    """Octets that look encrypted: the same as long as `address` is the same."""
    return blake2b(address.to_bytes(6, "big"), digest_size=count).digest()
