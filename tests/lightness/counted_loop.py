"""An event loop in virtual time that counts what it does."""

from collections.abc import Callable
from contextvars import Context
from typing import Any

from proxy.virtual_time import VirtualLoop


class CountedLoop(VirtualLoop):
    """`steps`: callbacks that it ran; `wakings`: how often it slept and woke, be it for several of them.

    What is asked for by `outside_...` is the world's doing, and is counted nowhere.
    """

    def __init__(self) -> None:
        self.steps = self.wakings = 0
        self.make_session: Callable[[], Any] = lambda: None
        """Of the last listener: what it makes for a connection."""
        self._before = 0.0
        super().__init__()

    def time(self) -> float:
        """Virtual seconds."""
        now = super().time()
        if now != self._before:
            self._before = now
            self.wakings += 1
        return now

    def call_soon(self, callback: Any, *arguments: Any, context: Context | None = None) -> Any:
        return super().call_soon(self._count, callback, *arguments, context=context)

    def call_at(self, when: float, callback: Any, *arguments: Any, context: Context | None = None) -> Any:
        return super().call_at(when, self._count, callback, *arguments, context=context)

    def add_reader(self, descriptor: Any, callback: Any, *arguments: Any) -> None:
        super().add_reader(descriptor, self._count, callback, *arguments)

    def _count(self, callback: Callable[..., object], *arguments: Any) -> None:
        self.steps += 1
        callback(*arguments)

    async def create_server(self, factory: Callable[[], Any], *arguments: Any, **options: Any) -> Any:
        """A real listener; sessions may also be had without a connection."""
        self.make_session = factory
        return await super().create_server(factory, *arguments, **options)

    def outside_at(self, when: float, callback: Callable[..., object], *arguments: Any) -> None:
        """Something that happens outside of the process."""
        super().call_at(when, callback, *arguments)

    def outside_reader(self, descriptor: Any, callback: Callable[[], object]) -> None:
        """What another process would do."""
        super().add_reader(descriptor, callback)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, with all that is due in it, at no cost of its own."""
        self.outside_at(super().time() + seconds, self.stop)
        self.run_forever()
