"""Those who want to be told: a set of listeners that may change while it is being told."""

from collections.abc import Callable
from typing import Generic, TypeVar

from renogybt.model.radio import Unsubscribe

T = TypeVar("T")


class _Subscription(Generic[T]):
    __slots__ = ("listener",)

    def __init__(self, listener: Callable[[T], None]) -> None:
        self.listener: Callable[[T], None] | None = listener


class Subscribers(Generic[T]):
    """Listeners for values of one type, called in the order in which they came.

    Listeners must not raise. One that leaves during a delivery, by its own hand or another's,
    is not called any more; one that comes during a delivery gets the next value.
    """

    def __init__(self) -> None:
        self._subscriptions: tuple[_Subscription[T], ...] = ()

    def add(self, listener: Callable[[T], None]) -> Unsubscribe:
        """Tell `listener` all further values, until the answer is called (once or more often)."""
        subscription = _Subscription(listener)  # the same listener may subscribe twice, and leave once
        self._subscriptions += (subscription,)

        def unsubscribe() -> None:
            subscription.listener = None
            self._subscriptions = tuple(each for each in self._subscriptions if each is not subscription)

        return unsubscribe

    def notify(self, value: T) -> None:
        """Call every listener with `value`."""
        for subscription in self._subscriptions:
            if subscription.listener is not None:
                subscription.listener(value)
