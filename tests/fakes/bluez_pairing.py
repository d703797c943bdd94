"""Device1.Pair and CancelPairing on a link that is open (bluez src/device.c, Linux net/bluetooth/smp.c)."""

import asyncio
from collections.abc import Callable
from typing import Any

from fakes.bluez_agent import NO_INPUT, Agents, RegisteredAgent
from fakes.bluez_errors import CallError, already_exists, authentication, does_not_exist, failed, in_progress
from fakes.bluez_later import Later
from fakes.peripheral import FakePeripheral

PARTING_S = 0.002


class FakePairing:
    """The pairing of one device, one at a time.

    `bonded` is called when there is a bond, and `ended` a moment after the two ends did not agree.
    """

    def __init__(
        self,
        device_path: str,
        peripheral: FakePeripheral,
        agents: Agents,
        bonded: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self._device_path = device_path
        self._peripheral = peripheral
        self._agents = agents
        self._bonded = bonded
        self._ended = ended
        self._outcome: Later | None = None
        self._sender = ""
        self._agent: RegisteredAgent | None = None
        self._timer: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> bool:
        """Whether somebody pairs."""
        return self._outcome is not None

    def pair(self, sender: str) -> Later:
        """Device1.Pair; raises CallError."""
        if self._outcome is not None:
            raise in_progress()
        if self._peripheral.paired:
            raise already_exists()
        if not self._peripheral.connected:
            raise failed("le-connection-abort-by-local")
        self._outcome = later = Later()
        self._sender, self._agent = sender, self._agents.of(sender)
        if self._peripheral.pairing_s is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self._peripheral.pairing_s, self._exchange, later)
        return later

    def secure(self) -> None:
        """bluetoothd pairs by itself, if somebody allows that."""
        agent = self._agents.default
        if agent is None or not self._peripheral.pairs or self._peripheral.passkey is not None:
            return

        def answered(body: list[Any] | None) -> None:
            if body == [] and self._peripheral.connected and not self._peripheral.paired:
                self._bonded()

        self._agents.ask(agent, "RequestAuthorization", "o", [self._device_path], answered)

    def cancel(self) -> None:
        """Device1.CancelPairing; raises CallError."""
        if self._outcome is None:
            raise does_not_exist()
        self.end("Canceled")

    def end(self, kind: str) -> None:
        """It comes to nothing, if there is one."""
        if self._timer is not None:
            self._timer.cancel()
        if self._outcome is not None and self._agent is not None:
            self._agents.cancel(self._agent)
        self._settle(authentication(kind))

    def vanish(self, sender: str) -> None:
        """Whoever wanted it is gone."""
        if sender == self._sender:
            self.end("Canceled")

    def _exchange(self, pairing: Later) -> None:
        passkey, agent = self._peripheral.passkey, self._agent
        if not self._peripheral.pairs:
            self._fail()
        elif passkey is None:
            self._succeed()
        elif agent is None or agent.capability == NO_INPUT:
            self._fail()
        else:

            def answered(body: list[Any] | None) -> None:
                if self._outcome is not pairing:
                    return
                if body == [passkey]:
                    self._succeed()
                elif body is None:
                    self.end("Failed")
                else:
                    self._fail()

            self._agents.ask(agent, "RequestPasskey", "o", [self._device_path], answered)

    def _fail(self) -> None:
        self.end("Failed")
        self._timer = asyncio.get_running_loop().call_later(PARTING_S, self._ended)

    def _succeed(self) -> None:
        self._bonded()
        self._settle(None)

    def _settle(self, error: CallError | None) -> None:
        outcome, self._outcome = self._outcome, None
        self._sender, self._agent = "", None
        if outcome is not None:
            outcome.settle(error) if error is not None else outcome.settle()
