import contextlib
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.service.logs import PACKAGE, LogTap, printable, start_logging

LOGGER = logging.getLogger(f"{PACKAGE}.a_room")


@contextlib.contextmanager
def logging_started(level: str) -> Iterator[None]:
    """As in a fresh process; everything is as before afterwards."""
    root, package = logging.getLogger(), logging.getLogger(PACKAGE)
    handlers, root_level, package_level = root.handlers[:], root.level, package.level
    root.handlers[:] = []
    try:
        start_logging(level)
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(root_level)
        package.setLevel(package_level)


# to stderr


@pytest.mark.parametrize(
    ("level", "shown"),
    [
        ("DEBUG", ["debug", "info", "warning", "error"]),
        ("INFO", ["info", "warning", "error"]),
        ("WARNING", ["warning", "error"]),
        ("ERROR", ["error"]),
    ],
)
def test_the_program_logs_from_its_level_on(
    capsys: pytest.CaptureFixture[str], level: str, shown: list[str]
) -> None:
    with logging_started(level):
        for name in ("debug", "info", "warning", "error"):
            getattr(LOGGER, name)("this is %s", name)

    lines = capsys.readouterr().err.splitlines()
    assert [line.rsplit(" ", 1)[1] for line in lines] == shown


def test_other_libraries_log_from_warning_on_even_when_the_program_tells_all(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with logging_started("DEBUG"):
        logging.getLogger("bleak").info("chatter")
        logging.getLogger("bleak").warning("trouble")

    out, err = capsys.readouterr()
    assert out == ""
    assert "chatter" not in err
    assert "trouble" in err


def test_a_line_holds_the_time_the_level_the_room_and_the_text(capsys: pytest.CaptureFixture[str]) -> None:
    with logging_started("INFO"):
        LOGGER.info("the text")

    assert capsys.readouterr().err.endswith(" INFO    renogybt.a_room: the text\n")


# text of peers


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Home Assistant 2026.11.0", "Home Assistant 2026.11.0"),
        ("Küche 🔋", "Küche 🔋"),
        ("two\nlines\r\n", "two?lines??"),
        ("\x1b[31mred\x1b[0m", "?[31mred?[0m"),
        ("right-to-left \u202e", "right-to-left ?"),
        ("half a character \udc80", "half a character ?"),
        ("", ""),
    ],
)
def test_what_could_disturb_a_log_is_replaced(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_a_text_of_the_limit_stays_and_a_longer_one_says_that_it_was_cut() -> None:
    assert printable("x" * 80) == "x" * 80
    assert printable("x" * 81) == "x" * 79 + "…"
    assert printable("abcdef", 4) == "abc…"


@given(st.text(st.characters(), max_size=120), st.integers(min_value=1, max_value=100))
def test_any_text_is_one_printable_line_within_the_limit(text: str, limit: int) -> None:
    shown = printable(text, limit)

    assert shown.isprintable()
    assert len(shown) <= limit
    shown.encode()


# to listeners


def test_a_tap_hands_on_what_the_program_logs_and_nothing_of_others() -> None:
    records: list[logging.LogRecord] = []

    with LogTap(records.append):
        LOGGER.warning("ours: %d", 1)
        logging.getLogger("bleak").warning("theirs")
        logging.getLogger(PACKAGE).error("of the package itself")

    assert [record.getMessage() for record in records] == ["ours: 1", "of the package itself"]


def test_a_closed_tap_hands_nothing_on() -> None:
    records: list[logging.LogRecord] = []

    with LogTap(records.append):
        pass
    LOGGER.warning("late")

    assert records == []


def test_a_listener_may_log_itself() -> None:
    heard: list[str] = []

    def listener(record: logging.LogRecord) -> None:
        heard.append(record.getMessage())
        LOGGER.warning("a log of a log of %s", record.getMessage())

    with LogTap(listener):
        LOGGER.warning("first")
        LOGGER.warning("second")

    assert heard == ["first", "second"]


def test_a_record_with_wrong_arguments_harms_only_itself(capsys: pytest.CaptureFixture[str]) -> None:
    heard: list[str] = []
    record = LOGGER.makeRecord(LOGGER.name, logging.WARNING, __file__, 1, "%d %d", ("x",), None)

    with LogTap(lambda record: heard.append(record.getMessage())) as tap:
        tap.handle(record)
        LOGGER.warning("the next")

    assert heard == ["the next"]
    assert "Logging error" in capsys.readouterr().err


def test_an_error_of_the_listener_does_not_stop_the_tap() -> None:
    heard: list[str] = []

    def listener(record: logging.LogRecord) -> None:
        heard.append(record.getMessage())
        raise RuntimeError("a listener that breaks its word")

    with LogTap(listener):
        for text in ("first", "second"):
            with pytest.raises(RuntimeError):
                LOGGER.warning(text)

    assert heard == ["first", "second"]
