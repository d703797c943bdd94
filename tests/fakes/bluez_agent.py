"""AgentManager1: the agents that clients have registered, one each (bluez src/agent.c)."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from dbus_fast import Message, MessageFlag, MessageType
from dbus_fast.aio import MessageBus

from fakes.bluez_errors import already_exists, does_not_exist, invalid_arguments

MANAGER = "org.bluez.AgentManager1"
AGENT = "org.bluez.Agent1"
NO_INPUT = "NoInputNoOutput"
CAPABILITIES = {"", "DisplayOnly", "DisplayYesNo", "KeyboardOnly", NO_INPUT, "KeyboardDisplay"}
Answered = Callable[[list[Any] | None], None]
"""Is handed the body of an answer, or None for an error."""


@dataclass(frozen=True, slots=True)
class RegisteredAgent:
    """`sender` is its owner."""

    sender: str
    path: str
    capability: str


class Agents:
    """Who speaks for which client. An agent ends with its owner's connection.

    What nobody has begun is asked of the `default` one: that which came when there was no other.
    """

    def __init__(self) -> None:
        self.bus: MessageBus | None = None
        self.cancelled: list[str] = []
        """The senders whose agents were told that a question is void."""
        self.default: RegisteredAgent | None = None
        self._registered: dict[str, RegisteredAgent] = {}
        self._asked: set[RegisteredAgent] = set()
        self._questions: set[asyncio.Task[Message | None]] = set()

    @property
    def registered(self) -> list[RegisteredAgent]:
        """All there are."""
        return list(self._registered.values())

    def of(self, sender: str) -> RegisteredAgent | None:
        """The agent of a client."""
        return self._registered.get(sender)

    def register(self, sender: str, path: str, capability: str) -> None:
        """Raises CallError."""
        if sender in self._registered:
            raise already_exists()
        if capability not in CAPABILITIES:
            raise invalid_arguments()
        self._registered[sender] = agent = RegisteredAgent(sender, path, capability)
        if len(self._registered) == 1:
            self.default = agent

    def unregister(self, sender: str, path: str) -> None:
        """Raises CallError."""
        agent = self._registered.get(sender)
        if agent is None or agent.path != path:
            raise does_not_exist()
        self.vanish(sender)

    def vanish(self, sender: str) -> None:
        """The owner is gone."""
        if self._registered.pop(sender, None) is self.default:
            self.default = None

    def ask(
        self, agent: RegisteredAgent, member: str, signature: str, body: list[Any], answered: Answered
    ) -> None:
        """Call a method of an agent."""
        if self.bus is None:
            return
        message = Message(agent.sender, agent.path, AGENT, member, signature=signature, body=body)
        question = asyncio.get_running_loop().create_task(self.bus.call(message))
        self._questions.add(question)
        self._asked.add(agent)
        question.add_done_callback(self._questions.discard)

        def hand_on(done: "asyncio.Task[Message | None]") -> None:
            self._asked.discard(agent)
            reply = None if done.cancelled() or done.exception() is not None else done.result()
            if reply is not None:
                answered(None if reply.message_type is MessageType.ERROR else list(reply.body))

        question.add_done_callback(hand_on)

    def cancel(self, agent: RegisteredAgent) -> None:
        """What it was asked is void, if anything."""
        if agent in self._asked and self.bus is not None:
            self._asked.discard(agent)
            self.cancelled.append(agent.sender)
            flags = MessageFlag.NO_REPLY_EXPECTED
            self.bus.send(Message(agent.sender, agent.path, AGENT, "Cancel", flags=flags))

    def leave(self) -> None:
        """bluetoothd has ended: nobody asks any more, and nobody is registered."""
        self.bus = self.default = None
        self._registered.clear()
        self._asked.clear()
        for question in tuple(self._questions):
            question.cancel()
