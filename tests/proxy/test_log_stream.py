import logging
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.proxy.log_stream import MAX_TEXT, NONE, api_level, log_message


def record(
    level: int = logging.INFO, text: object = "text", *args: object, name: str = "renogybt.proxy.server"
) -> logging.LogRecord:
    return logging.LogRecord(name, level, "", 0, text, args, None)


def message_of(text: object, *args: object, **options: Any) -> bytes:
    message: Any = log_message(record(logging.INFO, text, *args, **options))
    return message.message  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("level", "number", "letter"),
    [
        (logging.CRITICAL, 1, "E"),
        (logging.ERROR, 1, "E"),
        (logging.WARNING, 2, "W"),
        (logging.INFO, 3, "I"),
        (logging.DEBUG, 5, "D"),
        (logging.WARNING + 1, 2, "W"),
        (logging.DEBUG + 1, 5, "D"),
        (1, 5, "D"),
    ],
)
def test_the_level_is_that_of_the_api(level: int, number: int, letter: str) -> None:
    message: Any = log_message(record(level))

    assert api_level(record(level)) == message.level == number > NONE
    assert message.message == f"[{letter}][proxy.server]: text".encode()


def test_the_text_holds_its_arguments() -> None:
    assert message_of("%s has %d", "it", 3) == b"[I][proxy.server]: it has 3"


def test_a_name_outside_of_the_package_stays_as_it_is() -> None:
    assert message_of("x", name="renogybt") == b"[I][renogybt]: x"
    assert message_of("x", name="other.place") == b"[I][other.place]: x"


def test_an_exception_is_one_line() -> None:
    each = record(logging.ERROR, "it failed")
    try:
        raise ValueError("the reason")
    except ValueError:
        each.exc_info = sys.exc_info()

    message: Any = log_message(each)

    assert message.message == b"[E][proxy.server]: it failed (ValueError('the reason'))"


def test_a_text_longer_than_any_frame_is_cut() -> None:
    assert len(message_of("x" * 200_000)) == MAX_TEXT


def test_a_file_name_that_is_no_utf_8_is_shown_with_a_replacement() -> None:
    assert message_of("cannot open %s", "/tmp/\udcff") == b"[I][proxy.server]: cannot open /tmp/?"


@given(st.text(st.characters(), max_size=100))
def test_any_text_becomes_a_message(text: str) -> None:
    assert message_of("%s", text).decode().startswith("[I][proxy.server]: ")
