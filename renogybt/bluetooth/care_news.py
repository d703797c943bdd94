"""What is told of the care of a radio: its status to those who watch, and a line in the log for each rung."""

import logging
from dataclasses import replace

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

    def tell(self, event: RadioEvent, state: CareState, *, paid: bool = True) -> None:
        """A rung was taken; `paid`: if it has a price, it was paid."""
        level = logging.INFO if event.result is Result.HELPED else logging.WARNING
        self._repetition.log(_LOGGER, level, event.text, f"{event.rung} {event.result}")
        resets = self.status.resets + (paid and STEPS[event.rung].price is not Price.FREE)
        self._become(
            replace(self.status, state=state, rungs=self.status.rungs + 1, resets=resets, last=event)
        )

    def publish(self, state: CareState, trouble: str) -> None:
        """Where the care stands; `trouble`: as in the status."""
        if state is CareState.EXHAUSTED and self.status.state is not state:
            self.warn(
                "recovery is exhausted: the adapter was reset as often as is allowed within an hour. The rest"
                " of the program goes on; what disturbs nobody is tried every minute"
            )
        if trouble and trouble != self.status.trouble:
            self.warn(trouble)
        self._become(replace(self.status, state=state, trouble=trouble))

    def warn(self, text: str) -> None:
        """A line that is not repeated too often."""
        self._repetition.log(_LOGGER, logging.WARNING, text)

    def _become(self, status: CareStatus) -> None:
        status = replace(status, resets_left=self._budget.resets.left(self._budget.now))
        if status != self.status:
            self.status = status
            self._changes.notify(status)
