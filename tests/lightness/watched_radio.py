"""A radio that hears what it is told, under the program's own watchdog."""

from collections.abc import Callable

from proxy.radio import SpokenRadio

from renogybt.bluetooth.budget import Budget
from renogybt.bluetooth.watchdog import Watchdog
from renogybt.model.recovery import Rung
from renogybt.service.repetition import Repetition


class WatchedRadio(SpokenRadio):
    """Scans all the time. `past_bluez`: advertisements come by the management socket."""

    adapter_names = ("hci0", "00:1A:7D:DA:71:13")

    def __init__(self, clock: Callable[[], float], *, past_bluez: bool) -> None:
        super().__init__()
        self.hands = Hands(past_bluez=past_bluez)
        budget = Budget(clock=clock, boot=lambda: "boot")
        self.care: Watchdog = Watchdog(self.hands, budget, clock, Repetition(clock))  # type: ignore[assignment]
        self.listen(self.care.hear, patient=True)

    async def run(self) -> None:
        """Scan until cancelled."""
        self.care.begin(monitored=True)
        await self.care.run()


class Hands:
    """Whatever is asked is answered at once; there is nothing to do. `asked`: how often something was."""

    def __init__(self, *, past_bluez: bool) -> None:
        self.past_bluez = past_bluez
        self.asked = 0

    def able(self) -> frozenset[Rung]:
        return frozenset()

    def check(self) -> None:
        """It is always there."""

    async def take(self, rung: Rung) -> None:
        raise AssertionError(f"{rung} is taken though all is well")

    async def probe(self) -> bool:
        self.asked += 1
        return True

    async def answers(self, *, anew: bool) -> bool:
        self.asked += 1
        return True
