"""Byte streams cut into pieces, and what a framing makes of them."""

from collections.abc import Iterable, Iterator
from typing import Protocol

from hypothesis import strategies as st

from renogybt.protocols.esphome.errors import ProtocolError
from renogybt.protocols.esphome.plaintext import Frame

numbers = st.integers(min_value=0, max_value=2**28 - 1)
"""What fits into a varint of four bytes."""
payloads = st.one_of(
    st.binary(max_size=24), st.sampled_from((126, 127, 128, 16_383, 16_384)).map(lambda size: b"p" * size)
)
"""With the lengths at which their varints grow."""


class Framing(Protocol):
    """Either of the two."""

    def receive(self, data: bytes) -> Iterator[Frame]: ...


def cut(stream: bytes, places: Iterable[int]) -> list[bytes]:
    """The stream in pieces that end at these places."""
    ends = [*sorted(place for place in places if place < len(stream)), len(stream)]
    return [stream[start:end] for start, end in zip([0, *ends], ends, strict=False)]


def byte_by_byte(stream: bytes) -> list[bytes]:
    """The stream in pieces of one byte."""
    return cut(stream, range(len(stream)))


def outcome(framing: Framing, pieces: Iterable[bytes]) -> tuple[list[Frame], str]:
    """All frames up to the first error, and what the error is. Other exceptions than a
    ProtocolError go through."""
    frames = []
    try:
        for piece in pieces:
            for frame in framing.receive(piece):
                frames.append(frame)  # noqa: PERF402 - those before an error count too
    except ProtocolError as error:
        return frames, f"{type(error).__name__}: {error}"
    return frames, ""
