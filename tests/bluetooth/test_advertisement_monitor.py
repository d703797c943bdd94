import asyncio

import pytest
from fakes.bus_client import until
from fakes.listeners import Channel
from fakes.mgmt import FakeKernel

from renogybt.bluetooth.monitor import AdvertisementMonitor
from renogybt.protocols.advertising import mgmt


async def test_a_monitor_is_added_once_and_outlives_the_socket(kernel: FakeKernel) -> None:
    first = Channel(kernel)
    monitor = AdvertisementMonitor(first.socket)
    for _ in range(3):
        assert await monitor.ensure(0, None)
    assert kernel.monitors == [1, 2]
    first.socket.close()
    await asyncio.sleep(0)
    second = Channel(kernel)
    again = AdvertisementMonitor(second.socket)
    assert await again.ensure(0, 2)
    assert kernel.monitors == [1, 2]
    await again.remove()
    await again.remove()
    assert kernel.monitors == [1]
    second.socket.close()


async def test_a_monitor_is_known_also_when_adding_it_was_cancelled(channel: Channel) -> None:
    """The kernel adds it all the same, and keeps it for ever."""
    monitor = AdvertisementMonitor(channel.socket)
    ensuring = asyncio.create_task(monitor.ensure(0, None))
    while not channel.kernel.commands[mgmt.ADD_ADV_PATTERNS_MONITOR]:
        await asyncio.sleep(0)
    ensuring.cancel()
    with pytest.raises(asyncio.CancelledError):
        await ensuring
    assert channel.kernel.monitors == [1, 2]
    await monitor.remove()
    assert channel.kernel.monitors == [1]


async def test_a_kernel_that_does_not_answer_cannot_keep_a_cancelled_one(channel: Channel) -> None:
    channel.kernel.mute.add(mgmt.ADD_ADV_PATTERNS_MONITOR)
    ensuring = asyncio.create_task(AdvertisementMonitor(channel.socket).ensure(0, None))
    await until(lambda: channel.kernel.commands[mgmt.ADD_ADV_PATTERNS_MONITOR])
    ensuring.cancel()
    async with asyncio.timeout(1):
        await asyncio.wait([ensuring])
    assert ensuring.cancelled()


async def test_a_monitor_that_is_gone_already_is_removed(channel: Channel) -> None:
    monitor = AdvertisementMonitor(channel.socket)
    await monitor.ensure(0, None)
    channel.kernel.controllers[0].monitors.clear()
    await monitor.remove()
    assert monitor.handle is None


async def test_an_old_kernel_has_no_monitors(channel: Channel) -> None:
    channel.kernel.knows_monitors = False
    monitor = AdvertisementMonitor(channel.socket)
    assert await monitor.features(0) is None
    assert not await monitor.ensure(0, 3)
    assert monitor.handle is None


async def test_a_full_table_is_reported_once(channel: Channel, caplog: pytest.LogCaptureFixture) -> None:
    def refuse(*_: object) -> tuple[int, bytes]:
        return 0x07, b""  # no resources

    kernel, carry_out = channel.kernel, channel.kernel.carry_out
    kernel.carry_out = lambda opcode, *rest: (  # type: ignore[method-assign]
        refuse() if opcode == mgmt.ADD_ADV_PATTERNS_MONITOR else carry_out(opcode, *rest)
    )
    monitor = AdvertisementMonitor(channel.socket)
    for _ in range(3):
        assert not await monitor.ensure(0, None)
    assert len(caplog.messages) == 1
