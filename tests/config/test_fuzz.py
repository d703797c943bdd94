"""Any text is a configuration or an error that says why not."""

import configparser
import io
from collections.abc import Callable
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from renogybt.config import (
    TABLE,
    Configuration,
    ConfigurationError,
    default_configuration,
    load_configuration,
)
from renogybt.config.source import parse_document
from renogybt.config.structure import Part, scan
from renogybt.config.table import rows_of

# pieces that make a difference to the form, so that the fuzzer meets it often
SIGNS = ["[", "]", "=", ":", "#", ";", " ", "  ", "\t", "\n", "\n", "\n", "\x1c", "\x85", "\ufeff", "\0", "ß"]
WORDS = ["[mqtt]", "[device]", "[device:a]", "[DEFAULT]", "device", "port", "device_id"]
TEXTUAL = ["48,", "x = 1", "a", "B", "%(a)s"]
PIECES = st.sampled_from([*SIGNS, *WORDS, *TEXTUAL]) | st.text(max_size=3)
# the form is judged on texts whose line ends are already of one character
TEXTS = st.lists(PIECES, max_size=40).map(lambda pieces: "".join(pieces).replace("\r", "\n"))

VALUES = st.text(max_size=60) | st.from_regex(
    r"[0-9A-FX]{2}(:[0-9A-FX]{2}){5}|-?[0-9.,]{1,9}", fullmatch=True
)


def strict_parser() -> configparser.ConfigParser:
    return configparser.ConfigParser(inline_comment_prefixes=("#",), interpolation=None, default_section="")


def places(text: str) -> dict[tuple[str, str], int]:
    return {(line.section, line.key): line.number for line in scan(text) if line.part is Part.KEY}


def loses_a_device(text: str) -> bool:
    """Whether configparser takes a section such as `[device:solar` without its bracket for a key."""
    return any(line.part is Part.UNCLOSED and ":" in line.section for line in scan(text))


# the scan knows better there
ALIKE = TEXTS.filter(lambda text: not loses_a_device(text))


@given(ALIKE)
def test_the_scan_finds_the_keys_that_configparser_finds(text: str):
    parser = strict_parser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    assert set(places(text)) == {(section, key) for section in parser.sections() for key in parser[section]}


def broken_lines(text: str) -> set[int]:
    """The lines to which configparser objects; after some errors it looks no further."""
    try:
        strict_parser().read_string(text)
    except (
        configparser.MissingSectionHeaderError,
        configparser.DuplicateOptionError,
        configparser.DuplicateSectionError,
    ) as error:
        return {error.lineno or 0}
    except configparser.ParsingError as error:
        return {number for number, _ in error.errors}
    return set()


@given(ALIKE)
def test_the_scan_objects_where_configparser_objects(text: str):
    # a swallowed key is an objection of our own
    found = {f.line for f in parse_document("f", text).findings if "is indented" not in f.problem}
    expected = broken_lines(text)
    assert expected <= found
    assert bool(expected) == bool(found)


@given(ALIKE)
def test_the_values_are_those_of_configparser(text: str):
    parser = strict_parser()
    try:
        parser.read_string(text)
    except configparser.Error:
        return
    for entry in parse_document("f", text).entries:
        assert entry.text == parser[entry.section][entry.key]


@given(TEXTS)
def test_a_line_number_points_at_its_key(text: str):
    lines = list(io.StringIO(text))
    for (_, key), number in places(text).items():
        assert lines[number - 1].strip().lower().startswith(key)


@given(TEXTS)
def test_no_text_breaks_the_taking_apart(text: str):
    assert "cannot be taken apart" not in {finding.problem for finding in parse_document("f", text).findings}


def told(load: Callable[[], Configuration]) -> tuple[str, ...]:
    """What a user reads: warnings or errors, of which there is at least one."""
    try:
        return load().warnings
    except ConfigurationError as error:
        return tuple(map(str, error.findings)) or ("an error without a finding \0",)


@given(st.binary(max_size=200) | TEXTS.map(str.encode))
def test_any_file_gives_a_configuration_or_an_error(tmp_path_factory, content: bytes):
    path: Path = tmp_path_factory.getbasetemp() / "fuzz.ini"
    path.write_bytes(content)
    assert all(line.isprintable() for line in told(lambda: load_configuration(path, (), {})))


@given(st.sampled_from(TABLE), VALUES)
def test_any_value_of_any_key_gives_a_configuration_or_an_error(row, text: str):
    override = f"{row.section}.{row.key}={text}"
    assert all(line.isprintable() for line in told(lambda: default_configuration([override], {})))


@given(st.sampled_from(rows_of("device:solar")), VALUES)
def test_any_value_of_a_further_device_gives_a_configuration_or_an_error(row, text: str):
    overrides = [
        "device.mac_addr=6C:B2:FD:86:82:4D",
        "device.type=RNG_CTRL",
        "device:solar.mac_addr=6C:B2:FD:86:82:4D",
        "device:solar.type=RNG_CTRL_HIST",
        f"{row.section}.{row.key}={text}",
    ]
    assert all(line.isprintable() for line in told(lambda: default_configuration(overrides, {})))


@given(st.lists(st.text(max_size=30), max_size=3))
def test_any_override_gives_a_configuration_or_an_error(overrides: list[str]):
    assert all(line.startswith("--set") for line in told(lambda: default_configuration(overrides, {})))
