"""One round of readings for people: a small table per device, and a line for the bank."""

from collections.abc import Iterator, Sequence

from rich.console import Console, Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from renogybt.model.advertisement import format_address
from renogybt.model.reading import PowerDevice, Role
from renogybt.readers.reader import Outcome
from renogybt.service.logs import printable
from renogybt.terminal.reading_rows import Row, bank_in_words, model, rows
from renogybt.terminal.scan_live import WIDTH_OF_NO_TERMINAL
from renogybt.terminal.scan_table import bars_for, strength
from renogybt.terminal.values import showable

_ROLES = {
    Role.BATTERY: "Battery",
    Role.CONTROLLER: "Charge controller",
    Role.DC_CHARGER: "DC-DC charger",
    Role.INVERTER: "Inverter",
    Role.SHUNT: "Shunt",
    Role.BANK: "Bank",
}


def print_readings(outcomes: Sequence[Outcome]) -> None:
    """All of them to stdout."""
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, WIDTH_OF_NO_TERMINAL)
    console.print(reading_tables(outcomes, console))


def reading_tables(outcomes: Sequence[Outcome], console: Console) -> Group:
    """All devices in their order, then the banks."""
    devices = [each for each in outcomes if each.device.role is not Role.BANK]
    banks = [each for each in outcomes if each.device.role is Role.BANK]
    return Group(*(_device(each, console) for each in devices), *(_bank(each, console) for each in banks))


def _device(outcome: Outcome, console: Console) -> Group:
    table = Table.grid(padding=(0, 2))
    table.add_column(no_wrap=True, style="dim")
    table.add_column(overflow="fold")
    for row in _rows(outcome, bars_for(console.encoding)):
        table.add_row(row.title, _text(row.text, console, "red" if row.alarming else ""))
    return Group(_text(_title(outcome), console, "bold"), Padding(table, (0, 0, 1, 2), expand=False))


def _rows(outcome: Outcome, bars: str) -> Iterator[Row]:
    health = outcome.health
    if outcome.reading is None:
        yield Row("No reading", health.trouble or "it gave no answer", alarming=True)
    else:
        yield from rows(outcome.device, outcome.reading, bars)
        if health.trouble:
            yield Row("Trouble", health.trouble, alarming=True)
    if health.rssi is not None:
        yield Row("Signal", f"{strength(health.rssi, bars)} dBm")


def _bank(outcome: Outcome, console: Console) -> Text:
    if outcome.reading is None:
        trouble = outcome.health.trouble or "only complete when every battery of it was read"
        return _text(f"{_title(outcome)}: no values, {trouble}", console, "red")
    return _text(f"{_title(outcome)}: {bank_in_words(outcome.device, outcome.reading)}", console, "bold")


def _title(outcome: Outcome) -> str:
    device = outcome.device
    parts = [_name(device), device.alias, model(device, outcome.reading)]
    if device.address is not None:
        parts.append(format_address(device.address))
    return ", ".join(part for part in parts if part)


def _name(device: PowerDevice) -> str:
    history = " history" if device.key.endswith("-history") else ""
    return f"{_ROLES[device.role]}{f' {device.unit_id}' if device.unit_id else ''}{history}"


def _text(text: str, console: Console, style: str) -> Text:
    """Never a string: rich would read markup in what a device or a file says."""
    return Text(showable(printable(text, limit=len(text)), console.encoding), style=style)
