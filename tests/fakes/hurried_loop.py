"""An event loop whose clock runs ahead, so that long waits are short, with real sockets."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any

PACE = 20.0


class _Selector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(timeout / PACE if timeout else timeout)


class HurriedLoop(asyncio.SelectorEventLoop):
    """`PACE` of its seconds are one of ours."""

    def __init__(self) -> None:
        super().__init__(_Selector())

    def time(self) -> float:
        """The clock that runs ahead."""
        return super().time() * PACE


def in_a_hurry(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run a test on this loop; it takes no asynchronous fixtures."""

    def run(tmp_path: Any) -> None:
        with asyncio.Runner(loop_factory=HurriedLoop) as runner:
            runner.run(test(tmp_path))

    run.__name__, run.__module__ = test.__name__, test.__module__
    run.__doc__ = test.__doc__
    return run
