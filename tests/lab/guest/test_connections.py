"""Peripherals behind the program on the real BlueZ, used with what Home Assistant's integrations use."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from bleak import BleakError
from bluez import DEVICE, Bluez
from cli.program import Ended, Program, free_port, settings, started
from clients.connecting import HUB, LAMP, Cable, Integration, ask_the_hub, cable, found, grumbles
from clients.home import Entry, Home, home
from clients.lamp_rules import (
    RULES,
    Rule,
    indications_come_after_each_write,
    its_slot_is_taken_and_given_back,
    what_was_written_is_read_back,
)
from clients.serving import until
from clients.test_demo_house import BATTERIES as FOUR_BATTERIES
from clients.test_demo_house import View
from readings import asked
from world import bluetoothd, world
from world import until as until_so

from renogybt.simulator.lamp import BRIGHTNESS, DEVICE_SERVICE, LAMP_SERVICE, MANUFACTURER

DEVICES = {each: f"/org/bluez/hci0/dev_{each.replace(':', '_')}" for each in (HUB, LAMP)}
BATTERIES = FOUR_BATTERIES[:2]
INTERVAL_S = 2
SECTIONS = f"""
[device]
mac_addr = {HUB}
type = RNG_BATT
alias = House battery
device_id = 48,49
renogy_read_interval = {INTERVAL_S}
"""
BRIEF = (
    # without the management socket: goodbyes of two seconds, no monitor
    what_was_written_is_read_back,
    indications_come_after_each_write,
    its_slot_is_taken_and_given_back,
)


@dataclass
class House:
    """The running program, a Home Assistant that has it, and the integrations of two peripherals."""

    program: Program
    wire: Cable
    entry: Entry
    lamp: Integration
    hub: Integration

    async def stop(self, *, calm: bool = True) -> Ended:
        """SIGTERM; `calm`: nothing has happened that should be in the log as a warning."""
        ended = await self.program.stop()
        assert "Traceback" not in ended.err
        assert not calm or "WARNING" not in ended.err, ended.err
        assert ended.code == 0
        return ended


@contextlib.asynccontextmanager
async def at_home(
    manager: Home, folder: Path, *, source: str = "mgmt", sections: str = ""
) -> AsyncIterator[House]:
    """The lamp is switched on, the program scans, Home Assistant is connected to it."""
    await world("lamp on")
    config, port = folder / "config.ini", free_port()
    config.write_text(sections)
    arguments = str(config), *settings(folder, port, advertisement_source=source)
    async with started(*arguments, cwd=folder) as program, cable(port) as wire:
        await program.line(r"scanning \(")
        async with Entry(manager, wire.port, None) as entry:
            yield House(
                program, wire, entry, Integration(manager, entry, LAMP), Integration(manager, entry, HUB)
            )


@pytest.fixture(autouse=True)
def nobody_grumbles(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """No warning in the log of Home Assistant, whatever happens to the adapter."""
    yield
    assert grumbles(caplog) == []


@pytest.fixture
async def manager(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Home]:
    async with home(monkeypatch) as manager:
        yield manager


async def is_linked(bluez: Bluez, address: str) -> bool:
    return address in await bluez.devices() and await bluez.get(DEVICES[address], DEVICE, "Connected")


async def free_again(bluez: Bluez, address: str, within_s: float = 2.0) -> float:
    """Wait until BlueZ has no link to it; the seconds that it took."""
    began = time.monotonic()

    async def free() -> bool:
        return not await is_linked(bluez, address)

    await until_so(free, within_s)
    return time.monotonic() - began


async def works(lamp: Integration) -> None:
    async with lamp.link() as client:
        assert bytes(await client.read_gatt_char(found(client, DEVICE_SERVICE, MANUFACTURER))) == b"renogybt"


# the lamp


@pytest.mark.parametrize(
    ("source", "rules"),
    [
        pytest.param("mgmt", RULES, id="all, by mgmt"),
        pytest.param("dbus", BRIEF, id="some, by dbus"),
        pytest.param("dbus", RULES, id="all, by dbus", marks=pytest.mark.long),
    ],
)
async def test_the_rules_of_the_lamp_hold_in_a_row(
    source: str,
    rules: tuple[Rule, ...],
    manager: Home,
    tmp_path: Path,
    bluez: Bluez,
) -> None:
    async with at_home(manager, tmp_path, source=source) as house:
        for rule in rules:
            began = time.monotonic()
            await rule(house.lamp)
            print(f"{rule.__name__}: {time.monotonic() - began:.2f} s")
        await house.stop()

    assert not await is_linked(bluez, LAMP)


async def test_the_lamp_is_met_as_often_as_the_client_wishes(manager: Home, tmp_path: Path) -> None:
    async def each_50_ms() -> bool:
        (central,) = (await world("stats"))["lamp"]["centrals"]
        return bool(central["interval_ms"] == 50)

    async with at_home(manager, tmp_path) as house:
        async with house.lamp.link() as client:
            await client.set_connection_params(24, 40, 0, 400)
            await until_so(each_50_ms)
        await house.stop()


async def test_a_write_fails_at_once_when_the_lamp_hangs_up(manager: Home, tmp_path: Path) -> None:
    async with at_home(manager, tmp_path) as house:
        async with house.lamp.link() as client:
            brightness = found(client, LAMP_SERVICE, BRIGHTNESS)

            async def write_for_ever() -> None:
                while True:
                    await client.write_gatt_char(brightness, b"\x01", response=True)

            writing = asyncio.create_task(write_for_ever())
            await asyncio.sleep(0.2)
            assert not writing.done()
            began = time.monotonic()
            await world("lampdrop")
            with pytest.raises(BleakError, match=r"[Nn]ot connected|changed connection status"):
                await writing
            failed_s = time.monotonic() - began
            await house.lamp.ended()
            assert not client.is_connected
        await works(house.lamp)
        await house.stop()

    print(f"the write failed {1e3 * failed_s:.0f} ms after the lamp was told to hang up")
    assert failed_s < 0.5
    assert house.lamp.ends == 2


async def test_a_controller_that_is_full_refuses_at_once_and_other_links_go_on(
    manager: Home, tmp_path: Path
) -> None:
    await world("links 1")
    async with at_home(manager, tmp_path) as house:
        async with house.hub.link() as first:
            began = time.monotonic()
            with pytest.raises(BleakError, match="Insufficient resources"):
                await house.lamp.try_once()
            refused_s = time.monotonic() - began
            assert (await ask_the_hub(first))[1] > 40
            assert house.lamp.slots() == (1, 0, [HUB])
        await works(house.lamp)
        await house.stop(calm=False)

    print(f"refused within {1e3 * refused_s:.0f} ms")
    assert refused_s < 1


# the hub, which is read at the same time


async def test_a_client_gets_the_hub_in_the_middle_of_a_round_and_the_reader_goes_on(
    manager: Home, tmp_path: Path
) -> None:
    took_s, late_s = [], []
    async with at_home(manager, tmp_path, sections=SECTIONS) as house:
        view = await everything_is_known(house)
        for _ in range(3):
            await asked()
            began = time.monotonic()
            client = await house.hub.connect()
            took_s.append(time.monotonic() - began)
            _current, voltage = await ask_the_hub(client)
            await client.disconnect()
            late_s.append(await all_read_again(view))
        await house.stop()

    print(
        f"connected within {took_s} s, median {statistics.median(took_s):.2f} s;"
        f" all read again after {statistics.median(late_s):.1f} s"
    )
    assert statistics.median(took_s) < 2
    assert voltage == pytest.approx(view.states[BATTERIES[0], "Voltage"], abs=0.5)
    for device in BATTERIES:
        assert None not in view.history[device, "Voltage"][1:]
        assert view.states[device, "Trouble"] == "none"
        assert view.states[device, "Failed readings"] == 0


async def everything_is_known(house: House) -> View:
    """Of the batteries, to Home Assistant, which has heard the hub as well."""
    # the first readings show what the batteries have
    await until(lambda: len(house.entry.expected) == 1, "it is told to connect anew", 20)
    await house.entry.connected.wait()
    await house.hub.device()
    view = await View.of(house.entry.client)
    await view.readings(1, BATTERIES)
    return view


async def all_read_again(view: View) -> float:
    """Wait until each battery has been read once more; the seconds that it took."""
    began = time.monotonic()
    before = {each: len(view.history[each, "Last good reading"]) for each in BATTERIES}
    await until(
        lambda: all(len(view.history[each, "Last good reading"]) > before[each] for each in BATTERIES),
        "all batteries are read again",
        INTERVAL_S + 5.0,
    )
    return time.monotonic() - began


# two links at once, and what may befall them


async def test_two_links_end_with_the_program(manager: Home, tmp_path: Path, bluez: Bluez) -> None:
    async with at_home(manager, tmp_path) as house:
        lamp, hub = await house.lamp.connect(), await house.hub.connect()
        limit, free, taken = house.lamp.slots()
        assert (limit - free, sorted(taken)) == (2, sorted((HUB, LAMP)))
        await lamp.write_gatt_char(found(lamp, LAMP_SERVICE, BRIGHTNESS), b"\x05", response=True)
        await ask_the_hub(hub)
        ended = await house.stop()
        for address in DEVICES:  # BlueZ takes 2 s to end a link, and more where the guest is slow
            await free_again(bluez, address, 1.0)
        await house.lamp.ended()
        await house.hub.ended()

    print(f"ended in {ended.took_s:.2f} s")
    assert ended.took_s < 3


async def test_an_adapter_that_is_pulled_out_takes_both_links_with_it(manager: Home, tmp_path: Path) -> None:
    async with at_home(manager, tmp_path) as house:
        clients = await house.lamp.connect(), await house.hub.connect()
        limit = house.lamp.slots()[0]
        began = time.monotonic()
        await world("unplug 0")
        await house.lamp.ended()
        await house.hub.ended()
        told_s = time.monotonic() - began
        await until(lambda: house.lamp.slots() == (limit, limit, []), "all slots are free")
        assert not any(client.is_connected for client in clients)

        began = time.monotonic()
        await world("plug 0")
        async with house.hub.link() as client:
            await ask_the_hub(client)
            await works(house.lamp)
        again_s = time.monotonic() - began
        await until(lambda: house.lamp.slots() == (limit, limit, []), "all slots are free")
        await house.stop(calm=False)

    print(f"both told within {told_s:.2f} s; both had again {again_s:.1f} s after plugging in")
    assert told_s < 2


async def test_a_bluetoothd_that_dies_takes_the_link_with_it(manager: Home, tmp_path: Path) -> None:
    async with at_home(manager, tmp_path) as house:
        client = await house.lamp.connect()
        limit = house.lamp.slots()[0]
        began = time.monotonic()
        await bluetoothd("crash")
        await house.lamp.ended()
        told_s = time.monotonic() - began
        await until(lambda: house.lamp.slots() == (limit, limit, []), "all slots are free")
        assert not client.is_connected

        began = time.monotonic()
        await bluetoothd("start")
        await works(house.lamp)
        again_s = time.monotonic() - began
        await house.stop(calm=False)

    print(f"told within {told_s:.2f} s, had again {again_s:.1f} s after its start")
    assert told_s < 2


async def test_links_end_with_the_connection_of_their_client(
    manager: Home, tmp_path: Path, bluez: Bluez
) -> None:
    async with at_home(manager, tmp_path) as house:
        await house.lamp.connect()
        assert await is_linked(bluez, LAMP)
        house.wire.cut()
        gone_s = await free_again(bluez, LAMP)
        await house.lamp.ended()
        await until(lambda: len(house.entry.expected) == 1, "the end of the connection is known")
        await house.entry.connected.wait()
        await works(house.lamp)
        await house.stop()

    print(f"the link was gone {gone_s:.2f} s after the cut")
