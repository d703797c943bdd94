"""A radio that falls ill on the real BlueZ and the real kernel: how soon it is well again, and by what."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from bluez import ADAPTER, Bluez
from care import Ward, name_back, ward
from ears import ALL_READ, ROOT, SCANNING, SECTIONS, Program, first_voltage, program
from readings import asked
from world import HUB_ADDRESS, bluetoothd, until, world

from renogybt.bluetooth.power import OFF_S
from renogybt.bluetooth.watchdog import CareSettings
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import parse_address
from renogybt.model.gatt import LinkEnd
from renogybt.model.radio import ScannerState
from renogybt.model.recovery import CareState, Result, Rung

MGMT, DBUS = AdvertisementSource.MGMT, AdvertisementSource.DBUS
LONG = pytest.mark.long
BOTH = pytest.mark.parametrize("source", [MGMT, DBUS])
MGMT_AND_LONG_DBUS = pytest.mark.parametrize("source", [MGMT, pytest.param(DBUS, marks=LONG)])
BY = {MGMT: "mgmt", DBUS: "dbus"}
SILENT_AFTER_S = {MGMT: 10.0, DBUS: 25.0}
"""A silence that short means nothing yet: with an advertisement monitor, and without."""
FREE = {
    MGMT: [Rung.RESTART_SCAN, Rung.STOP_KERNEL_SCAN, Rung.REOPEN_BUS],
    DBUS: [Rung.RESTART_SCAN, Rung.REOPEN_BUS],
}
"""What disturbs nobody, in the order in which it is tried."""
RESETS = {Rung.POWER_ON, Rung.POWER_CYCLE, Rung.POWER_CYCLE_BY_KERNEL}


async def bluetoothctl(*words: str) -> None:
    process = await asyncio.create_subprocess_exec(
        "bluetoothctl", *words, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL
    )
    async with asyncio.timeout(10):
        await process.wait()


def soft_switch() -> Path:
    """Writing 1 blocks Bluetooth."""
    return next(Path("/sys/class/rfkill").iterdir()) / "soft"


# -- bluetoothd


@pytest.mark.parametrize(
    ("source", "end", "within_s"),
    [
        (MGMT, "stop", 1.0),
        (DBUS, "stop", 1.0),
        (MGMT, "crash", 1.5),
        (MGMT, "segv", 1.5),
        (DBUS, "crash", 7.0),
        pytest.param(DBUS, "segv", 7.0, marks=LONG),
    ],
)
async def test_a_bluetoothd_that_comes_back_is_scanned_with_at_once(
    source: AdvertisementSource, end: str, within_s: float
) -> None:
    """After a crash the kernel goes on with a discovery that nobody owns, which is in the way of ours."""
    async with ward(source) as ears:
        await bluetoothd(end)
        await ears.away()
        await bluetoothd("start")
        await name_back()
        took_s = await ears.back(15)

        ears.tell(f"{BY[source]}, {end}", took_s)
        assert took_s <= within_s
        assert source is DBUS or not RESETS & set(ears.rungs)


@pytest.fixture
async def put_in_order() -> AsyncIterator[None]:
    """Afterwards: a bluetoothd that was stopped may have missed what the kernel told it, and a controller
    that was dead may have other links in mind than the kernel."""
    yield
    await world("unplug 0")
    await bluetoothd("restart")
    await world("plug 0")


@pytest.mark.usefixtures("put_in_order")
async def test_a_bluetoothd_that_hangs_is_noticed_and_the_management_socket_goes_on() -> None:
    """The kernel scans for our monitor, whoever else has ended."""
    async with ward(MGMT, acquainted=True, care=CareSettings(look_s=10.0)) as ears:
        await bluetoothd("freeze")
        noticing = asyncio.create_task(ears.until(lambda: ears.state is CareState.HELPLESS, 15))
        for _ in range(25):
            await ears.hears_some(50, 1.5)
        noticed_s = await noticing
        await bluetoothd("thaw")
        await ears.back(5)
        well_s = await ears.until(lambda: ears.state is CareState.WELL, 16)

        ears.tell("mgmt, noticed that bluetoothd hangs", noticed_s)
        ears.tell("mgmt, noticed that bluetoothd goes on", well_s)
        assert noticed_s <= 10.0
        assert ears.rungs == []


@pytest.mark.usefixtures("put_in_order")
async def test_a_bluetoothd_that_hangs_is_noticed_and_no_reason_for_a_reset() -> None:
    async with ward(DBUS, acquainted=True) as ears:
        # what the kernel tells bluetoothd meanwhile must find room in its socket
        await world("noise 5 5")
        start = time.monotonic()
        await bluetoothd("freeze")
        noticed_s = await ears.until(lambda: "did not answer" in ears.radio.status.reason, 45)
        ears.tell("dbus, noticed that bluetoothd hangs", noticed_s)
        await asyncio.sleep(start + 60 - time.monotonic())
        await bluetoothd("thaw")
        took_s = await ears.back(60)
        await ears.until(lambda: ears.state is CareState.WELL, 10)

        ears.tell("dbus, back when bluetoothd goes on", took_s)
        assert noticed_s <= 12.0
        assert not RESETS & set(ears.rungs)


# -- the adapter


@BOTH
async def test_an_adapter_that_comes_back_is_scanned_with_at_once(
    source: AdvertisementSource, bluez: Bluez
) -> None:
    async def has_it(name: str) -> bool:
        return name in (await bluez.adapters()).values()

    async with ward(source) as ears:
        await world("unplug 0")
        await ears.until(lambda: ears.radio.status.state is ScannerState.FAILED)
        await world("plug 0")
        plugged_s = await ears.back(10)
        await world("move 0")
        await until(lambda: has_it("hci1"))
        moved_s = await ears.back(10)

        ears.tell(f"{BY[source]}, plugged in", plugged_s)
        ears.tell(f"{BY[source]}, moved", moved_s)
        assert plugged_s <= 3.0
        assert moved_s <= 3.0
        assert ears.rungs == []


@BOTH
async def test_an_adapter_that_somebody_switches_off_is_on_again(source: AdvertisementSource) -> None:
    async with ward(source) as ears:
        start = time.monotonic()
        await bluetoothctl("power", "off")
        await ears.away()
        await ears.back(10)
        took_s = time.monotonic() - start

        ears.tell(f"{BY[source]}, switched off", took_s)
        assert took_s <= 4.0
        assert [(each.event.rung, each.event.result) for each in ears.told] == [
            (Rung.POWER_ON, Result.HELPED)
        ]


@BOTH
async def test_a_block_by_software_is_taken_off(source: AdvertisementSource) -> None:
    async with ward(source) as ears:
        start = time.monotonic()
        soft_switch().write_text("1")
        try:
            await ears.away()
            await ears.back(10)
        finally:
            soft_switch().write_text("0")
        took_s = time.monotonic() - start

        ears.tell(f"{BY[source]}, blocked", took_s)
        assert took_s <= 5.0
        assert ears.rungs == [Rung.UNBLOCK]


@BOTH
async def test_who_is_linked_is_told_when_a_reset_takes_the_link(source: AdvertisementSource) -> None:
    async with ward(source) as ears, ears.radio.connect(parse_address(HUB_ADDRESS)) as link:
        gone = asyncio.Event()
        link.on_close(gone.set)
        start = time.monotonic()
        reset = asyncio.create_task(ears.radio.care.reset("the test asks for it"))
        async with asyncio.timeout(1.0):
            await gone.wait()
        told_s = time.monotonic() - start
        event = await reset

        ears.tell(f"{BY[source]}, told of the end", told_s)
        assert event.result is Result.HELPED
        assert link.end is LinkEnd.RADIO
        await ears.back(5)


# -- a silent scan, and a controller that is dead


async def silence(ears: Ward) -> float:
    """Nothing is heard from now on; the moment."""
    await world("mute 0 1")
    return time.monotonic()


@MGMT_AND_LONG_DBUS
async def test_a_scan_that_a_power_cycle_wakes_up_is_back_in_time(
    source: AdvertisementSource, bluez: Bluez
) -> None:
    async def is_off() -> bool:
        return not await bluez.get("/org/bluez/hci0", ADAPTER, "Powered")

    async with ward(source, acquainted=True) as ears:
        start = await silence(ears)
        await until(is_off, 60)
        await world("mute 0 0")
        await ears.back(10)
        took_s = time.monotonic() - start
        await ears.until(lambda: ears.state is CareState.WELL)

        ears.tell(f"{BY[source]}, mute until a power cycle", took_s)
        assert took_s <= 35.0
        assert ears.rungs == [*FREE[source], Rung.POWER_CYCLE]
        assert ears.told[-1].event.result is Result.HELPED


@MGMT_AND_LONG_DBUS
async def test_a_scan_that_is_silent_for_a_moment_costs_no_reset(source: AdvertisementSource) -> None:
    async with ward(source, acquainted=True) as ears:
        await silence(ears)
        await ears.until(lambda: ears.state is CareState.RECOVERING, 40)
        noticed_s = time.monotonic() - ears.heard_at[-1]
        await world("mute 0 0")
        await ears.back(10)
        await ears.until(lambda: ears.state is CareState.WELL)

        ears.tell(f"{BY[source]}, noticed that it is mute", noticed_s)
        assert SILENT_AFTER_S[source] <= noticed_s <= 30.0
        assert ears.rungs == [Rung.RESTART_SCAN]


@pytest.mark.usefixtures("put_in_order")
@MGMT_AND_LONG_DBUS
async def test_a_controller_that_is_dead_is_found_out_and_taken_back_when_it_lives(
    source: AdvertisementSource,
) -> None:
    def refused() -> bool:
        """A reset that could not be done: this is no silence, and nothing milder will help."""
        return any(each.event.rung in RESETS and each.event.result is Result.NOT_DONE for each in ears.told)

    async with ward(source, acquainted=True) as ears:
        start = time.monotonic()
        await world("hang 0 1")
        await ears.until(refused, 90)
        decided_s = time.monotonic() - start
        await world("hang 0 0")
        back_s = await ears.back(60)

        ears.tell(f"{BY[source]}, decided that the controller is dead", decided_s)
        ears.tell(f"{BY[source]}, back when it lives", back_s)
        assert decided_s <= SILENT_AFTER_S[source] + 15.0


# -- the whole program, with a client that stays


@asynccontextmanager
async def faithful_client(source: str, folder: Path, sections: str = "") -> AsyncIterator[Program]:
    """The program among devices, with a client that is there at the end as it was at the beginning."""
    await world("noise 100 10")
    async with program(source, folder, sections, ALL_READ if sections else SCANNING) as running:
        try:
            yield running
            if running.process.returncode is None:
                await running.client.device_info()
                assert not running.lost
        finally:
            print(*running.log, sep="\n")


async def relayed(running: Program, timeout_s: float = 20.0) -> float:
    """Wait until the client gets advertisements; the seconds."""
    count, start = len(running.raw) + 10, time.monotonic()

    async def enough() -> bool:
        return len(running.raw) >= count

    await until(enough, timeout_s)
    return time.monotonic() - start


@pytest.mark.parametrize("source", ["mgmt", "dbus"])
async def test_a_client_stays_through_everything(source: str, tmp_path: Path) -> None:
    async with faithful_client(source, tmp_path, SECTIONS) as running:
        await first_voltage(running, 20)
        await bluetoothd("segv")
        await asyncio.sleep(2)
        await bluetoothd("start")
        await relayed(running)
        await bluetoothctl("power", "off")
        await relayed(running)
        await world("unplug 0")
        await asyncio.sleep(2)
        await world("plug 0")
        await relayed(running)
        await asked()
        await world("move 0")
        await relayed(running)


async def test_a_hub_that_is_busy_costs_no_rung(tmp_path: Path) -> None:
    async with faithful_client("mgmt", tmp_path, SECTIONS) as running:
        await world("hub busy")
        await world("drop")
        longest_s, end = 0.0, time.monotonic() + 30
        while time.monotonic() < end:
            longest_s = max(longest_s, await relayed(running))

        print(f"the longest pause: {longest_s:.1f} s")
        assert not [line for line in running.log if "because" in line]
        assert (await world("stats"))["hub"]["links"] == 0
        await world("hub on")
        await asked()


# -- on request


async def reset_adapter(folder: Path, *options: str) -> tuple[int, str]:
    """The command: its exit code, and what it says."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "renogybt", "reset-adapter", "--config", str(folder / "config.ini"), *options),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(60):
        said, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, said.decode()


