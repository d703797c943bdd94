"""The program on a BlueZ: from the bus to a client, and out again."""

import signal
from pathlib import Path

import pytest
from aioesphomeapi import BluetoothScannerState
from cli.program import MODULE, free_port, run, settings, started
from clients.heard import Heard
from clients.serving import ZERO_KEY, connected, until
from fakes.bluez import FakeBlueZ
from fakes.fixtures import ADAPTER_ADDRESS
from fakes.private_bus import PrivateBus

THERMOMETER = "A4:C1:38:EB:B5:02"


def on(bus: PrivateBus) -> dict[str, str]:
    return {"DBUS_SYSTEM_BUS_ADDRESS": bus.address}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Without the management socket and the lock, which would be those of this machine."""
    (tmp_path / "config.ini").write_text(
        f"[home_assistant_proxy]\nadvertisement_source = dbus\nscan_lock = {tmp_path / 'scan.lock'}\n"
    )
    return tmp_path


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_advertisements_reach_a_client_and_the_adapter_is_left_as_found(
    private_bus: PrivateBus, bluez: FakeBlueZ, config: Path, number: signal.Signals
) -> None:
    port = free_port()
    async with started(*settings(config, port), cwd=config, environment=on(private_bus)) as program:
        await program.line("ready: ")
        await program.line("scanning ")
        assert bluez.owners()
        async with connected(port, ZERO_KEY) as client:
            info = await client.api.device_info()
            heard = Heard(client)
            await client.round_trip()
            bluez.advertise(
                THERMOMETER, address_type="public", rssi=-54, service_data={"fcd2": b"\x40\x01\x50"}
            )
            await until(lambda: bool(heard.advertisements), "the thermometer")
            program.signal(number)
            assert await client.end() is True
        ended = await program.end()

    first = heard.advertisements[0]
    assert info.bluetooth_mac_address == ADAPTER_ADDRESS
    assert (f"{first.address:012X}", first.rssi) == (THERMOMETER.replace(":", ""), -54)
    assert b"\x16\xd2\xfc\x40\x01\x50" in first.data
    assert heard.states[0].state is BluetoothScannerState.RUNNING
    assert (ended.code, ended.out) == (0, "")
    assert ended.took_s < 3.0
    assert "Traceback" not in ended.err
    await until(lambda: not bluez.owners(), "discovery has ended")


async def test_a_client_is_told_when_the_radio_goes_and_comes(
    private_bus: PrivateBus, bluez: FakeBlueZ, config: Path
) -> None:
    port = free_port()
    async with started(*settings(config, port), cwd=config, environment=on(private_bus)) as program:
        await program.line("scanning ")
        async with connected(port) as client:
            heard = Heard(client)
            await client.round_trip()
            await bluez.stop()
            await until(lambda: heard.states[-1].state is not BluetoothScannerState.RUNNING, "it is gone")
            await client.round_trip()
            await bluez.start()
            await until(lambda: heard.states[-1].state is BluetoothScannerState.RUNNING, "it is back")
        assert (await program.stop()).code == 0


@pytest.mark.parametrize("command", ["run", "scan"])
async def test_the_lock_of_a_test_is_its_own(
    private_bus: PrivateBus, bluez: FakeBlueZ, config: Path, command: str
) -> None:
    arguments = settings(config, free_port()) if command == "run" else ("--seconds", "60")
    async with started(
        command, *arguments, cwd=config, command=MODULE, environment=on(private_bus)
    ) as program:
        await until(lambda: bool(bluez.owners()), "the discovery")
        assert str(program.pid) in (config / "scan.lock").read_text()
        await program.stop()


@pytest.mark.parametrize("extra", ["", "--json"])
async def test_a_scan_that_hears_nothing_says_what_to_look_at(
    private_bus: PrivateBus, bluez: FakeBlueZ, config: Path, extra: str
) -> None:
    ended = await run(
        "scan", "--seconds", "0.5", *extra.split(), cwd=config, command=MODULE, environment=on(private_bus)
    )

    assert ended.code == 0
    assert bool(ended.out) == (extra == "")
    assert ended.err.startswith("nothing was heard")
    assert "--log-level INFO" in ended.err


@pytest.mark.parametrize("extra", ["", "--json"])
async def test_a_scan_without_bluez_is_one_clear_line(
    private_bus: PrivateBus, config: Path, extra: str
) -> None:
    ended = await run(
        "scan", "--seconds", "5", *extra.split(), cwd=config, command=MODULE, environment=on(private_bus)
    )

    assert (ended.code, ended.out) == (69, "")
    assert len(ended.err.splitlines()) == 1
    assert "luetooth" in ended.err
