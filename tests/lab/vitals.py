"""For the soak: what a process has of everything that could leak."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bluez import Bluez
from dbus_fast import Message
from mgmt import MgmtSocket

from renogybt.service.control_wire import ask
from renogybt.service.radio_control import TASKS, control_path

_DBUS, _PATH = "org.freedesktop.DBus", "/org/freedesktop/DBus"


@dataclass(frozen=True, slots=True)
class Vitals:
    """`at`: monotonic seconds. `match_rules`: of each of its connections to the bus, the most first.
    `monitors`: the advertisement monitors of the adapter, whoever has registered them."""

    at: float
    rss_kb: int
    tasks: int
    threads: int
    descriptors: int
    match_rules: tuple[int, ...]
    monitors: int


class _Daemon(Bluez):
    async def ask(self, interface: str, member: str, *body: str) -> Any:
        reply = await self._bus.call(
            Message(
                destination=_DBUS,
                path=_PATH,
                interface=interface,
                member=member,
                signature="s" * len(body),
                body=list(body),
            )
        )
        assert reply is not None
        assert not reply.error_name, reply.body
        return reply.body[0]

    async def match_rules(self, process: int) -> tuple[int, ...]:
        counts = []
        for name, rules in (await self.ask(f"{_DBUS}.Debug.Stats", "GetAllMatchRules")).items():
            if await self.ask(_DBUS, "GetConnectionUnixProcessID", name) == process:
                counts.append(len(rules))
        return tuple(sorted(counts, reverse=True))


async def look_at(process: int, state_dir: Path) -> Vitals:
    """Look now; the adapter must be there."""
    tasks = await ask(control_path(state_dir, {}), {"command": TASKS}, 5.0)
    folder = Path(f"/proc/{process}")
    lines = (line.split(":") for line in (folder / "status").read_text().splitlines())
    status = {name: value.strip() for name, value in lines if name in ("VmRSS", "Threads")}
    async with _Daemon() as daemon:
        match_rules = await daemon.match_rules(process)
        (name,) = (await daemon.adapters()).values()
    async with MgmtSocket(int(name.removeprefix("hci"))) as mgmt:
        monitors = await mgmt.monitors()
    return Vitals(
        time.monotonic(),
        int(status["VmRSS"].split()[0]),
        int(tasks.text),
        int(status["Threads"]),
        len(list((folder / "fd").iterdir())),
        match_rules,
        len(monitors),
    )
