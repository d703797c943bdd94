"""Everything in the neighbourhood, and how it stands at the beginning."""

import resource
from dataclasses import dataclass
from typing import Any

from bumble.hci import Address

from neighbourhood.advertiser import Advertiser
from neighbourhood.air import DEFAULT_RSSI_DBM, Air
from neighbourhood.broadcast import Broadcast, Kind
from neighbourhood.crowd import Crowd, constant, counting
from neighbourhood.dongle import Dongle
from neighbourhood.hub import Hub
from neighbourhood.lamp import Lamp
from neighbourhood.peripheral import Presence

MAX_ADAPTERS = 4


@dataclass(frozen=True, slots=True)
class Setup:
    """What `reset` goes back to; everybody else is silent, and the hub is on."""

    adapters: int
    noise_rate: float
    noise_count: int
    hub_name: str
    hub_address: str


class Street:
    """The inhabitants. `reset` must have been awaited once before anything else."""

    def __init__(self, setup: Setup) -> None:
        self.air = Air()
        self.dongles = [Dongle(self.air, number) for number in range(MAX_ADAPTERS)]
        self.hub = Hub(self.air, setup.hub_name, setup.hub_address)
        self.lamp = Lamp(self.air)
        self.noise = Crowd(self.air, "noise", "C0:FF:EE:00", counting)
        self.repeat = Crowd(self.air, "repeat", "DE:CA:FE:00", constant)
        self._setup = setup
        self._advertisers: dict[str, Advertiser] = {}
        self._started = False

    async def reset(self) -> None:
        """Everything as at the beginning, save the counters."""
        for address in tuple(self._advertisers):
            self.silence(address)
        self.repeat.advertise(0, 0)
        self.noise.advertise(self._setup.noise_rate, self._setup.noise_count)
        self.air.rssi_dbm = DEFAULT_RSSI_DBM
        await self._reset_adapters()
        if not self._started:
            await self.hub.power_on()
            await self.lamp.power_on()
            self._started = True
        self.hub.line.faults.cure()
        self.hub.line.stand_still(False)
        await self.hub.set_presence(Presence.ON)
        await self.hub.drop()
        await self.lamp.set_presence(Presence.OFF)
        await self.lamp.renew()

    async def _reset_adapters(self) -> None:
        for dongle in self.dongles[self._setup.adapters :]:
            await dongle.unplug()
        for dongle in self.dongles[: self._setup.adapters]:
            if dongle.moved:
                await dongle.unplug()
            await dongle.plug()
            dongle.adapter.hung = dongle.adapter.mute = False
            dongle.adapter.link_limit = None

    def advertise(self, address: Address, data: bytes, response: bytes | None) -> None:
        """Add an advertiser, scannable if it has a response; replaces one of the same address."""
        kind = Kind.PLAIN if response is None else Kind.SCANNABLE
        broadcast = Broadcast(address, kind, data, response or b"")
        key = address.to_string(with_type_qualifier=False)
        if key in self._advertisers:
            self.silence(key)
        self._advertisers[key] = Advertiser(self.air, broadcast)

    def silence(self, address: str) -> None:
        """Remove an advertiser; raises KeyError if there is none of this address."""
        self._advertisers.pop(address.upper()).silence()

    def stats(self) -> dict[str, Any]:
        """All counters since the start."""
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return {
            "sent": self.air.sent.total(),
            "audible": self.air.audible,
            "sent_by": dict(self.air.sent),
            "adapters": [dongle.adapter.stats() if dongle.plugged_in else None for dongle in self.dongles],
            "hub": self.hub.stats(),
            "lamp": self.lamp.stats(),
            "cpu_s": round(usage.ru_utime + usage.ru_stime, 2),
            "rss_kb": usage.ru_maxrss,
        }
