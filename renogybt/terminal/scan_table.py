"""What is in the air: a table that lives, or a line of JSON per advertisement."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TextIO

from renogybt.model.advertisement import RSSI_UNKNOWN, AddressType, Advertisement, format_address
from renogybt.protocols.advertising.summary import Summary, describe

if TYPE_CHECKING:
    from rich.table import Table

_BAR = "▁▂▃▄▅▆▇█"
_WEAK_DBM, _STRONG_DBM = -100, -40


@dataclass(slots=True)
class Seen:
    """One device: its latest advertisement and how often it was heard."""

    advertisement: Advertisement
    name: str
    count: int
    last: float


class Air:
    """Everything heard so far, by address."""

    def __init__(self) -> None:
        self.devices: dict[int, Seen] = {}
        self.total = 0

    def hear(self, batch: Sequence[Advertisement], now: float) -> None:
        """Take in a batch that came at `now`."""
        for advertisement in batch:
            self.total += 1
            seen = self.devices.get(advertisement.address)
            name = describe(advertisement.data).name or ""
            if seen is None:
                self.devices[advertisement.address] = Seen(advertisement, name, 1, now)
            else:
                seen.advertisement = advertisement
                seen.name = name or seen.name
                seen.count += 1
                seen.last = now

    def table(self, now: float) -> "Table":
        """The strongest first."""
        from rich.table import Table

        table = Table(title=f"{len(self.devices)} devices, {self.total} advertisements", title_justify="left")
        for column in ("Name", "Address", "Type"):
            table.add_column(column, no_wrap=True)
        for column in ("RSSI", "Heard", "Age s"):
            table.add_column(column, justify="right", no_wrap=True)
        table.add_column("Content", overflow="ellipsis", no_wrap=True)
        for seen in sorted(self.devices.values(), key=lambda each: -each.advertisement.rssi):
            address, rssi, address_type, data = seen.advertisement
            table.add_row(
                seen.name,
                format_address(address),
                AddressType(address_type).name.lower(),
                strength(rssi),
                str(seen.count),
                f"{now - seen.last:.0f}",
                content(describe(data)),
            )
        return table


def strength(rssi: int) -> str:
    """`▆ -58`, or `?`."""
    if rssi == RSSI_UNKNOWN:
        return "?"
    share = (rssi - _WEAK_DBM) / (_STRONG_DBM - _WEAK_DBM)
    step = min(max(int(share * len(_BAR)), 0), len(_BAR) - 1)
    return f"{_BAR[step]} {rssi}"


def content(summary: Summary) -> str:
    """Services and manufacturers in a few words."""
    parts = [f"{uuid}={data.hex()}" for uuid, data in summary.service_data]
    parts += [f"#{company:04x}={data.hex()}" for company, data in summary.manufacturer]
    listed = [uuid for uuid in summary.service_uuids if uuid not in dict(summary.service_data)]
    if listed:
        parts.append("services " + ",".join(listed))
    return "  ".join(parts)


def write_json_lines(batch: Sequence[Advertisement], now: float, out: TextIO) -> None:
    """One object per advertisement: `monotonic_s address address_type rssi name data`."""
    for address, rssi, address_type, data in batch:
        line = {
            "monotonic_s": round(now, 3),
            "address": format_address(address),
            "address_type": AddressType(address_type).name.lower(),
            "rssi": None if rssi == RSSI_UNKNOWN else rssi,
            "name": describe(data).name,
            "data": data.hex(),
        }
        out.write(json.dumps(line) + "\n")
    out.flush()
