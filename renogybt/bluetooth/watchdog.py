"""Watches over a radio: looks when something could be wrong, and takes rung after rung until it is well.

What is wrong is judged in `health.py`, what to do about it in `recovery.py`, both without I/O; `rungs.py`
does it. Here is only their order in time.
"""

import asyncio
import contextlib
import logging
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from renogybt.bluetooth.budget import Budget
from renogybt.bluetooth.care_news import CareNews
from renogybt.bluetooth.errors import BluetoothError, MissingUnitError
from renogybt.bluetooth.health import Fault, Finding, Health, Symptom, Weight
from renogybt.bluetooth.recovery import STEPS, Decision, Price, Recovery
from renogybt.bluetooth.rhythm import CEILING_S
from renogybt.bluetooth.taking import Taking
from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import Unsubscribe
from renogybt.model.recovery import (
    CareListener,
    CareStatus,
    RadioEvent,
    ResetFailedError,
    ResetRefusedError,
    RestartNeededError,
    Result,
    Rung,
)
from renogybt.model.subscribers import Subscribers
from renogybt.service.repetition import Repetition
from renogybt.service.reset_limit import SHORTEST_GAP_S, refusal

_LOGGER = logging.getLogger(__name__)

LOOK_S = 60.0
"""A look at least so often, though nothing tells of a change: the safety net under the events."""
CALM_S = 10.0
"""How long a reset waits for transactions of links that are under way: the longest of their timeouts."""
ASK_S = 3.0
"""Where advertisements come past BlueZ they do not prove that it lives: it is asked so often. With the two
times three seconds that an answer may take, it is noticed within ten that it hangs."""
_ASK_AGAIN_S = 0.5
_TICK_S = 0.01
_LONGEST_RUNG_S = 120.0


class Hands(Protocol):
    """What the watchdog can do to a radio; `rungs.Rungs` is one."""

    def able(self) -> frozenset[Rung]:
        """The rungs that exist here and now, and are allowed."""
        ...

    @property
    def past_bluez(self) -> bool:
        """Whether advertisements come from the kernel, so that they prove nothing of BlueZ."""
        ...

    def check(self) -> None:
        """Raise BluetoothError where there is nothing that could be reset."""
        ...

    async def take(self, rung: Rung) -> None:
        """Do it; raises BluetoothError, TimeoutError or RestartNeededError."""
        ...

    async def probe(self) -> bool:
        """Whether all that can be asked answers."""
        ...

    async def answers(self, *, anew: bool) -> bool | None:
        """Whether BlueZ answers within 3 s; None: it cannot be asked. `anew`: by a connection of its own."""
        ...


@dataclass(frozen=True, slots=True)
class CareSettings:
    """`ceiling_s`: the longest silence that passes for normal in a place with a steady rhythm."""

    ceiling_s: float = CEILING_S
    look_s: float = LOOK_S


