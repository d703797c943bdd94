"""What a soak does to the radio: each fault with its end, and how soon advertisements have to be back."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from bluez import ADAPTER, Bluez
from care import name_back
from world import bluetoothd, until, world

Act = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Fault:
    """`begin`, then `cure` after `hold_s`; without a cure the program alone has to end it.

    `goal_s`: how long nothing may be heard after the cure, or from the beginning where there is none.
    """

    name: str
    begin: Act
    goal_s: float
    hold_s: float = 0.0
    cure: Act | None = None


def by_world(line: str) -> Act:
    return lambda: world(line)


def by_bluetoothd(action: str) -> Act:
    return lambda: bluetoothd(action)


async def _started() -> None:
    await bluetoothd("start")
    await name_back()


async def _restarted() -> None:
    await bluetoothd("restart")
    await name_back()


async def _switched_off() -> None:
    async with Bluez() as bluez:
        (name,) = (await bluez.adapters()).values()
        await bluez.power(False, name)


async def _blocked() -> None:
    (next(Path("/sys/class/rfkill").iterdir()) / "soft").write_text("1")


async def _hub_busy() -> None:
    """Whoever is linked loses it, too."""
    await world("hub busy")
    await world("drop")


async def _mute_until_a_power_cycle() -> None:
    """Returns at once; hears again when the adapter loses its power."""
    await world("mute 0 1")
    task = asyncio.create_task(_wake_up())
    _WAITING.add(task)
    task.add_done_callback(_WAITING.discard)


async def _wake_up() -> None:
    async with Bluez() as bluez:
        (name,) = (await bluez.adapters()).values()

        async def is_off() -> bool:
            return not await bluez.get(f"/org/bluez/{name}", ADAPTER, "Powered")

        try:
            await until(is_off, 60)
        finally:
            await world("mute 0 0")


_WAITING: set[asyncio.Task[None]] = set()

FAULTS = (
    Fault("bluetoothd restarted", _restarted, 1.5),
    Fault("bluetoothd killed", by_bluetoothd("crash"), 1.5, 1.0, _started),
    Fault("bluetoothd crashed", by_bluetoothd("segv"), 1.5, 4.0, _started),
    Fault("bluetoothd stopped for 20 s", by_bluetoothd("freeze"), 5.0, 20.0, by_bluetoothd("thaw")),
    Fault("controller dead for 30 s", by_world("hang 0 1"), 10.0, 30.0, by_world("hang 0 0")),
    Fault("adapter unplugged for 5 s", by_world("unplug 0"), 3.0, 5.0, by_world("plug 0")),
    Fault("adapter moved", by_world("move 0"), 3.0),
    Fault("mute until a power cycle", _mute_until_a_power_cycle, 35.0),
    Fault("mute for 12 s", by_world("mute 0 1"), 10.0, 12.0, by_world("mute 0 0")),
    Fault("switched off", _switched_off, 4.0),
    Fault("blocked by software", _blocked, 5.0),
    Fault("hub busy for 20 s", _hub_busy, 10.0, 20.0, by_world("hub on")),
    Fault("hub away for 10 s", by_world("hub off"), 2.0, 10.0, by_world("hub on")),
    Fault("hub drops the link", by_world("drop"), 2.0),
)
