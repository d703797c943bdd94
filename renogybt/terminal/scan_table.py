"""What is in the air as a table that fits the terminal.

Texts of devices are never given to rich as strings: it would read markup, links and emoji in them.
"""

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table
from rich.text import Text

from renogybt.model.advertisement import RSSI_UNKNOWN, AddressType, format_address
from renogybt.model.radio import ScannerStatus
from renogybt.protocols.advertising.summary import Summary
from renogybt.readers.candidates import renogy_in_words
from renogybt.terminal.air import Air, Seen
from renogybt.terminal.values import showable

_BARS, _ASCII_BARS = "▁▂▃▄▅▆▇█", ".:-=+*#@"
_WEAK_DBM, _STRONG_DBM = -100, -40
_NAME_WIDTH, _SHORTEST_NAME = 18, 4
_ALWAYS_WIDTH = 41
"""Address, RSSI and a count of five digits, with their lines and those of the name."""


@dataclass(frozen=True, slots=True)
class Sight:
    """How and when the table is looked at: `now` in monotonic seconds, the bars of the RSSI."""

    now: float
    bars: str


@dataclass(frozen=True, slots=True)
class Column:
    """`from_width` is the narrowest terminal, in characters, that has room for it."""

    title: str
    text: Callable[[Seen, Sight], str]
    from_width: int = 0
    number: bool = False


_NAME = Column("Name", lambda seen, _: seen.name)
_CONTENT = Column("Content", lambda seen, _: _what_and_content(seen), from_width=80)
_COLUMNS = (
    _NAME,
    Column("Address", lambda seen, _: format_address(seen.advertisement.address)),
    Column("Type", lambda seen, _: AddressType(seen.advertisement.address_type).name.lower(), from_width=100),
    Column("RSSI", lambda seen, sight: strength(seen.advertisement.rssi, sight.bars), number=True),
    Column("Heard", lambda seen, _: str(seen.count), number=True),
    Column("Age s", lambda seen, sight: f"{sight.now - seen.last:.0f}", from_width=68, number=True),
    _CONTENT,
)


def scan_table(air: Air, now: float, console: Console) -> Table:
    """The strongest first, in columns for which the console has room and signs that it can show."""
    shown = [column for column in _COLUMNS if column.from_width <= console.width]
    table = Table(title=Text(_title(air)), title_justify="left", expand=_CONTENT in shown)
    for column in shown:
        table.add_column(
            column.title,
            justify="right" if column.number else "left",
            no_wrap=True,
            overflow="crop" if console.options.ascii_only else "ellipsis",
            ratio=1 if column is _CONTENT else None,
            max_width=_name_width(console) if column is _NAME else None,
        )
    sight = Sight(now, bars_for(console.encoding))
    for seen in sorted(air.devices.values(), key=lambda each: -each.advertisement.rssi):
        table.add_row(*(Text(showable(column.text(seen, sight), console.encoding)) for column in shown))
    return table


def bars_for(encoding: str) -> str:
    """Eight signs from weak to strong that the encoding has."""
    try:
        _BARS.encode(encoding)
    except UnicodeEncodeError:
        return _ASCII_BARS
    return _BARS


def strength(rssi: int, bars: str = _BARS) -> str:
    """`▆ -58`, or `?`."""
    if rssi == RSSI_UNKNOWN:
        return "?"
    share = (rssi - _WEAK_DBM) / (_STRONG_DBM - _WEAK_DBM)
    step = min(max(int(share * len(bars)), 0), len(bars) - 1)
    return f"{bars[step]} {rssi}"


def content(summary: Summary) -> str:
    """Services and manufacturers in a few words."""
    parts = [f"{uuid}={data.hex()}" for uuid, data in summary.service_data]
    parts += [f"#{company:04x}={data.hex()}" for company, data in summary.manufacturer]
    listed = [uuid for uuid in summary.service_uuids if uuid not in dict(summary.service_data)]
    if listed:
        parts.append("services " + ",".join(listed))
    return "  ".join(parts)


def _what_and_content(seen: Seen) -> str:
    renogy = renogy_in_words(seen.name, seen.summary.service_uuids)
    return "  ".join(part for part in (renogy, content(seen.summary)) if part)


def _title(air: Air) -> str:
    parts = [f"{len(air.devices)} devices", f"{air.total} advertisements"]
    if air.status is not None:
        parts.append(_radio_in_words(air.status))
    return ", ".join(parts)


def _radio_in_words(status: ScannerStatus) -> str:
    adapter = "" if status.adapter is None else f" on {format_address(status.adapter)}"
    return f"{status.state.value} ({status.mode.value}, {status.intake.value}){adapter}"


def _name_width(console: Console) -> int:
    return max(_SHORTEST_NAME, min(_NAME_WIDTH, console.width - _ALWAYS_WIDTH))
