"""An answer that bluetoothd gives later."""

from collections.abc import Callable
from typing import Any

from fakes.bluez_errors import CallError

Outcome = tuple[str, list[Any]] | CallError


class Later:
    """Promised to the caller of a method; the first outcome counts."""

    def __init__(self) -> None:
        self._outcome: Outcome | None = None
        self._answer: Callable[[Outcome], None] | None = None

    def settle(self, outcome: Outcome = ("", [])) -> None:
        """Answer the call, with nothing or with an error."""
        if self._outcome is None:
            self._outcome = outcome
            if self._answer is not None:
                self._answer(outcome)

    def then(self, answer: Callable[[Outcome], None]) -> None:
        """How to answer."""
        self._answer = answer
        if self._outcome is not None:
            answer(self._outcome)