class Watchdog:
    """Implements `RadioCare`. The radio tells it what happens; `run` acts, while the radio runs.

    `now` counts monotonic seconds. `calm` waits until no transaction of a link is under way. `linked` tells
    whether there are links of ours, whose peripherals do not advertise. `on_unanswered` is called when a
    probe was not answered, and tells the fault in its turn.
    """

    def __init__(
        self,
        hands: Hands,
        budget: Budget,
        now: Callable[[], float],
        repetition: Repetition,
        *,
        calm: Callable[[], Awaitable[None]] | None = None,
        on_unanswered: Callable[[], None] | None = None,
        linked: Callable[[], bool] = lambda: False,
        settings: CareSettings | None = None,
    ) -> None:
        self._hands = hands
        self._budget = budget
        self._now = now
        self._calm = calm
        self._on_unanswered = on_unanswered
        self._linked = linked
        self._taking = Taking(hands.take)
        self._taking_since = float("-inf")
        self._settings = settings or CareSettings()
        self._health = Health(
            now(),
            was_lively=budget.lively,
            was_stuck=not budget.restarts.left(budget.now),
            ceiling_s=self._settings.ceiling_s,
        )
        self._recovery = Recovery(budget, frozenset())
        self._told = CareNews(budget, repetition)
        self._turn = asyncio.Lock()
        self._news = asyncio.Event()
        self._listening = False
        self._last_reset_at = self._probed_at = self._asked_at = float("-inf")
        self._running = self._acting = False
        self.looks: Subscribers[None] = Subscribers()
        """Told at each look: a sign of life."""
        self.look_limit_s = self._settings.look_s + _LONGEST_RUNG_S
        """What a look may take in addition is a rung with all that is waited for."""

    # -- the port

    @property
    def status(self) -> CareStatus:
        """The truth at this moment."""
        return self._told.status

    def watch(self, listener: CareListener) -> Unsubscribe:
        """Tell `listener` every further change of `status`, until the answer is called."""
        return self._told.watch(listener)

    async def reset(self, cause: str, *, force: bool = False) -> RadioEvent:
        """Power-cycle the adapter on request; raises ResetRefusedError or ResetFailedError."""
        if self._acting:
            raise ResetRefusedError("a recovery is under way already; see what comes of it")
        if not self._running:
            raise ResetFailedError("the radio is not running")
        async with self._turn:
            if not force:
                self._must_afford_reset()
            try:
                self._hands.check()
            except BluetoothError as error:
                raise ResetFailedError(f"the adapter cannot be reset: {error}") from error
            await self._calmed()
            event = await self._perform(Rung.POWER_CYCLE, cause, Symptom.REFUSED)
            affordable = force or self._budget.resets.left(self._budget.now)
            by_kernel = Rung.POWER_CYCLE_BY_KERNEL in self._hands.able()
            if event.result is Result.NOT_DONE and by_kernel and affordable:
                event = await self._perform(Rung.POWER_CYCLE_BY_KERNEL, cause, Symptom.REFUSED)
            if event.result is Result.NOT_DONE:
                raise ResetFailedError(event.text)
            return event

    def _must_afford_reset(self) -> None:
        wait_s = self._reset_wait_s()
        if wait_s > 0:
            raise ResetRefusedError(refusal(len(self._budget.resets.spent), wait_s))

    def _reset_wait_s(self) -> float:
        """How long until a reset is allowed, by the budget and by the shortest gap."""
        self._budget.refresh()
        return max(
            self._budget.resets.free_at(self._budget.now) - self._budget.now,
            self._last_reset_at + SHORTEST_GAP_S - self._now(),
        )

    # -- what the radio tells

    def hear(self, batch: Sequence[Advertisement]) -> None:
        """Advertisements have come."""
        self._health.hear(self._now(), batch)
        if self._listening or self._recovery.symptom is Symptom.SILENT:
            self._news.set()

    def begin(self, *, monitored: bool) -> None:
        """A scan of ours has begun, or begun anew."""
        self._health.begin(self._now(), monitored=monitored)
        self._news.set()

    def go_on(self, *, monitored: bool) -> None:
        """The scan is there, as far as BlueZ tells."""
        if not self._health.scanning:
            self.begin(monitored=monitored)

    def rest(self) -> None:
        """Another process scans, or we have stopped."""
        self._health.rest(self._now())
        self._news.set()

    def fail(self, fault: Fault) -> None:
        """Scanning is not possible, or not yet."""
        self._health.fail(self._now(), fault)
        self._news.set()

    def note(self, event: RadioEvent) -> None:
        """A rung that was taken elsewhere."""
        self._told.tell(event, self._recovery.state)

    # -- at work

    async def run(self) -> None:
        """Watch until cancelled; raises RestartNeededError."""
        self._running = True
        try:
            while True:
                self._news.clear()
                async with self._turn:
                    again_at = await self._look()
                self.looks.notify(None)
                if again_at is not None:
                    await self._sleep(again_at)
        finally:
            self._running = False

    async def _look(self) -> float | None:
        """Look once and do what is due; when to look again, None: at once."""
        ask_at = await self._ask()
        now = self._now()
        finding = self._health.look(now, self._recovery.symptom)
        if finding is None:
            probe_at = await self._confirm(now)
            self._publish()
            return min(self._health.next_look, probe_at, ask_at)
        decision = self._decide(now, finding)
        if decision.rung is not None and _is_paid(decision.rung):
            await self._calmed()
            if finding is not None and finding.symptom is Symptom.DEAF:
                await self._judge_hearing()
            # meanwhile all may have become well, or another process may have spent what was left
            finding, now = self._health.look(self._now(), self._recovery.symptom), self._now()
            decision = self._decide(now, finding)
        if decision.rung is None or finding is None:
            return min(decision.again_at, now + self._settings.look_s) if finding else None
        await self._perform(decision.rung, finding.cause, finding.symptom)
        return None

    async def _ask(self) -> float:
        """Where what is heard does not tell, ask BlueZ whether it lives; when to ask again."""
        health = self._health
        if not (self._hands.past_bluez and health.scanning):
            health.deaf = False  # others will ask
            return math.inf
        pause_s = self._settings.look_s if health.deaf else ASK_S
        if health.well and self._now() >= self._asked_at + pause_s:
            await self._judge_hearing()
        # before anything is heard in this scan it is looked again, and not asked
        return (self._asked_at if health.well else self._now()) + pause_s

    async def _judge_hearing(self) -> None:
        """Two questions without an answer are a proof, one may come late. Where nothing is heard either,
        though that is special here, the silence is judged instead."""
        health = self._health
        began = self._asked_at = self._now()
        answered = None if health.deaf else await self._hands.answers(anew=False)
        if answered is False or health.deaf:
            answered = await self._hands.answers(anew=True)
        if answered:
            health.deaf = False
        elif answered is False and (health.heard_at > began or not health.rhythm.steady):
            health.deaf = True

    def _publish(self) -> None:
        self._told.publish(self._recovery.state, _DEAF if self._health.deaf else "")

    def _decide(self, now: float, finding: Finding | None) -> Decision:
        """A silence proves little where the one who could be heard is silent because we have a link to it."""
        if finding is not None and finding.weight is Weight.ONE_RESET and self._linked():
            finding = replace(finding, weight=Weight.FREE)
        self._recovery.able = self._hands.able()
        decision = self._recovery.decide(now, finding)
        self._publish()
        return decision

    async def _confirm(self, now: float) -> float:
        """Nothing is wrong as far as can be seen; where nobody is heard, ask. When to look again at last."""
        health = self._health
        if health.well:
            self._recovery.well(heard=True)
            if self._recovery.owes_reset and not self._linked():
                return await self._make_good(now)
            if health.rhythm.known:
                self._budget.remember(lively=health.rhythm.lively)
        elif health.resting or (health.scanning and self._recovery.symptom not in _SILENCES):
            self._recovery.well(heard=False)
        look_at = now + self._settings.look_s
        if not health.scanning or (health.well and self._hands.past_bluez):
            return look_at
        if self._probed_at < health.silent_since:
            due = min(health.probe_at, health.silent_since + self._settings.look_s)
        else:
            due = self._probed_at + self._settings.look_s
        if now < due:
            return min(due, look_at)
        self._probed_at = now
        if not await self._hands.probe():
            self._unanswered()
        return look_at

    async def _make_good(self, now: float) -> float:
        """Do the reset that could not be done, now that the controller answers, unless it may not be done or
        only much later; when to look again."""
        wait_s = self._reset_wait_s()
        if Rung.POWER_CYCLE not in self._hands.able() or wait_s > self._settings.look_s:
            self._recovery.owes_reset = False
            return now
        if wait_s > 0:
            return now + wait_s
        await self._perform(Rung.POWER_CYCLE, "the reset before could not be done", Symptom.REFUSED)
        self._recovery.owes_reset = False  # once is enough, whatever came of it
        return now

    def _unanswered(self) -> None:
        if self._on_unanswered is None:
            self.fail(Fault.HUNG)
        else:
            self._on_unanswered()

    async def _perform(self, rung: Rung, cause: str, symptom: Symptom) -> RadioEvent:
        """Take a rung, and wait for what comes of it; raises RestartNeededError."""
        self._acting = True
        try:
            return await self._act(rung, cause, symptom)
        finally:
            self._acting = False

    async def _act(self, rung: Rung, cause: str, symptom: Symptom) -> RadioEvent:
        began = self._now()
        _LOGGER.debug("%s, because %s ...", rung.value, cause)
        self._recovery.took(began, rung)
        self._taking_since = began
        if _is_paid(rung):
            self._last_reset_at = began
        self._publish()
        result, detail, paid = Result.NOT_DONE, "given up", True
        try:
            result, detail = await self._outcome(rung, began, symptom)
            self._recovery.ended(rung, result)
        except MissingUnitError as error:
            detail, paid = str(error), False
            self._recovery.impossible(began, rung)
        except RestartNeededError:
            result, detail = Result.UNDER_WAY, ""
            raise
        finally:
            event = RadioEvent(rung, cause, result, self._now() - began, detail)
            if result is Result.HELPED:
                self._health.deaf = False
                self._recovery.well(heard=self._health.well_since(began))
            self._told.tell(event, self._recovery.state, paid=paid)
        return event

    async def _outcome(self, rung: Rung, began: float, symptom: Symptom) -> tuple[Result, str]:
        step = STEPS[rung]
        try:
            await self._taking.take(rung, step.deadline_s)
        except MissingUnitError:
            raise
        except TimeoutError as error:
            return Result.NOT_DONE, str(error) or f"nothing came of it within {step.deadline_s:g} s"
        except BluetoothError as error:
            return Result.NOT_DONE, str(error)
        if symptom is Symptom.DEAF:
            answered = await self._answers_by(self._now() + step.verify_s)
            return (Result.HELPED if answered else Result.IN_VAIN), ""
        patience_s = max(step.verify_s, self._health.verify_s)
        hasty = step.price is Price.FREE and symptom not in _SILENCES
        if await self._verified(began, self._now() + patience_s, symptom, hasty=hasty):
            return Result.HELPED, ""
        return Result.IN_VAIN, ""

    async def end(self) -> None:
        """Have the reset that is under way, if any, leave the adapter with its power; bounded."""
        if self._last_reset_at == self._taking_since:
            await self._taking.end()

    async def _verified(self, since: float, until: float, symptom: Symptom, *, hasty: bool) -> bool:
        """Whether an advertisement comes or, where silence is nothing special, all that is asked answers.

        `hasty`: no more, as soon as the fault is told again.
        """
        self._listening = True
        reports = self._health.reports
        try:
            while self._now() < until:
                self._news.clear()
                if self._health.well_since(since):
                    return True
                quiet = symptom not in _SILENCES and not self._health.rhythm.steady
                if quiet and self._health.scanning and await self._hands.probe():
                    return True
                if hasty and self._health.look(self._now(), symptom) and self._health.failed_again(reports):
                    return False
                await self._sleep(until)
            return self._health.well_since(since)
        finally:
            self._listening = False
            self._news.set()

    async def _answers_by(self, until: float) -> bool:
        """Whether it scans, and BlueZ answers, by then."""
        while self._now() < until:
            if self._health.scanning and await self._hands.answers(anew=True):
                return True
            await asyncio.sleep(_ASK_AGAIN_S)
        return False

    async def _calmed(self) -> None:
        """Let transactions of links come to their end; a stuck one has no claim."""
        if self._calm is not None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CALM_S):
                    await self._calm()

    async def _sleep(self, until: float) -> None:
        """Until then, or until something happens."""
        with contextlib.suppress(TimeoutError):
            # a loop may call a tick of its clock too early, and must not be asked for that tick again
            async with asyncio.timeout(max(until - self._now(), _TICK_S)):
                await self._news.wait()


def _is_paid(rung: Rung) -> bool:
    return STEPS[rung].price is not Price.FREE


_DEAF = (
    "BlueZ does not answer, though advertisements come: nobody can connect to devices. Run: sudo systemctl"
    " restart bluetooth (this program does it where recovery_restart_bluetooth = true)"
)
_SILENCES = (Symptom.SILENT, Symptom.GARBLED)
