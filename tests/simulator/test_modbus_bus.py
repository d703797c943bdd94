"""What the line does with frames of all kinds."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from simulator.modbus import crc, frame, read, words, write

from renogybt.simulator.modbus_bus import ModbusBus, RefusedError, words_of
from renogybt.simulator.renogy_bus import BATTERY_UNITS, CONTROLLER_UNIT, RenogyBus

LOAD_SWITCH = 0x010A


class Counter:
    """A slave whose registers 0 to 199 hold their own number."""

    def __init__(self) -> None:
        self.written: list[tuple[int, int]] = []

    def read(self, register: int, words: int, now: float) -> Sequence[int]:
        return words_of({number: number for number in range(200)}, register, words)

    def write(self, register: int, value: int, now: float) -> None:
        if register != 7:
            raise RefusedError(2)
        self.written.append((register, value))


@pytest.fixture
def bus() -> ModbusBus:
    return ModbusBus({5: Counter(), 6: Counter()})


def exception(unit: int, function: int, code: int) -> bytes:
    return frame(bytes((unit, function | 0x80, code)))


def test_a_read_is_answered_with_the_words_in_order(bus: ModbusBus) -> None:
    answer = bus.answer(read(5, 10, 3), 0.0)

    assert answer[0] == 5
    assert words(answer) == [10, 11, 12]


def test_a_write_is_echoed_and_reaches_only_the_unit_it_names() -> None:
    five, six = Counter(), Counter()
    request = write(5, 7, 0x1234)

    assert ModbusBus({5: five, 6: six}).answer(request, 0.0) == request
    assert (five.written, six.written) == ([(7, 0x1234)], [])


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (frame(bytes.fromhex("05040000000a")), 1),
        (frame(bytes.fromhex("051000000001020000")), 1),
        (frame(bytes.fromhex("057800000001")), 1),
        (read(5, 200, 1), 2),
        (read(5, 199, 2), 2),
        (read(5, 0xFFFF, 2), 2),
        (write(5, 8, 1), 2),
        (read(5, 0, 126), 3),
        (read(5, 0, 0), 3),
        (frame(read(5, 0, 1)), 4),
    ],
)
def test_what_cannot_be_done_is_refused_by_its_number(bus: ModbusBus, request_: bytes, code: int) -> None:
    assert bus.answer(request_, 0.0) == exception(5, request_[1], code)


def test_the_longest_read_is_125_words(bus: ModbusBus) -> None:
    assert len(words(bus.answer(read(5, 0, 125), 0.0))) == 125


@pytest.mark.parametrize(
    "request_",
    [b"", b"\x05", b"\x05\x03\x00\x00", read(7, 0, 1), read(0, 0, 1), read(5, 0, 1)[:-1] + b"\xff"],
)
def test_nobody_answers_what_is_broken_or_not_for_him(bus: ModbusBus, request_: bytes) -> None:
    assert bus.answer(request_, 0.0) == b""


def test_alone_on_the_line_a_unit_answers_to_255_with_255() -> None:
    answer = ModbusBus({5: Counter()}).answer(read(255, 1, 1), 0.0)

    assert answer[0] == 255
    assert words(answer) == [1]


@given(register=st.integers(4990, 5150), count=st.integers(1, 125))
def test_when_all_answer_at_once_nothing_can_be_read(register: int, count: int) -> None:
    noise = RenogyBus().truth(read(255, register, count), 0.0)

    assert noise
    assert noise[0] not in (255, *BATTERY_UNITS, CONTROLLER_UNIT)
    assert crc(noise) != 0


@given(st.binary(max_size=64))
def test_any_octets_give_nothing_or_a_whole_frame(octets: bytes) -> None:
    answer = RenogyBus().truth(frame(octets), 0.0)

    assert answer == b"" or crc(answer) == 0 or octets[0] == 255


@pytest.mark.parametrize("unit", BATTERY_UNITS)
def test_a_battery_lets_nobody_write(unit: int) -> None:
    assert RenogyBus().truth(write(unit, 5223, 60), 0.0) == exception(unit, 6, 2)


def test_the_load_switch_is_on_or_off_and_nothing_else() -> None:
    bus = RenogyBus()

    assert bus.truth(write(CONTROLLER_UNIT, LOAD_SWITCH, 2), 0.0) == exception(CONTROLLER_UNIT, 6, 4)
    assert bus.truth(write(CONTROLLER_UNIT, 0xE004, 1), 0.0) == exception(CONTROLLER_UNIT, 6, 2)


def test_the_line_needs_no_third_party_as_the_lab_has_none() -> None:
    root = Path(__file__).parents[2]
    script = f"import sys; sys.path.insert(0, {str(root)!r}); import renogybt.simulator.renogy_bus"

    subprocess.run([sys.executable, "-I", "-S", "-c", script], check=True, timeout=30)
