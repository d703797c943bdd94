"""The adapter from a script or a shell, in three calls; for programs that run, use the service.

    python -c "import asyncio; from renogybt.bluez_resilience import BlueZAdapterMonitor; \
    print(asyncio.run(BlueZAdapterMonitor('hci0').power_cycle_adapter()))"
"""

import asyncio
import logging
import os
import re
from pathlib import Path

from renogybt.bluetooth.errors import MgmtError, MgmtUnavailableError
from renogybt.bluetooth.faults import powered_off
from renogybt.bluetooth.kernel_power import Command
from renogybt.bluetooth.power import REST_S
from renogybt.bluetooth.reset import Machine, found, management
from renogybt.bluetooth.reset_request import ResetRequest, request_reset
from renogybt.config.paths import state_directory
from renogybt.model.advertisement import parse_address
from renogybt.model.errors import RenogyBTError
from renogybt.protocols.advertising import mgmt
from renogybt.service.radio_control import doors

_LOGGER = logging.getLogger(__name__)

_NAME = re.compile(r"hci[0-9]{1,5}")
_BR_EDR_DISCOVERY = 0x01
_OTHER_TYPES = 0x0D
"""Invalid Parameters: a discovery of other types runs (Linux net/bluetooth/mgmt.c, stop_discovery)."""


class BlueZAdapterMonitor:
    """One adapter, hciN or an address. Each call stands alone, and none raises: what fails is logged.

    `state_dir` holds the budget of power cycles; by default it is the one that a service of this user has.
    """

    def __init__(
        self, adapter: str = "hci0", *, state_dir: Path | None = None, machine: Machine | None = None
    ) -> None:
        self._adapter = adapter
        self._machine = machine or Machine()
        self._state_dir = state_directory(state_dir, os.environ)

    async def check_adapter_state(self) -> dict[str, bool | str]:
        """`powered`, `discovering`, and `healthy`: BlueZ answers, has the adapter, and it has power.

        Where that is not so, `error` says why and what to do. An adapter that discovers, or does not, may be
        healthy.
        """
        try:
            async with found(self._choice(), self._machine) as there:
                adapter = there.adapter
        except RenogyBTError as error:
            return {"powered": False, "discovering": False, "healthy": False, "error": str(error)}
        state: dict[str, bool | str] = {
            "powered": adapter.powered,
            "discovering": adapter.discovering,
            "healthy": adapter.powered,
        }
        if not adapter.powered:
            state["error"] = str(powered_off(adapter.name))
        return state

    async def power_cycle_adapter(self, delay: float = 1.0) -> bool:
        """Power off and on, by the service where one runs; True when it is on again.

        Counts as any other reset, and is refused where those of this hour are used up. `delay`: seconds for
        which the adapter is left alone, the first of them without power, the others before the answer.
        """
        reply = await request_reset(
            ResetRequest(self._adapter, self._state_dir, doors(self._state_dir, os.environ)), self._machine
        )
        _LOGGER.log(logging.INFO if reply.ok else logging.ERROR, "%s", reply.text)
        if reply.ok:
            await asyncio.sleep(max(0.0, delay - REST_S))
        return reply.ok

    async def force_stop_discovery(self) -> bool:
        """End the kernel's discovery, whoever began it; True when it has ended.

        BlueZ lets nobody end another one's discovery, so that this takes the management socket and its
        rights (CAP_NET_ADMIN); without them it does nothing.
        """
        try:
            index = await self._index()
            async with management(self._machine.open_mgmt, index) as command:
                return await _stop_discovery(command, index)
        except MgmtUnavailableError as error:
            _LOGGER.error("the discovery goes on: nobody ends another program's by D-Bus, and %s", error)
        except RenogyBTError as error:
            _LOGGER.error("the discovery was not ended: %s", error)
        return False

    def _choice(self) -> str | int:
        """Raises AddressError."""
        return self._adapter if _NAME.fullmatch(self._adapter) else parse_address(self._adapter)

    async def _index(self) -> int:
        """The kernel's number; raises AddressError, NoAdapterError or ResetFailedError."""
        choice = self._choice()
        if isinstance(choice, str):
            return int(choice.removeprefix("hci"))
        async with found(choice, self._machine) as there:
            return there.adapter.index


async def _stop_discovery(command: Command, index: int) -> bool:
    """Of whatever type; raises CallTimeoutError, MgmtUnavailableError, or MgmtError where it goes on."""
    for types in (mgmt.LE_DISCOVERY, mgmt.INTERLEAVED_DISCOVERY, _BR_EDR_DISCOVERY):
        try:
            await command(mgmt.STOP_DISCOVERY, index, bytes((types,)))
        except MgmtError as error:
            if error.status == mgmt.REJECTED:  # there is none
                return True
            if types == _BR_EDR_DISCOVERY or error.status != _OTHER_TYPES:
                raise
        else:
            return True
    return False
