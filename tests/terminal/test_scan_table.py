"""The table of `scan`: it fits, and nobody in the air can write on the terminal."""

import io

import pytest
from rich.console import Console

from renogybt.model.advertisement import RSSI_UNKNOWN, Advertisement
from renogybt.model.radio import Intake, ScanMode, ScannerState, ScannerStatus
from renogybt.terminal.air import Air
from renogybt.terminal.scan_table import scan_table, strength

ADDRESS, WRITTEN = 0x6CB2FD86824D, "6C:B2:FD:86:82:4D"
LONG_NAME = "A device with a name of 29 ch"


def structure(kind: int, octets: bytes) -> bytes:
    return bytes((len(octets) + 1, kind)) + octets


def named(name: str, *more: bytes) -> bytes:
    return structure(0x09, name.encode()) + b"".join(more)


def heard(data: bytes, rssi: int = -58, times: int = 1, address: int = ADDRESS) -> Air:
    air = Air()
    for now in range(times):
        air.hear([Advertisement(address, rssi, 1, data)], float(now))
    return air


def drawn(air: Air, width: int = 120, encoding: str = "utf-8", *, color: bool = False) -> str:
    """What a terminal of this width is sent; a sign that its encoding does not have is an error."""
    out = io.BytesIO()
    file = io.TextIOWrapper(out, encoding=encoding, newline="")
    console = Console(
        file=file,
        width=width,
        force_terminal=color,
        color_system="standard" if color else None,
        legacy_windows=False,
    )
    console.print(scan_table(air, 12_345.0, console))
    file.flush()
    return out.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [60, 79, 80, 99, 100, 120, 160])
def test_who_how_near_and_how_often_is_readable(width: int) -> None:
    air = heard(named(LONG_NAME, structure(0xFF, bytes(range(100)))), rssi=-100, times=12_345)
    text = drawn(air, width)

    row = next(line for line in text.splitlines() if WRITTEN in line)
    assert "-100" in row
    assert "12345" in row
    assert "A device with" in row
    assert all(len(line) <= width for line in text.splitlines())
    assert all(title in text for title in ("Name", "Address", "RSSI", "Heard"))


@pytest.mark.parametrize("width", [45, 50])
def test_a_name_gives_way_to_the_address(width: int) -> None:
    text = drawn(heard(named("BT-TH-FD86824D"), times=99), width)

    assert WRITTEN in text


@pytest.mark.parametrize(
    ("width", "titles"),
    [(60, set()), (68, {"Age s"}), (80, {"Age s", "Content"}), (100, {"Age s", "Content", "Type"})],
)
def test_the_rest_comes_with_the_room(width: int, titles: set[str]) -> None:
    text = drawn(heard(named("hub")), width)

    assert {title for title in ("Age s", "Content", "Type") if title in text} == titles


HOSTILE = [
    "[/x] evil",
    "[/b] evil",
    "[red]red[/red]",
    "[link=http://x.y]z[/link]",
    ":smile:",
    "[[x]",
    "\\[x]",
    "[@click=x]",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_shown_as_it_is(name: str) -> None:
    text = drawn(heard(named(name[:29])), 200)

    assert name[:16] in text


@pytest.mark.parametrize(
    "name", [*HOSTILE, "\x1b[31mred", "\x1b]8;;http://x.y\x07z", "a\rb\x08c\nd", "a\u202eb"]
)
def test_a_name_changes_nothing_on_the_terminal(name: str) -> None:
    evil, good = (drawn(heard(named(each)), 120, color=True) for each in (name, "x" * len(name)))

    assert evil.count("\x1b") == good.count("\x1b")
    assert evil.count("\n") == good.count("\n")
    assert not set("\r\x07\x08\u202e") & set(evil)
    assert "http://x.y\x1b" not in evil


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp1252", "utf-8"])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_an_encoding_without_bars_gets_others(encoding: str, width: int) -> None:
    air = heard(named("Küche 厨房 😀", structure(0xFF, bytes(100))))
    text = drawn(air, width, encoding)  # raises UnicodeEncodeError for a sign that it does not have

    assert WRITTEN in text
    assert ("▆ -58" in text) == (encoding == "utf-8")
    assert ("* -58" in text) == (encoding != "utf-8")


def test_the_strongest_comes_first_and_unknown_strength_last() -> None:
    air = Air()
    for address, rssi in ((1, -90), (2, RSSI_UNKNOWN), (3, -40)):
        air.hear([Advertisement(address, rssi, 0, b"")], 0.0)
    rows = [line for line in drawn(air).splitlines() if "00:00:00:00:00" in line]

    assert [row.split("00:00:00:00:00:0")[1][0] for row in rows] == ["3", "1", "2"]
    assert "?" in rows[2]


@pytest.mark.parametrize(
    ("rssi", "shown"), [(-120, "▁ -120"), (-100, "▁ -100"), (-70, "▅ -70"), (20, "█ 20")]
)
def test_bars_stay_within_their_range(rssi: int, shown: str) -> None:
    assert strength(rssi) == shown


def test_the_title_says_what_the_radio_does_once_that_is_known() -> None:
    air = heard(named("hub"))
    silent = drawn(air).splitlines()[0]
    air.watch(ScannerStatus(ScannerState.RUNNING, ScanMode.PASSIVE, Intake.MGMT, 0x001A7DDA7113))

    assert silent.strip() == "1 devices, 1 advertisements"
    assert "running (passive, mgmt) on 00:1A:7D:DA:71:13" in drawn(air).splitlines()[0]


def test_the_latest_content_counts_and_a_name_stays() -> None:
    air = heard(named("hub"))
    air.hear([Advertisement(ADDRESS, -60, 1, structure(0xFF, b"\x01\x02\x03"))], 7.0)

    (seen,) = air.devices.values()
    assert (seen.name, seen.count, seen.last) == ("hub", 2, 7.0)
    assert seen.summary.manufacturer == ((0x0201, b"\x03"),)
    assert "#0201=03" in drawn(air)


def test_an_advertisement_that_says_the_same_keeps_its_summary() -> None:
    air = heard(named("hub"))
    before = air.devices[ADDRESS].summary
    air.hear([Advertisement(ADDRESS, -61, 1, named("hub"))], 1.0)

    assert air.devices[ADDRESS].summary is before
    assert air.devices[ADDRESS].advertisement.rssi == -61


@pytest.mark.parametrize("width", [80, 160])
def test_what_is_of_renogy_is_said(width: int) -> None:
    hub, other = (drawn(heard(named(name)), width) for name in ("BT-TH-FD86824D", "BT-th-FD86824D"))

    assert "Renogy Blue" in hub
    assert "Renogy" not in other


def test_the_end_of_the_scan_does_not_hide_how_it_was() -> None:
    air = Air()
    running = ScannerStatus(ScannerState.RUNNING, ScanMode.ACTIVE, Intake.DEMO, 1)
    air.watch(running)
    air.watch(ScannerStatus(ScannerState.STOPPED, ScanMode.ACTIVE))

    assert air.status == running
