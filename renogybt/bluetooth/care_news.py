"""What is told of the care of a radio: its status to those who watch, and a line in the log for each rung."""

import logging

from renogybt.bluetooth.budget import Budget
from renogybt.bluetooth.recovery import STEPS, Price
from renogybt.model.radio import Unsubscribe
from renogybt.model.recovery import CareListener, CareState, CareStatus, RadioEvent, Result
from renogybt.model.subscribers import Subscribers
from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)


class CareNews:
    """Keeps the status; `budget` is what there is left of."""

    def __init__(self, budget: Budget, repetition: Repetition) -> None:
        self._budget = budget
        self._repetition = repetition
        self._changes: Subscribers[CareStatus] = Subscribers()
        self.status = CareStatus(resets_left=budget.resets.left(budget.now))
        """The truth at this moment."""

    def watch(self, listener: CareListener) -> Unsubscribe:
        """Tell `listener` every further change of `status`, until the answer is called."""
        return self._changes.add(listener)

    def tell(self, event: RadioEvent, state: CareState) -> None:
        """A rung was taken."""
        level = logging.INFO if event.result is Result.HELPED else logging.WARNING
        self._repetition.log(_LOGGER, level, event.text, f"{event.rung} {event.result}")
        resets = self.status.resets + (STEPS[event.rung].price is not Price.FREE)
        self._become(self._now(state, self.status.rungs + 1, resets, event))

    def publish(self, state: CareState) -> None:
        """Where the care stands."""
        if state is CareState.EXHAUSTED and self.status.state is not state:
            self.warn(
                "recovery is exhausted: the adapter was reset as often as is allowed within an hour. The rest"
                " of the program goes on; what disturbs nobody is tried every minute"
            )
        self._become(self._now(state, self.status.rungs, self.status.resets, self.status.last))

    def warn(self, text: str) -> None:
        """A line that is not repeated too often."""
        self._repetition.log(_LOGGER, logging.WARNING, text)

    def inform(self, text: str) -> None:
        """The same for what is no trouble."""
        self._repetition.log(_LOGGER, logging.INFO, text)

    def _now(self, state: CareState, rungs: int, resets: int, last: RadioEvent | None) -> CareStatus:
        return CareStatus(state, rungs, resets, self._budget.resets.left(self._budget.now), last)

    def _become(self, status: CareStatus) -> None:
        if status != self.status:
            self.status = status
            self._changes.notify(status)
