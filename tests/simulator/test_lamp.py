"""The lamp without a radio: what may be asked of it, and what follows."""

import pytest

from renogybt.model.gatt import AttCode, AttError, Property
from renogybt.simulator.lamp import (
    BEGIN_TO_TICK,
    INDICATE_NOW,
    OUT_OF_RANGE,
    SERVICES,
    STOP_TICKING,
    Lamp,
    Sent,
)

BRIGHTNESS, COMMAND, EVENT, SCHEDULE, SCHEDULE_NAME, SECRET, TICK = 0x32, 0x35, 0x37, 0x3A, 0x3B, 0x3D, 0x3F
CHARACTERISTICS = [each for service in SERVICES for each in service.characteristics]


@pytest.mark.parametrize(
    "handle", [each.handle for each in CHARACTERISTICS if Property.READ in each.properties]
)
def test_all_that_can_be_read_has_a_value(handle: int) -> None:
    assert Lamp().read(handle, encrypted=True)


@pytest.mark.parametrize(
    ("handle", "code"),
    [
        (COMMAND, AttCode.READ_NOT_PERMITTED),
        (EVENT, AttCode.READ_NOT_PERMITTED),
        (TICK, AttCode.READ_NOT_PERMITTED),
        (0x99, AttCode.INVALID_HANDLE),
        (SECRET, AttCode.INSUFFICIENT_AUTHENTICATION),
    ],
)
def test_what_cannot_be_read_is_refused(handle: int, code: int) -> None:
    with pytest.raises(AttError) as refused:
        Lamp().read(handle, encrypted=False)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("handle", "value", "code"),
    [
        (0x12, b"somebody", AttCode.WRITE_NOT_PERMITTED),
        (0x33, b"Dimness", AttCode.WRITE_NOT_PERMITTED),
        (EVENT, b"\x01", AttCode.WRITE_NOT_PERMITTED),
        (0x99, b"\x01", AttCode.INVALID_HANDLE),
        (BRIGHTNESS, b"", AttCode.INVALID_LENGTH),
        (BRIGHTNESS, b"\x65", OUT_OF_RANGE),
        (BRIGHTNESS, b"\x65\x65", AttCode.INVALID_LENGTH),
        (SCHEDULE, bytes(201), AttCode.INVALID_LENGTH),
        (SCHEDULE_NAME, bytes(41), AttCode.INVALID_LENGTH),
        (SECRET, b"xyzzy", AttCode.INSUFFICIENT_AUTHENTICATION),
        (SECRET, bytes(17), AttCode.INSUFFICIENT_AUTHENTICATION),
    ],
)
def test_what_cannot_be_written_is_refused(handle: int, value: bytes, code: int) -> None:
    with pytest.raises(AttError) as refused:
        Lamp().write(handle, value, encrypted=False)

    assert refused.value.code == code


@pytest.mark.parametrize(
    ("handle", "value"),
    [(BRIGHTNESS, b"\x64"), (SCHEDULE, bytes(200)), (SCHEDULE, b""), (SECRET, bytes(16)), (0x62, b"\xff")],
)
def test_what_was_written_is_read(handle: int, value: bytes) -> None:
    lamp = Lamp()
    lamp.write(handle, value, encrypted=True)

    assert lamp.read(handle, encrypted=True) == value


def test_brightness_is_told_when_it_is_written_and_on_command() -> None:
    lamp = Lamp()

    assert lamp.write(BRIGHTNESS, b"\x07", encrypted=False) == (Sent(EVENT, b"\x07"),)
    assert lamp.write(COMMAND, INDICATE_NOW, encrypted=False) == (Sent(EVENT, b"\x07"),)
    assert lamp.write(0x52, b"\x07", encrypted=False) == ()


def test_ticks_count_from_the_beginning() -> None:
    lamp = Lamp()
    for _ in range(2):
        lamp.write(COMMAND, BEGIN_TO_TICK, encrypted=False)
        assert lamp.ticking
        assert [lamp.tick().octets.hex() for _ in range(3)] == ["00000000", "01000000", "02000000"]
    lamp.write(COMMAND, STOP_TICKING, encrypted=False)

    assert not lamp.ticking


@pytest.mark.parametrize("command", [b"", b"\x00", b"\x01\x01", b"\xff" * 30])
def test_a_command_that_it_does_not_know_is_ignored(command: bytes) -> None:
    lamp = Lamp()

    assert lamp.write(COMMAND, command, encrypted=False) == ()
    assert not lamp.ticking
