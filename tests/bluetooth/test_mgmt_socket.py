import asyncio
import contextlib
import struct

import pytest
from fakes.bus_client import until
from fakes.listeners import ADDRESS, Channel
from fakes.mgmt import DEVICE_FOUND, LE_PUBLIC, MONITOR_REMOVED

from renogybt.bluetooth import mgmt as mgmt_socket
from renogybt.bluetooth.errors import CallTimeoutError, MgmtError, MgmtUnavailableError
from renogybt.bluetooth.mgmt import open_socket
from renogybt.model.advertisement import AddressType, Advertisement, parse_address
from renogybt.protocols.advertising import mgmt

DATA = b"\x02\x01\x06"


# -- advertisements


@pytest.mark.parametrize("discovery", [0, 6], ids=["passive", "in a discovery"])
async def test_every_repeat_arrives_as_it_was_sent(channel: Channel, discovery: int) -> None:
    channel.kernel.controllers[0].discover(discovery)
    for rssi in (-60, -61, -61):
        channel.kernel.advertise(ADDRESS, DATA, rssi=rssi)
    await channel.flush()
    address = parse_address(ADDRESS)
    assert channel.heard == [
        Advertisement(address, rssi, AddressType.RANDOM, DATA) for rssi in (-60, -61, -61)
    ]


async def test_without_a_monitor_repeats_are_missing_until_the_next_run(channel: Channel) -> None:
    controller = channel.kernel.controllers[0]
    controller.monitors.clear()
    channel.kernel.advertise(ADDRESS, DATA)
    controller.discover(6)
    for _ in range(5):
        channel.kernel.advertise(ADDRESS, DATA)
    controller.discover(6)
    channel.kernel.advertise(ADDRESS, DATA)
    await channel.flush()
    assert len(channel.heard) == 2


async def test_other_adapters_are_not_heard(channel: Channel) -> None:
    channel.kernel.controllers[1] = type(channel.kernel.controllers[0])(monitors={1: b""})
    channel.kernel.advertise(ADDRESS, DATA, index=1)
    await channel.flush()
    assert channel.heard == []
    channel.socket.follow(1)
    channel.kernel.advertise(ADDRESS, DATA, index=1)
    channel.kernel.advertise(ADDRESS, DATA, index=0)
    await channel.flush()
    assert len(channel.heard) == 1
    channel.socket.follow(None)
    channel.kernel.advertise(ADDRESS, DATA, index=1)
    await channel.flush()
    assert len(channel.heard) == 1


async def test_packets_that_are_none_disturb_nobody(channel: Channel) -> None:
    for event in (DEVICE_FOUND, 0x002F, 0x0001, 0x0002, 0x0013, 0xFFFF):
        for length in (0, 1, 2, 13, 14, 40):
            channel.kernel.emit(event, 0, bytes(length))
    channel.kernel.advertise(ADDRESS, DATA)
    await channel.flush()
    assert channel.heard[-1].data == DATA
    assert channel.socket.open


async def test_a_flood_is_read_in_pieces_and_whole(channel: Channel) -> None:
    count = 0
    for _ in range(40):
        for _ in range(100):
            channel.kernel.advertise(ADDRESS, count.to_bytes(4, "big"))
            count += 1
        await asyncio.sleep(0.005)
    await channel.flush()
    assert [int.from_bytes(each.data, "big") for each in channel.heard] == list(range(count))
    assert len(channel.batches) <= 30


# -- connects that failed


async def test_a_connect_that_failed_is_known_as_soon_as_the_kernel_has_told_it(channel: Channel) -> None:
    channel.kernel.fail_connect(ADDRESS, LE_PUBLIC, mgmt.NO_RESOURCES)
    channel.kernel.advertise(ADDRESS, DATA)
    assert channel.socket.connect_failures() == ((parse_address(ADDRESS), mgmt.NO_RESOURCES),)
    assert len(channel.heard) == 1
    assert channel.socket.connect_failures() == ()


async def test_a_connect_of_another_adapter_or_kind_is_none_of_ours(channel: Channel) -> None:
    channel.kernel.fail_connect(ADDRESS, LE_PUBLIC, mgmt.NO_RESOURCES, index=1)
    channel.kernel.fail_connect(ADDRESS, 0, mgmt.NO_RESOURCES)
    assert channel.socket.connect_failures() == ()