@pytest.mark.parametrize("source", ["mgmt", "dbus"])
async def test_a_reset_on_request_is_that_of_the_program_that_runs(source: str, tmp_path: Path) -> None:
    async with faithful_client(source, tmp_path) as running:
        code, said = await reset_adapter(tmp_path)
        print(f"{source}: {said.strip()}; advertisements after {await relayed(running):.2f} s")
        again, refusal = await reset_adapter(tmp_path)

        assert (code, again) == (0, 75), (said, refusal)
        assert any("reset-adapter asks for it" in line for line in running.log)


async def test_a_reset_on_request_needs_no_program(tmp_path: Path, bluez: Bluez) -> None:
    (tmp_path / "config.ini").write_text(f"[home_assistant_proxy]\nstate_dir = {tmp_path}\n")
    code, said = await reset_adapter(tmp_path, "hci0")

    assert code == 0, said
    assert await bluez.get("/org/bluez/hci0", ADAPTER, "Powered") is True


@pytest.mark.usefixtures("put_in_order")
@pytest.mark.parametrize("source", ["mgmt", pytest.param("dbus", marks=LONG)])
@pytest.mark.parametrize("stuck", ["bluetoothd", "controller"])
async def test_sigterm_during_a_reset_that_hangs_ends_the_program(
    source: str, stuck: str, tmp_path: Path
) -> None:
    async with faithful_client(source, tmp_path) as running:
        await (bluetoothd("freeze") if stuck == "bluetoothd" else world("hang 0 1"))
        reset = asyncio.create_task(reset_adapter(tmp_path))
        await asyncio.sleep(OFF_S / 2)
        start = time.monotonic()
        running.process.terminate()
        async with asyncio.timeout(30):
            code = await running.process.wait()
        took_s = time.monotonic() - start
        await bluetoothd("thaw")
        await world("hang 0 0")
        await reset

        print(f"{source}, {stuck}: ended in {took_s:.2f} s")
        assert code == 0
        assert took_s <= 3.0
