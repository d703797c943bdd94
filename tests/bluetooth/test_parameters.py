"""Connection parameters, by the management socket where there is one."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from fakes import hub
from fakes.linking import HUB, in_reach
from fakes.mgmt import LE_PUBLIC, LE_RANDOM, LOAD_PARAMETERS
from fakes.radio_world import BY_DBUS, World

from renogybt.config import AdvertisementSource
from renogybt.model.gatt import AttCode, AttError, GattTimeoutError, LinkLostError, LinkParameters
from renogybt.protocols.advertising import mgmt

FAST = LinkParameters(min_interval=6, max_interval=9, latency=0, timeout=400)


@pytest.mark.parametrize(("kind", "number"), [("public", LE_PUBLIC), ("random", LE_RANDOM)])
async def test_the_kernel_gets_them_with_the_address_and_its_kind(
    world: World, kind: str, number: int
) -> None:
    async with in_reach(world) as reach:
        reach.hub.address_type = kind
        await reach.radio.unpair(HUB)  # BlueZ has known it by another kind
        async with reach.radio.connect(HUB) as link:
            assert reach.radio.tunes_links
            await link.tune(FAST)
            assert world.kernel.controllers[0].parameters == {(hub.HUB, number): (6, 9, 0, 400)}


async def test_by_dbus_alone_they_cannot_be_changed(world: World) -> None:
    async with in_reach(world, BY_DBUS) as reach, reach.radio.connect(HUB) as link:
        assert not reach.radio.tunes_links
        assert await code(link.tune(FAST)) == AttCode.REQUEST_NOT_SUPPORTED
        assert link.open


async def test_an_untrusted_socket_changes_none(world: World) -> None:
    world.kernel.trusted = False
    async with in_reach(world, AdvertisementSource.AUTO) as reach, reach.radio.connect(HUB) as link:
        assert not reach.radio.tunes_links
        assert await code(link.tune(FAST)) == AttCode.REQUEST_NOT_SUPPORTED


async def test_before_the_radio_runs_it_tunes_nothing(world: World) -> None:
    assert not world.radio().tunes_links


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (mgmt.NOT_SUPPORTED, AttCode.REQUEST_NOT_SUPPORTED),
        (mgmt.UNKNOWN_COMMAND, AttCode.REQUEST_NOT_SUPPORTED),
        (mgmt.REJECTED, AttCode.UNLIKELY_ERROR),
    ],
)
async def test_a_kernel_that_refuses_is_an_error_of_this_operation(
    world: World, status: int, expected: AttCode
) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        world.kernel.refusals[LOAD_PARAMETERS] = [status]
        assert await code(link.tune(FAST)) == expected
        await link.tune(FAST)


async def test_two_at_a_time_follow_each_other(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        world.kernel.late[LOAD_PARAMETERS] = 0.02
        await asyncio.gather(link.tune(FAST), link.tune(replace(FAST, latency=1)))
        assert world.kernel.commands[LOAD_PARAMETERS] == 2
        assert world.kernel.controllers[0].parameters == {(hub.HUB, LE_PUBLIC): (6, 9, 1, 400)}


async def test_a_kernel_that_does_not_answer_is_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("renogybt.bluetooth.mgmt.COMMAND_TIMEOUT_S", 0.05)
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        world.kernel.mute.add(LOAD_PARAMETERS)
        with pytest.raises(GattTimeoutError):
            await link.tune(FAST)


async def test_a_link_that_has_ended_is_tuned_no_more(world: World) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB) as link:
            pass
        with pytest.raises(LinkLostError):
            await link.tune(FAST)
        assert world.kernel.commands[LOAD_PARAMETERS] == 0


async def test_what_the_specification_forbids_does_not_reach_the_kernel(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        assert await code(link.tune(replace(FAST, min_interval=5))) == AttCode.VALUE_NOT_ALLOWED
        assert world.kernel.commands[LOAD_PARAMETERS] == 0


async def code(operation: Any) -> int:
    """Of the error that it raises."""
    with pytest.raises(AttError) as failure:
        await operation
    return failure.value.code


@pytest.mark.parametrize(
    "parameters",
    [
        FAST,
        LinkParameters(6, 6, 0, 10),
        LinkParameters(3200, 3200, 0, 3200),
        LinkParameters(6, 3200, 2, 3200),
        LinkParameters(6, 6, 499, 751),
    ],
)
def test_what_the_specification_allows(parameters: LinkParameters) -> None:
    parameters.check()


@pytest.mark.parametrize(
    "changes",
    [
        {"min_interval": 5},
        {"max_interval": 3201},
        {"min_interval": 10},
        {"min_interval": -1},
        {"latency": -1},
        {"latency": 500},
        {"timeout": 9},
        {"timeout": 3201},
        {"max_interval": 1600},  # two intervals are as long as the timeout
        {"latency": 177},  # 178 * 9 * 1.25 ms * 2 is more than 4 s
    ],
)
def test_what_the_specification_forbids(changes: dict[str, int]) -> None:
    with pytest.raises(AttError) as failure:
        replace(FAST, **changes).check()
    assert failure.value.code == AttCode.VALUE_NOT_ALLOWED
