"""Those who want to be told: a set of listeners that may change while it is being told."""

from collections.abc import Callable
from typing import Generic, TypeVar

from renogybt.model.radio import Unsubscribe

T = TypeVar("T")


class Subscribers(Generic[T]):
    """Listeners for values of one type, called in the order in which they came.

    Listeners must not raise. One that leaves during a delivery, by its own hand or another's,
    is not called any more; one that comes during a delivery gets the next value.
    """

    def __init__(self) -> None:
        self._listeners: dict[object, Callable[[T], None]] = {}

    def add(self, listener: Callable[[T], None]) -> Unsubscribe:
        """Tell `listener` all further values, until the answer is called (once or more often)."""
        subscription = object()  # the same listener may subscribe twice, and leave once
        self._listeners[subscription] = listener

        def unsubscribe() -> None:
            self._listeners.pop(subscription, None)

        return unsubscribe

    def notify(self, value: T) -> None:
        """Call every listener with `value`."""
        for subscription, listener in tuple(self._listeners.items()):
            if subscription in self._listeners:
                listener(value)
