"""Frames with every damage that a CRC of 16 bits is able to see, in great number.

Not among them: many changed bits far apart in a frame of the right length, of which one in
65,536 passes any check sum of this size. RENOGYBT_MUTATIONS sets how many there are.
"""

import os
from collections.abc import Callable
from functools import reduce
from random import Random

import pytest
from protocols.renogy.vectors import Vector, flipped, modbus_vectors, parts, with_octet

from renogybt.model.errors import RenogyBTError
from renogybt.protocols.modbus.errors import ModbusError
from renogybt.protocols.modbus.framer import Framer
from renogybt.protocols.modbus.requests import parse_request
from renogybt.protocols.renogy.frame import decode_frame

COUNT = int(os.environ.get("RENOGYBT_MUTATIONS", "30000"))
Mutation = Callable[[Random, bytes], bytes]
VECTORS = modbus_vectors()


def some_bits(rng: Random, frame: bytes) -> bytes:
    """One, two, or any odd number: no such damage divides by the polynomial."""
    count = rng.choice((1, 1, 2, 3, 5, 7))
    return reduce(flipped, rng.sample(range(8 * len(frame)), count), frame)


def burst(rng: Random, frame: bytes) -> bytes:
    """Up to 16 bits in a row, in the order of the CRC."""
    pattern = rng.randint(1, 0xFFFF)
    place = rng.randint(0, 8 * len(frame) - 16)
    return (int.from_bytes(frame, "little") ^ pattern << place).to_bytes(len(frame), "little")


def one_octet(rng: Random, frame: bytes) -> bytes:
    place = rng.randrange(len(frame))
    return frame[:place] + bytes((frame[place] ^ rng.randint(1, 255),)) + frame[place + 1 :]


def cut_off(rng: Random, frame: bytes) -> bytes:
    return frame[: rng.randrange(len(frame))]


def without_octets(rng: Random, frame: bytes) -> bytes:
    place = rng.randrange(len(frame))
    return frame[:place] + frame[place + rng.randint(1, 20) :]


def another_header(rng: Random, frame: bytes) -> bytes:
    place = rng.randrange(2)
    return with_octet(frame, place, frame[place] ^ rng.randint(1, 0x7F))


def another_count(rng: Random, frame: bytes) -> bytes:
    if frame[1] != 3:
        return another_header(rng, frame)
    return with_octet(frame, 2, frame[2] ^ rng.randint(1, 255))


def refused(rng: Random, frame: bytes) -> bytes:
    return with_octet(frame[:1] + b"\0\0\0\0", 1, 0x83)


def noise(rng: Random, frame: bytes) -> bytes:
    return rng.randbytes(rng.choice([size for size in range(300) if size != len(frame)]))


def octets_between(rng: Random, frame: bytes) -> bytes:
    place = rng.randrange(len(frame) + 1)
    return frame[:place] + rng.randbytes(rng.randint(1, 20)) + frame[place:]


def twice_a_part(rng: Random, frame: bytes) -> bytes:
    place = 20 * rng.randrange(1 + (len(frame) - 1) // 20)
    return frame[: place + 20] + frame[place:]


def two_frames(rng: Random, frame: bytes) -> bytes:
    other = rng.choice(VECTORS).response
    return frame + other if rng.random() < 0.5 else other + frame


OF_A_FRAME: tuple[Mutation, ...] = (
    some_bits,
    burst,
    one_octet,
    cut_off,
    without_octets,
    another_header,
    another_count,
    refused,
    noise,
)
"""None of these begins like the reply and goes on after its length."""
OF_A_LENGTH: tuple[Mutation, ...] = (octets_between, twice_a_part, two_frames)
"""These make it longer: seen by who knows that nothing follows, as `decode` does."""


def mutated(rng: Random, mutations: tuple[Mutation, ...]) -> tuple[Vector, bytes]:
    while True:
        vector = rng.choice(VECTORS)
        frame = rng.choice(mutations)(rng, vector.response)
        if frame != vector.response:
            return vector, frame


def test_no_damaged_frame_gives_a_value() -> None:
    rng = Random(20261121)
    for _ in range(COUNT):
        vector, frame = mutated(rng, OF_A_FRAME + OF_A_LENGTH)
        with pytest.raises(RenogyBTError):
            pytest.fail(f"{frame.hex()} gave {decode_frame(vector.type, vector.asked, frame)}")


def test_no_damaged_frame_gets_through_the_framer() -> None:
    rng = Random(20261122)
    for _ in range(COUNT):
        vector, frame = mutated(rng, OF_A_FRAME)
        framer = Framer(parse_request(vector.asked))
        for part in parts(frame, rng.choice((1, 20, 21, 244))):
            try:
                assert framer.feed(part) is None, frame.hex()
            except ModbusError as error:
                assert "exception" in str(error)  # noqa: PT017


def test_behind_any_damaged_frame_only_the_true_reply_is_taken() -> None:
    rng = Random(20261123)
    for _ in range(COUNT // 3):
        vector, frame = mutated(rng, tuple(each for each in OF_A_FRAME if each is not refused))
        if vector.kind == "exception":
            continue
        framer = Framer(parse_request(vector.asked))
        found = [framer.feed(part) for part in parts(frame + vector.response, 20)]
        [reply] = [reply for reply in found if reply is not None]
        assert reply.data in vector.response
        assert len(reply.data) == len(vector.response) - (5 if reply.function == 3 else 4)
