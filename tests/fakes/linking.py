"""A radio that scans, and a Renogy hub in its reach, for tests of links."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from dbus_fast import Message

from fakes import hub
from fakes.bluez_link import FakeLink
from fakes.bus_client import BusClient
from fakes.peripheral import FakePeripheral
from fakes.radio_world import BY_MGMT, World
from renogybt.bluetooth.approach import LinkTiming
from renogybt.bluetooth.radio import BlueZRadio
from renogybt.model.advertisement import parse_address
from renogybt.model.gatt import GattLink

HUB = parse_address(hub.HUB)
ABSENT = parse_address("6C:B2:FD:00:00:01")
REQUEST = bytes.fromhex("300313b20006654a")
QUICK = LinkTiming(
    hear_s=0.2,
    attempt_s=0.3,
    pauses_s=(0.01, 0.01, 0.01),
    total_s=2.0,
    operation_s=0.1,
    goodbye_s=0.5,
)
WRITE, NOTIFY = hub.WRITE + 1, hub.NOTIFY + 1


class Reach:
    """What a test has in its hands: the world, the radio in it, the hub and BlueZ's link to it."""

    def __init__(self, world: World, radio: BlueZRadio, peripheral: FakePeripheral) -> None:
        self.world = world
        self.radio = radio
        self.hub = peripheral

    @property
    def link(self) -> FakeLink:
        """BlueZ's side; raises LookupError before the hub is known."""
        device = self.world.bluez.device(hub.HUB)
        if device is None or device.link is None:
            raise LookupError("BlueZ does not know the hub")
        return device.link

    def calls(self, member: str) -> int:
        """How often BlueZ was called."""
        return self.world.bluez.calls[member]


async def match_rules(world: World) -> list[str]:
    """Those of all connections to the bus, as the daemon has them."""
    daemon = "org.freedesktop.DBus"
    async with BusClient(world.bus.address) as client:
        reply = await client.bus.call(
            Message(daemon, "/org/freedesktop/DBus", f"{daemon}.Debug.Stats", "GetAllMatchRules")
        )
    assert reply is not None
    return [rule for rules in reply.body[0].values() for rule in rules]


def with_hub(world: World) -> FakePeripheral:
    """Put a hub on the air."""
    return world.bluez.peripherals.setdefault(hub.HUB, hub.hub())


@contextlib.asynccontextmanager
async def in_reach(
    world: World, source: Any = BY_MGMT, timing: LinkTiming = QUICK, **options: Any
) -> AsyncIterator[Reach]:
    """A radio that has heard the hub."""
    peripheral = with_hub(world)
    radio = world.radio(source, link_timing=timing, **options)
    async with world.scanning(radio):
        yield Reach(world, radio, peripheral)


async def serves(link: GattLink) -> list[bytes]:
    """Ask one question; what is notified."""
    told: list[bytes] = []
    await link.subscribe(NOTIFY, told.append)
    await link.write(WRITE, REQUEST, response=False)
    await link.read(hub.SERVICES[1].attributes[1].handle + 1)  # what was notified before has arrived
    return told
