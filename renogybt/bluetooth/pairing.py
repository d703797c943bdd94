"""Pairing over BlueZ: Device1.Pair on a link that is open, and the agent that speaks for us meanwhile."""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping

from renogybt.bluetooth.agent import Agent
from renogybt.bluetooth.bonds import read_state
from renogybt.bluetooth.bus import CALL_TIMEOUT_S, DEVICE, Bus
from renogybt.bluetooth.discovery import IN_PROGRESS
from renogybt.bluetooth.errors import BluetoothError, BusError, CallError, CallTimeoutError
from renogybt.bluetooth.farewell import in_any_case
from renogybt.bluetooth.peripheral import Peripheral
from renogybt.model.advertisement import format_address
from renogybt.model.gatt import GattError, LinkLostError, PairingError
from renogybt.service.logs import printable

_LOGGER = logging.getLogger(__name__)

_ALREADY_EXISTS = "org.bluez.Error.AlreadyExists"
_FAILED = "org.bluez.Error.AuthenticationFailed"
_REJECTED = "org.bluez.Error.AuthenticationRejected"
_TIMEOUT = "org.bluez.Error.AuthenticationTimeout"
_MOST_DIGITS = 999_999
"""Bluetooth Core Specification, volume 3 part H 2.3.5.3: a passkey has six digits."""

_ADVICE: Mapping[str, str] = {
    _FAILED: (
        "it does not pair without a passkey, or not at all just now. Put it into pairing mode, and if it has"
        " six digits, set them as pairing_passkeys in config.ini"
    ),
    _REJECTED: "it refuses. Put it into pairing mode and try again",
    "org.bluez.Error.AuthenticationCanceled": "the pairing was cancelled on the way. Try again",
    _TIMEOUT: ("it did not go on in time. Put it into pairing mode, or bring it closer, and try again"),
    "org.bluez.Error.ConnectionAttemptFailed": "it cannot be reached. Bring it closer and try again",
    IN_PROGRESS: "another program is pairing it just now. Let that end and try again",
}
"""BlueZ's words for the outcome (src/device.c, new_authentication_return), and what to do then."""
_DECIDED = (_FAILED, _REJECTED, _TIMEOUT)
"""What the two ends have found out together. All else may mean that the link has ended."""
_WRONG_PASSKEY = "the passkey is not its own. Correct pairing_passkeys in config.ini"
_OTHER_WAY = "it did not want the passkey in pairing_passkeys of config.ini, and refuses without. Remove that"


class Pairings:
    """The pairings of one radio, one at a time: a bus connection has one agent.

    `within_s` is for each. `linked` tells whether there is a link to the device of a path.
    """

    def __init__(self, within_s: float, linked: Callable[[str], bool]) -> None:
        self._within_s = within_s
        self._linked = linked
        self._agent: Agent | None = None
        self._turn = asyncio.Lock()

    async def attend(self, bus: Bus) -> None:
        """Allow BlueZ to pair by itself what we have links to, from now on; raises BusError."""
        await self._agent_on(bus).offer()

    def _agent_on(self, bus: Bus) -> Agent:
        """The one of this connection, of which there is one at a time."""
        if self._agent is None or self._agent.bus is not bus:
            self._agent = Agent(bus, self._linked)
        return self._agent

    async def pair(self, peripheral: Peripheral, passkey: int | None) -> None:
        """As `GattLink.pair`; raises PairingError, LinkLostError."""
        if passkey is not None and not 0 <= passkey <= _MOST_DIGITS:
            raise PairingError("a passkey has six digits. Correct pairing_passkeys in config.ini")
        try:
            async with asyncio.timeout(self._within_s), self._turn:
                await self._pair(peripheral, passkey)
        except BusError as error:
            raise LinkLostError(str(error)) from error
        except (CallError, TimeoutError) as error:
            if _is_gone(peripheral):
                raise LinkLostError(peripheral.lost) from error
            late = f"it took more than {self._within_s:g} s. Put it into pairing mode and try again"
            raise PairingError(_failure(peripheral, printable(str(error)) or late)) from error

    async def _pair(self, peripheral: Peripheral, passkey: int | None) -> None:
        """Raises PairingError, LinkLostError, BusError, CallError, CallTimeoutError."""
        state = await read_state(peripheral.bus, peripheral.path)
        if state is not None and state.paired:
            return  # BlueZ 5.66 would leave the call without an answer
        agent = self._agent_on(peripheral.bus)
        async with agent.speak_for(peripheral.path, passkey):
            try:
                # longer than ours: given up it is answered by CancelPairing, and not left unanswered
                await peripheral.bus.call(peripheral.path, DEVICE, "Pair", timeout_s=2 * self._within_s)
            except CallError as error:
                if error.name != _ALREADY_EXISTS:
                    raise await _judge(peripheral, error, agent, passkey) from error
            except asyncio.CancelledError:
                await in_any_case(asyncio.create_task(_cancel(peripheral)), CALL_TIMEOUT_S)
                raise


async def _cancel(peripheral: Peripheral) -> None:
    """BlueZ would go on pairing."""
    try:
        await peripheral.bus.call(peripheral.path, DEVICE, "CancelPairing")
    except BluetoothError as error:  # it has come to its end meanwhile
        _LOGGER.debug("cancelling to pair %s: %s", format_address(peripheral.address), error)


async def _judge(peripheral: Peripheral, error: CallError, agent: Agent, passkey: int | None) -> GattError:
    """What went wrong, in the words of the port. A pairing that failed ends the link a moment later."""
    if error.name not in _DECIDED:
        with contextlib.suppress(CallError, CallTimeoutError):
            await peripheral.refresh()
        if _is_gone(peripheral):
            return LinkLostError(peripheral.lost)
    advice = _ADVICE.get(error.name, printable(str(error)))
    if error.name == _FAILED and passkey is not None:
        advice = _WRONG_PASSKEY if agent.asked else _OTHER_WAY
    return PairingError(_failure(peripheral, advice))


def _is_gone(peripheral: Peripheral) -> bool:
    return bool(peripheral.lost) or not peripheral.connected


def _failure(peripheral: Peripheral, reason: str) -> str:
    return f"no bond with {format_address(peripheral.address)}: {reason}"