async def test_no_more_than_the_last_failures_are_kept(channel: Channel) -> None:
    for number in range(100):
        channel.kernel.fail_connect(ADDRESS, LE_PUBLIC, number)
    assert [each.status for each in channel.socket.connect_failures()][-1] == 99
    assert len(channel.socket.connect_failures()) < 50


async def test_of_a_socket_that_has_broken_no_failures_are_known(channel: Channel) -> None:
    channel.kernel.cut()
    assert channel.socket.connect_failures() == ()
    assert not channel.socket.open
    assert channel.changes == 1
    assert channel.socket.connect_failures() == ()


# -- commands


async def test_a_refusal_has_its_status(channel: Channel) -> None:
    with pytest.raises(MgmtError) as refused:
        await channel.socket.command(mgmt.READ_ADV_MONITOR_FEATURES, 7)
    assert refused.value.status == mgmt.INVALID_INDEX
    with pytest.raises(MgmtError) as unknown:
        await channel.socket.command(0x7777, 0)
    assert unknown.value.status == mgmt.UNKNOWN_COMMAND


async def test_a_command_without_an_answer_is_given_up(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mgmt_socket, "COMMAND_TIMEOUT_S", 0.02)
    channel.kernel.mute.add(mgmt.STOP_DISCOVERY)
    with pytest.raises(CallTimeoutError):
        await channel.socket.command(mgmt.STOP_DISCOVERY, 0, b"\x06")


async def test_a_late_answer_is_not_taken_for_that_to_the_next_command(
    channel: Channel, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names nothing but its opcode and adapter."""
    monkeypatch.setattr(mgmt_socket, "COMMAND_TIMEOUT_S", 0.02)
    channel.kernel.late[mgmt.READ_ADV_MONITOR_FEATURES] = 0.04
    with pytest.raises(CallTimeoutError):
        await channel.socket.command(mgmt.READ_ADV_MONITOR_FEATURES, 0)
    with pytest.raises(MgmtUnavailableError):
        await channel.socket.command(mgmt.READ_ADV_MONITOR_FEATURES, 0)
    assert not channel.socket.open
    assert channel.changes == 1  # whoever needs it opens another one


async def test_an_answer_that_nobody_waits_for_disturbs_no_other(channel: Channel) -> None:
    for _ in range(3):
        assert channel.socket.send(mgmt.DISCONNECT, 0, mgmt.le_peer(0x6CB2FD86824D, AddressType.PUBLIC))
    await channel.flush()
    assert channel.kernel.commands[mgmt.DISCONNECT] == 3
    assert channel.socket.open


async def test_what_cannot_be_sent_is_told(channel: Channel) -> None:
    channel.kernel.cut()
    assert not channel.socket.send(mgmt.DISCONNECT, 0, bytes(7))
    await until(lambda: not channel.socket.open)
    assert not channel.socket.send(mgmt.DISCONNECT, 0, bytes(7))


async def test_commands_for_two_adapters_get_their_own_answers(channel: Channel) -> None:
    channel.kernel.controllers[1] = type(channel.kernel.controllers[0])(monitors={5: b"", 6: b""})
    answers = await asyncio.gather(
        *(channel.socket.command(mgmt.READ_ADV_MONITOR_FEATURES, index) for index in (0, 1))
    )
    assert [mgmt.parse_features(each).handles for each in answers] == [(1,), (5, 6)]


async def test_a_command_under_way_fails_when_the_socket_breaks(channel: Channel) -> None:
    channel.kernel.mute.add(mgmt.STOP_DISCOVERY)
    command = asyncio.create_task(channel.socket.command(mgmt.STOP_DISCOVERY, 0, b"\x06"))
    await until(lambda: channel.kernel.commands[mgmt.STOP_DISCOVERY])
    channel.kernel.cut()
    with pytest.raises(MgmtUnavailableError):
        await command
    assert not channel.socket.open
    assert channel.changes == 1
    with pytest.raises(MgmtUnavailableError):
        await channel.socket.command(mgmt.STOP_DISCOVERY, 0, b"\x06")


async def test_a_removed_monitor_is_told_for_the_adapter_in_use(channel: Channel) -> None:
    channel.kernel.emit(MONITOR_REMOVED, 1, struct.pack("<H", 1))
    await channel.flush()
    assert channel.changes == 0
    channel.kernel.remove_monitor(1)
    await channel.flush()
    assert channel.changes == 1


async def test_here_the_real_socket_opens_or_says_why() -> None:
    """Whatever machine this runs on, there is no other error."""
    with contextlib.suppress(MgmtUnavailableError):
        open_socket().close()
