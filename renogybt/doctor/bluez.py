"""What BlueZ shows over D-Bus, looked at once and without starting anything."""

import asyncio
import re
from dataclasses import dataclass
from enum import Enum

from renogybt.bluetooth.bus import ADAPTER, PROPERTIES, Bus
from renogybt.bluetooth.discovery import ACCESS_DENIED
from renogybt.bluetooth.errors import BusError, CallError, CallTimeoutError
from renogybt.bluetooth.tree import AdapterRecord, AdapterTree
from renogybt.model.advertisement import parse_address

_OPEN_S = 2.0
_ASK_S = 2.0
_MODALIAS = re.compile(r"usb:v1D6Bp0246d([0-9A-F]{2})([0-9A-F]{2})")
"""What an adapter says it is, where main.conf has no DeviceID: the Linux Foundation's BlueZ of this version
(src/main.c, set_default_device_id of bluez/bluez)."""

Version = tuple[int, int]


class Stage(Enum):
    """How far a look came."""

    NO_BUS = "no bus"
    NO_SERVICE = "no service"
    DENIED = "denied"
    SILENT = "silent"
    REFUSED = "refused"
    THERE = "there"


@dataclass(frozen=True, slots=True)
class Sight:
    """`detail` is the error, for a stage before THERE. `adapter` is the one that would be used; `shown`
    tells of all that BlueZ shows, for a message."""

    stage: Stage
    detail: str = ""
    adapter: AdapterRecord | None = None
    shown: str = ""
    version: Version | None = None

    @property
    def several(self) -> bool:
        """Whether BlueZ has more than one."""
        return "," in self.shown


async def look(bus_address: str | None, adapter: str | None) -> Sight:
    """Within 5 s. `adapter` as configured: a name, an address, or None for the first powered one."""
    choice = parse_address(adapter) if adapter and ":" in adapter else adapter
    try:
        async with asyncio.timeout(_OPEN_S) as opening, Bus(bus_address) as bus:
            await bus.follow_bluez()
            opening.reschedule(None)
            if not bus.bluez:  # asking for its objects would start it
                return Sight(Stage.NO_SERVICE)
            return await _look(bus, choice)
    except BusError as error:
        return Sight(Stage.NO_BUS, str(error))
    except TimeoutError:
        return Sight(Stage.NO_BUS, "the D-Bus system bus does not answer")


async def _look(bus: Bus, choice: str | int | None) -> Sight:
    """Raises BusError."""
    tree = AdapterTree(bus, lambda: None)
    try:
        async with asyncio.timeout(_ASK_S):
            await tree.refresh()
    except TimeoutError:
        return Sight(Stage.SILENT, f"no answer within {_ASK_S:g} s")
    except CallError as error:
        return Sight(Stage.DENIED if error.name == ACCESS_DENIED else Stage.REFUSED, str(error))
    if not tree.running:
        return Sight(Stage.NO_SERVICE)
    adapter = tree.select(choice)
    any_adapter = adapter or tree.select(None)
    version = None if any_adapter is None else await _version(bus, any_adapter.path)
    return Sight(Stage.THERE, adapter=adapter, shown=tree.names(), version=version)


async def _version(bus: Bus, path: str) -> Version | None:
    """Raises BusError."""
    try:
        (modalias,) = await bus.call(path, PROPERTIES, "Get", "ss", (ADAPTER, "Modalias"), timeout_s=1.0)
    except (CallError, CallTimeoutError):
        return None
    return version_of(str(modalias.value))


def version_of(modalias: str) -> Version | None:
    """`usb:v1D6Bp0246d0542` is (5, 66)."""
    found = _MODALIAS.fullmatch(modalias)
    return None if found is None else (int(found[1], 16), int(found[2], 16))
