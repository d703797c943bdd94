from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protocols.renogy.vectors import parts, vectors

from renogybt.model.reading import DeviceType
from renogybt.protocols.modbus.errors import TrailingBytesError, TruncatedError
from renogybt.protocols.renogy.errors import ImplausibleError
from renogybt.protocols.renogy.registers import Values
from renogybt.protocols.renogy.shunt import LENGTH, LIVE, ShuntAssembler, parse_live

FRAME = next(each.response for each in vectors() if each.type is DeviceType.SHUNT)
HISTORY = b"\x42\x57\x01\x0b" + bytes(range(3, 109))
PREFIX = b"\x61\xd2\x01\x02"


def live(
    volts: float = 13.2,
    amperes: float = -5.4,
    level: float = 85.4,
    starter: float = 13.1,
    celsius: float = 24.5,
) -> bytes:
    frame = bytearray(LIVE + bytes(LENGTH - len(LIVE)))
    frame[21:24] = round(amperes * 1000).to_bytes(3, signed=True)
    frame[25:28] = round(volts * 1000).to_bytes(3)
    frame[30:32] = round(starter * 1000).to_bytes(2)
    frame[34:36] = round(level * 10).to_bytes(2)
    frame[66:68] = round(celsius * 10).to_bytes(2, signed=True)
    return bytes(frame)


def collected(chunks: list[bytes]) -> list[Values]:
    assembler = ShuntAssembler()
    return [values for chunk in chunks if (values := assembler.feed(chunk)) is not None]


def test_its_values_are_those_of_the_vector() -> None:
    assert parse_live(FRAME) == parse_live(live()) == parse_live(PREFIX + FRAME)
    assert parse_live(FRAME)["charge_watts"] == pytest.approx(-71.28)


def test_its_temperature_goes_below_zero() -> None:
    assert parse_live(live(celsius=-5.5))["battery_temperature"] == -5.5


@pytest.mark.parametrize("size", [1, 20, 54, 55, 109, 110, 244])
def test_parts_of_any_size_make_a_frame(size: int) -> None:
    assert collected(parts(FRAME + PREFIX + FRAME, size))[-1] == parse_live(FRAME)
    assert len(collected(parts(PREFIX + FRAME, size))) == 1


@given(st.lists(st.integers(0, 500), max_size=8), st.binary(max_size=40))
def test_where_the_stream_is_cut_changes_nothing(places: list[int], garbage: bytes) -> None:
    stream = garbage + HISTORY + PREFIX + live(12.0) + garbage + live(13.0) + HISTORY
    ends = sorted({place % len(stream) for place in places})
    chunks = [stream[start:end] for start, end in zip([0, *ends], [*ends, len(stream)], strict=True)]

    assert collected(chunks)[-1:] == [parse_live(live(13.0))]
    assert collected(parts(stream, 1)) == [parse_live(live(12.0)), parse_live(live(13.0))]


def test_history_is_passed_over() -> None:
    assert collected([HISTORY, HISTORY]) == []
    assert len(collected([HISTORY, FRAME, HISTORY])) == 1


@pytest.mark.parametrize("length", [1, 4, 20, 50, 90])
@pytest.mark.parametrize("following", [FRAME, HISTORY + FRAME, PREFIX + FRAME])
def test_a_frame_that_is_cut_off_by_the_next_one_is_dropped(length: int, following: bytes) -> None:
    other = live(48.0)

    assert collected([other[:length], following]) == [parse_live(FRAME)]
    assert collected([other[20:], following]) == [parse_live(FRAME)]
    assert collected([other[:20], other[40:], following]) == [parse_live(FRAME)]


IMPOSSIBLE = [
    ({"volts": 5.9}, "main_battery_voltage"),
    ({"volts": 80.1}, "main_battery_voltage"),
    ({"amperes": 500.1}, "charge_amps"),
    ({"amperes": -500.1}, "charge_amps"),
    ({"volts": 50.0, "amperes": 200.1}, "charge_watts"),
    ({"level": 100.1}, "main_battery_percent"),
    ({"celsius": 200.0}, "battery_temperature"),
]


@pytest.mark.parametrize(("numbers", "name"), IMPOSSIBLE)
def test_what_cannot_be_is_refused_by_name(numbers: dict[str, float], name: str) -> None:
    with pytest.raises(ImplausibleError, match=name):
        parse_live(live(**numbers))


def test_an_impossible_frame_leaves_its_reason_and_the_next_one_takes_it_away() -> None:
    assembler = ShuntAssembler()

    assert assembler.feed(live(volts=90.0)) is None
    assert "main_battery_voltage of a shunt is 90.0" in str(assembler.fault)
    assert assembler.feed(FRAME) is not None
    assert assembler.fault is None


def test_bounds_are_possible() -> None:
    for numbers in ({"volts": 6.0}, {"volts": 80.0, "amperes": 125.0}, {"volts": 20.0, "amperes": -500.0}):
        assert parse_live(live(**numbers))


def test_exactly_one_frame_is_a_frame() -> None:
    with pytest.raises(TruncatedError, match="109 of 110"):
        parse_live(FRAME[:-1])
    with pytest.raises(TrailingBytesError, match="111 bytes"):
        parse_live(FRAME + b"\0")
    with pytest.raises(ImplausibleError, match="begin with 42570119"):
        parse_live(HISTORY)


def test_noise_gives_nothing() -> None:
    assert collected(parts(Random(5).randbytes(20_000), 244)) == []
