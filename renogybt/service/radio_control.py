"""What may be asked of a program that runs, through the door that `control.py` opens, and how to ask it."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from renogybt.model.recovery import LONGEST_RESET_S, RadioCare, RadioEvent, ResetRefusedError, Result
from renogybt.service.control import ControlServer
from renogybt.service.control_wire import EX_FAILED, EX_TEMPORARY, ControlError, Reply, ask

_LOGGER = logging.getLogger(__name__)

SOCKET = "control.sock"
SYSTEM_FOLDER = Path("/run/renogy-bt-proxy")
"""The runtime directory of the systemd unit."""
RESET = "reset-adapter"
TASKS = "tasks"
EX_OK, EX_UNAVAILABLE = 0, 69
_ON_THE_WAY_S = 5.0
"""For the question and its answer."""

Names = Callable[[], Sequence[str]]
"""What the adapter is called at this moment: hciN and its address; nothing while that is not known."""


def control_path(state_dir: Path, environment: Mapping[str, str]) -> Path:
    """Where a running program listens: in the runtime directory of its unit, else in its state folder."""
    return (_runtime_folder(environment) or state_dir) / SOCKET


def doors(state_dir: Path, environment: Mapping[str, str]) -> tuple[Path, Path]:
    """Where a running program might listen, to be asked in this order."""
    return state_dir / SOCKET, (_runtime_folder(environment) or SYSTEM_FOLDER) / SOCKET


def _runtime_folder(environment: Mapping[str, str]) -> Path | None:
    # systemd separates several by colons (systemd.exec, RuntimeDirectory=)
    given = environment.get("RUNTIME_DIRECTORY", "").split(":")[0]
    return Path(given) if given else None


def in_words(event: RadioEvent, adapter: str) -> str:
    """What was done, and how long it took, in a line."""
    detail = f" ({event.detail})" if event.detail else ""
    done = f"{adapter}: {event.rung.value}, in {event.took_s:.1f} s{detail}"
    return done if event.result is Result.HELPED else f"{done}, {event.result.value}"


class RadioControl:
    """Answers requests for one radio. `run` is its work; where the door cannot be opened it says so once."""

    def __init__(self, path: Path, care: RadioCare, names: Names) -> None:
        self._path = path
        self._care = care
        self._names = names

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with ControlServer(self._path, {RESET: self.reset, TASKS: count_tasks}):
                await asyncio.Event().wait()
        except ControlError as error:
            _LOGGER.warning("%s; `renogybt %s` cannot ask this process", error, RESET)
        await asyncio.Event().wait()

    async def reset(self, request: Mapping[str, object]) -> Reply:
        """`adapter`: hciN, an address, or null for the one in use; `force`: also where the budget is used up.

        The code is EX_UNAVAILABLE where that is not this radio's, EX_TEMPORARY where a reset is refused.
        """
        adapter, force = request.get("adapter"), request.get("force", False)
        names = self._names()
        if not names:
            return Reply(False, "the running service has no adapter at the moment", EX_UNAVAILABLE)
        if adapter is not None and adapter not in names:
            return Reply(False, f"the running service uses {_listed(names)}", EX_UNAVAILABLE)
        try:
            event = await self._care.reset(f"{RESET} asks for it", force=force is True)
        except ResetRefusedError as error:
            return Reply(False, str(error), EX_TEMPORARY)
        helped = event.result is Result.HELPED
        return Reply(helped, in_words(event, _listed(names)), EX_OK if helped else EX_FAILED)


async def count_tasks(_request: Mapping[str, object]) -> Reply:
    """How many tasks this process has: a number that grows from day to day is a leak."""
    return Reply(True, str(len(asyncio.all_tasks())), EX_OK)


def _listed(names: Sequence[str]) -> str:
    """Such as `hci0 (00:1A:7D:DA:71:13)`."""
    first, *others = names
    return f"{first} ({', '.join(others)})" if others else first


async def ask_for_reset(path: Path, adapter: str | None, *, force: bool) -> Reply:
    """The answer of the program that listens at `path`; raises the errors of `control.ask`."""
    request = {"command": RESET, "adapter": adapter, "force": force}
    return await ask(path, request, LONGEST_RESET_S + _ON_THE_WAY_S)
