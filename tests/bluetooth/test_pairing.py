"""How a bond comes about over BlueZ, and that nothing is left behind when none does."""

import asyncio
import contextlib
import logging
from dataclasses import replace
from typing import Any

import pytest
from dbus_fast import Message
from fakes import hub
from fakes.bluez_agent import AGENT
from fakes.bus_client import BusClient, until
from fakes.linking import HUB, QUICK, Reach, in_reach
from fakes.radio_world import World

from renogybt.model.gatt import GattLink, LinkLostError, PairingError

PATH = "/org/bluez/hci0/dev_6C_B2_FD_86_82_4D"
PASSKEY = 42_007
HASTY = replace(QUICK, pair_s=0.1)


def capabilities(world: World) -> list[str]:
    """Of all agents."""
    return [each.capability for each in world.bluez.agents.registered]


def nothing_is_left(reach: Reach) -> bool:
    """Neither a pairing nor an agent that can do more than always."""
    return capabilities(reach.world) == ["NoInputNoOutput"] and not reach.link.pairing.pending


async def refusal(link: GattLink, passkey: int | None = None) -> str:
    """Why there is no bond."""
    with pytest.raises(PairingError) as failure:
        await link.pair(passkey)
    return str(failure.value)


# -- that come about


async def test_a_peripheral_without_a_passkey_just_works(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        await link.pair()
        assert reach.hub.paired
        assert reach.hub.encrypted
        assert nothing_is_left(reach)
        assert link.open


async def test_the_passkey_of_the_peripheral_makes_a_bond(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        reach.hub.passkey = PASSKEY
        await link.pair(PASSKEY)
        assert reach.hub.paired
        assert nothing_is_left(reach)


async def test_a_passkey_that_nobody_asks_for_does_no_harm(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        await link.pair(PASSKEY)
        assert reach.hub.paired


@pytest.mark.parametrize(("passkey", "capability"), [(None, "NoInputNoOutput"), (PASSKEY, "KeyboardOnly")])
async def test_what_the_agent_can_do_depends_on_the_passkey(
    world: World, passkey: int | None, capability: str
) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        reach.hub.pairing_s = None
        async with pairing(link, passkey):
            await until(lambda: reach.link.pairing.pending)
            assert capabilities(world) == [capability]


async def test_pairing_twice_asks_bluez_once_for_it_would_not_answer(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        await link.pair()
        await link.pair()
        assert reach.calls("Pair") == 1


async def test_a_bond_that_came_about_meanwhile_is_one(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        world.bluez.fail_next("Pair", "org.bluez.Error.AlreadyExists", "Already Exists")
        await link.pair()
        assert nothing_is_left(reach)


async def test_a_bond_outlives_the_link(world: World) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB) as link:
            await link.pair()
        async with reach.radio.connect(HUB) as link:
            assert reach.hub.encrypted
            await link.pair()
        assert reach.calls("Pair") == 1


# -- that do not


async def test_a_wrong_passkey_is_told_from_a_missing_one(world: World) -> None:
    async with in_reach(world) as reach:
        reach.hub.passkey = PASSKEY
        async with reach.radio.connect(HUB) as link:
            assert "Correct pairing_passkeys in config.ini" in await refusal(link, PASSKEY + 1)
            assert nothing_is_left(reach)
        async with reach.radio.connect(HUB) as link:
            assert "set them as pairing_passkeys in config.ini" in await refusal(link)
            assert nothing_is_left(reach)
        assert not reach.hub.paired


async def test_a_peripheral_that_does_not_pair_says_so(world: World) -> None:
    async with in_reach(world) as reach:
        reach.hub.pairs = False
        async with reach.radio.connect(HUB) as link:
            assert "Put it into pairing mode" in await refusal(link)
        async with reach.radio.connect(HUB) as link:
            assert "Remove that" in await refusal(link, PASSKEY)
        assert nothing_is_left(reach)


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("AuthenticationFailed", "set them as pairing_passkeys"),
        ("AuthenticationRejected", "Put it into pairing mode"),
        ("AuthenticationCanceled", "Try again"),
        ("AuthenticationTimeout", "bring it closer"),
        ("ConnectionAttemptFailed", "Bring it closer"),
        ("InProgress", "another program is pairing it"),
        ("Failed", "what BlueZ says"),
    ],
)
async def test_each_refusal_of_bluez_says_what_to_do(world: World, name: str, advice: str) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        world.bluez.fail_next("Pair", f"org.bluez.Error.{name}", "what BlueZ says")
        assert advice in await refusal(link)
        assert link.open
        assert nothing_is_left(reach)


async def test_a_refusal_is_one_even_if_the_link_ends_with_it(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        name = "org.bluez.Error.AuthenticationFailed"
        world.bluez.fail_next("Pair", name, "Authentication Failed", after_s=0.02)
        failure = asyncio.create_task(refusal(link))
        await until(lambda: reach.calls("Pair"))
        world.bluez.drop(hub.HUB)
        assert "set them as pairing_passkeys" in await failure
        assert not link.open


async def test_an_agent_that_is_not_taken_is_told(world: World) -> None:
    denied = "org.freedesktop.DBus.Error.AccessDenied", "not you"
    world.bluez.fail_next("RegisterAgent", *denied)
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        world.bluez.fail_next("RegisterAgent", *denied)
        assert "not you" in await refusal(link)
        assert reach.calls("Pair") == 0


@pytest.mark.parametrize("passkey", [-1, 1_000_000])
async def test_a_passkey_has_six_digits(world: World, passkey: int) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        assert "six digits" in await refusal(link, passkey)
        assert reach.calls("RegisterAgent") == 1


async def test_a_pairing_that_takes_too_long_is_cancelled(world: World) -> None:
    async with in_reach(world, timing=HASTY) as reach, reach.radio.connect(HUB) as link:
        reach.hub.pairing_s = None
        assert "more than 0.1 s" in await refusal(link)
        assert reach.calls("CancelPairing") == 1
        assert nothing_is_left(reach)
        reach.hub.pairing_s = 0.001
        await link.pair()


# -- cancelled


@contextlib.asynccontextmanager
async def pairing(link: GattLink, passkey: int | None = None) -> Any:
    """One that is cancelled at the end."""
    task = asyncio.create_task(link.pair(passkey))
    try:
        yield task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.mark.parametrize("member", ["GetAll", "UnregisterAgent", "RegisterAgent", "Pair"])
async def test_nothing_is_left_of_a_pairing_that_is_cancelled_in_a_call(world: World, member: str) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        before = reach.calls(member)
        async with pairing(link, PASSKEY):
            await until(lambda: reach.calls(member) > before)
        assert nothing_is_left(reach)
        await link.pair()
        assert reach.hub.paired


async def test_nothing_is_left_of_a_pairing_that_is_cancelled_while_the_passkey_is_due(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        reach.hub.pairing_s = None
        async with pairing(link, PASSKEY):
            await until(lambda: reach.link.pairing.pending)
        assert nothing_is_left(reach)
        assert reach.calls("CancelPairing") == 1
        assert not reach.hub.paired


async def test_nothing_is_left_even_if_it_is_cancelled_again_and_again(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        reach.hub.pairing_s = None
        async with pairing(link) as task:
            await until(lambda: reach.link.pairing.pending)
            while not task.done():
                task.cancel()
                await asyncio.sleep(0)
        assert nothing_is_left(reach)


async def test_no_task_is_left(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        before = asyncio.all_tasks()
        reach.hub.pairing_s = None
        async with pairing(link):
            await until(lambda: reach.link.pairing.pending)
        reach.hub.pairing_s, reach.hub.passkey = 0.001, PASSKEY
        await link.pair(PASSKEY)
        await until(lambda: asyncio.all_tasks() <= before)


async def test_one_pairing_at_a_time(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        first, second = asyncio.create_task(link.pair()), asyncio.create_task(link.pair())
        await asyncio.gather(first, second)
        assert reach.calls("Pair") == 1
        assert reach.hub.paired


# -- ends of the link


async def test_a_peripheral_that_hangs_up_meanwhile_is_a_lost_link(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        reach.hub.pairing_s = None
        task = asyncio.create_task(link.pair())
        await until(lambda: reach.link.pairing.pending)
        world.bluez.drop(hub.HUB)
        with pytest.raises(LinkLostError):
            await task
        assert not link.open
        assert nothing_is_left(reach)


@pytest.mark.parametrize("member", ["GetAll", "RegisterAgent", "Pair"])
async def test_an_end_of_bluetoothd_meanwhile_is_a_lost_link(world: World, member: str) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        before = reach.calls(member)
        world.bluez.swallow(member)
        task = asyncio.create_task(link.pair(PASSKEY))
        await until(lambda: reach.calls(member) > before)
        await world.bluez.crash()
        with pytest.raises(LinkLostError):
            await task
        assert not link.open


async def test_a_link_that_ends_without_a_word_of_bluez_is_lost(world: World) -> None:
    async with in_reach(world, timing=HASTY) as reach, reach.radio.connect(HUB) as link:
        world.bluez.swallow("Pair")
        task = asyncio.create_task(link.pair())
        await until(lambda: reach.calls("Pair"))
        world.bluez.drop(hub.HUB)
        with pytest.raises(LinkLostError):
            await task


async def test_an_end_of_the_bus_meanwhile_is_a_lost_link(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        reach.hub.pairing_s = None
        task = asyncio.create_task(link.pair())
        await until(lambda: reach.link.pairing.pending)
        await world.bus.kill()
        with pytest.raises(LinkLostError):
            await task


async def test_the_end_of_the_radio_ends_a_pairing(world: World) -> None:
    async with contextlib.AsyncExitStack() as stack:
        reach = await stack.enter_async_context(in_reach(world))
        reach.hub.pairing_s = None

        async def pair() -> None:
            async with reach.radio.connect(HUB) as link:
                await link.pair()

        task = asyncio.create_task(pair())
        await until(lambda: reach.calls("Pair"))
        await stack.aclose()
        with pytest.raises(LinkLostError):
            await task
        await until(lambda: capabilities(world) == [] and not reach.link.pairing.pending)


async def test_a_link_that_has_ended_pairs_no_more(world: World) -> None:
    async with in_reach(world) as reach:
        async with reach.radio.connect(HUB) as link:
            pass
        with pytest.raises(LinkLostError):
            await link.pair()
        assert reach.calls("Pair") == 0


# -- the secret


class Asking(BusClient):
    """Somebody who calls the agent, be it as BlueZ would."""

    async def ask(self, owner: str, member: str, signature: str = "", *body: Any) -> Message:
        """The answer of whoever has the agent of this connection."""
        reply = await self.bus.call(
            Message(owner, "/renogybt/agent", AGENT, member, signature=signature, body=list(body))
        )
        assert reply is not None
        return reply


async def answer(world: World, member: str, signature: str = "", *body: Any) -> list[Any] | None:
    """What BlueZ hears from the agent; None: it refuses."""
    (agent,) = world.bluez.agents.registered
    answers: list[list[Any] | None] = []
    world.bluez.agents.ask(agent, member, signature, list(body), answers.append)
    await until(lambda: answers)
    return answers[0]


async def test_nobody_but_bluez_is_told_the_passkey(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        reach.hub.pairing_s = None
        async with pairing(link, PASSKEY), Asking(world.bus.address) as thief:
            await until(lambda: reach.link.pairing.pending)
            (agent,) = world.bluez.agents.registered
            for member in ("RequestPasskey", "RequestAuthorization", "Cancel"):
                reply = await thief.ask(agent.sender, member, "o", PATH)
                assert reply.error_name == "org.bluez.Error.Rejected"
            assert reach.link.pairing.pending


@pytest.mark.parametrize(
    ("member", "signature", "body", "expected"),
    [
        ("RequestPasskey", "o", [PATH], [PASSKEY]),
        ("RequestPasskey", "o", [f"{PATH}F"], None),
        ("RequestAuthorization", "o", [PATH], []),
        ("RequestAuthorization", "o", ["/org/bluez/hci0/dev_00_00_00_00_00_00"], None),
        ("RequestConfirmation", "ou", [PATH, 123456], []),
        ("RequestConfirmation", "ou", ["/", 123456], None),
        ("RequestPinCode", "o", [PATH], None),
        ("DisplayPasskey", "ouq", [PATH, 123456, 0], None),
        ("AuthorizeService", "os", [PATH, "0000ffd0-0000-1000-8000-00805f9b34fb"], None),
        ("Cancel", "", [], []),
        ("Release", "", [], []),
    ],
)
async def test_bluez_is_answered_for_the_device_that_is_paired_only(
    world: World, member: str, signature: str, body: list[Any], expected: list[Any] | None
) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        reach.hub.pairing_s = None
        async with pairing(link, PASSKEY):
            await until(lambda: reach.link.pairing.pending)
            assert await answer(world, member, signature, *body) == expected


async def test_without_a_passkey_none_is_given(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        reach.hub.pairing_s = None
        async with pairing(link):
            await until(lambda: reach.link.pairing.pending)
            assert await answer(world, "RequestPasskey", "o", PATH) is None


async def test_after_a_pairing_the_passkey_is_told_no_more(world: World) -> None:
    async with in_reach(world) as reach, reach.radio.connect(HUB) as link:
        reach.hub.pairing_s = None
        async with pairing(link, PASSKEY):
            await until(lambda: reach.link.pairing.pending)
        assert await answer(world, "RequestPasskey", "o", PATH) is None


async def test_the_passkey_is_not_logged(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with in_reach(world) as reach:
        reach.hub.passkey = PASSKEY
        async with reach.radio.connect(HUB) as link:
            await link.pair(PASSKEY)
        reach.hub.paired = False
        async with reach.radio.connect(HUB) as link:
            text = await refusal(link, PASSKEY - 1)
    for secret in (PASSKEY, PASSKEY - 1):
        assert str(secret) not in caplog.text
        assert str(secret) not in text
