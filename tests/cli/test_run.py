"""`run`: start, stop, and what stands in the way."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from pathlib import Path

import pytest
from aioesphomeapi import (
    BluetoothScannerState,
    InvalidEncryptionKeyAPIError,
    ReconnectLogic,
    RequiresEncryptionAPIError,
)
from cli.program import MODULE, NO_BUS, UNIFIED_PROXY, free_port, run, settings, started
from clients.heard import Heard
from clients.serving import KEY, OTHER_KEY, ZERO_KEY, api_client, connected, until


async def test_it_is_ready_within_a_second(tmp_path: Path) -> None:
    """The first start compiles; the second is what users wait for."""
    for _ in range(2):
        port = free_port()
        began = time.monotonic()
        async with started("--demo", *settings(tmp_path, port), cwd=tmp_path) as program:
            await program.line(rf"ready: ESPHome API on 127\.0\.0\.1:{port} .*DEMO")
            took_s = time.monotonic() - began
            async with connected(port) as client:
                info = await client.api.device_info()
            ended = await program.stop()
        assert (ended.code, ended.out) == (0, "")

    print(f"ready after {took_s:.3f} s")
    assert "demo" in info.model.lower()
    assert took_s < 3.0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_it_stops_under_load_and_says_goodbye(tmp_path: Path, number: signal.Signals) -> None:
    port = free_port()
    async with (
        started("--demo", *settings(tmp_path, port), cwd=tmp_path) as program,
        contextlib.AsyncExitStack() as stack,
    ):
        await program.line("ready:")
        clients = [await stack.enter_async_context(connected(port, key)) for key in (None, ZERO_KEY, None)]
        heard = [Heard(client) for client in clients]
        await until(lambda: all(each.advertisements for each in heard), "advertisements everywhere")
        began = time.monotonic()
        program.signal(number)
        assert [await client.end() for client in clients] == [True, True, True]
        ended = await program.end()
        took_s = time.monotonic() - began

    print(f"stopped after {took_s:.3f} s")
    assert (ended.code, ended.out) == (0, "")
    assert took_s < 3.0
    assert "Traceback" not in ended.err


async def test_it_stops_although_a_client_does_not_answer(tmp_path: Path) -> None:
    port = free_port()
    async with started("--demo", *settings(tmp_path, port), cwd=tmp_path) as program:
        await program.line("ready:")
        async with connected(port):
            with socket.create_connection(("127.0.0.1", port)) as deaf:
                deaf.sendall(b"\0\x00\x01")
                await program.line("is connected(.|\n)*is connected")
                ended = await program.stop()

    assert ended.code == 0
    assert ended.took_s < 3.0


@pytest.mark.parametrize(
    "command",
    [UNIFIED_PROXY, MODULE, (*MODULE, "run")],
    ids=["unified_proxy.py", "-m renogybt", "-m renogybt run"],
)
async def test_all_commands_are_the_same(tmp_path: Path, command: tuple[str, ...]) -> None:
    port = free_port()
    async with started("--demo", *settings(tmp_path, port), cwd=tmp_path, command=command) as program:
        await program.line("ready:")
        async with connected(port) as client:
            await client.round_trip()
        assert (await program.stop()).code == 0


async def test_a_port_in_use_is_named_with_its_holder(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        ended = await run("--demo", *settings(tmp_path, port), cwd=tmp_path)

    assert ended.code == 75
    assert 8.5 < ended.took_s < 14.0  # ten tries, a second apart, and the start
    assert f"port 127.0.0.1:{port} is in use by PID {os.getpid()} (" in ended.err
    assert "python" in ended.err
    assert "native_api_port" in ended.err
    assert "Traceback" not in ended.err


async def test_a_port_that_becomes_free_within_ten_seconds_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        async with started("--demo", *settings(tmp_path, port), cwd=tmp_path) as program:
            await program.line("Trying again")
            holder.close()
            await program.line("ready:")
            assert (await program.stop()).code == 0


async def test_an_address_that_is_not_ours_is_waited_for_and_then_an_error(tmp_path: Path) -> None:
    ended = await run("--demo", *settings(tmp_path, 1234, native_api_host="192.0.2.1"), cwd=tmp_path)

    assert ended.code == 75
    assert "cannot listen on 192.0.2.1:1234" in ended.err
    assert "Traceback" not in ended.err


@pytest.mark.parametrize(("file", "content"), [("noise.key", "not a key"), ("identity.json", "{}}")])
async def test_a_damaged_file_of_the_state_is_named(tmp_path: Path, file: str, content: str) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / file).write_text(content)
    ended = await run("--demo", *settings(tmp_path, free_port()), cwd=tmp_path)

    assert ended.code == 78
    assert str(tmp_path / "demo" / file) in ended.err
    assert content not in ended.err
    assert "Traceback" not in ended.err


async def test_the_key_that_a_client_set_holds_after_a_restart(tmp_path: Path) -> None:
    port = free_port()
    arguments = ("--demo", *settings(tmp_path, port))
    async with started(*arguments, cwd=tmp_path) as program:
        await program.line("ready:.*no key yet")
        async with connected(port, ZERO_KEY) as client:
            assert await client.api.noise_encryption_set_key(KEY.encode())
            assert await client.end() is True
        first = await program.stop()
    async with started(*arguments, cwd=tmp_path) as program:
        await program.line(r"ready:.*encrypted, key in .*noise\.key")
        for key, error in (
            (None, RequiresEncryptionAPIError),
            (ZERO_KEY, InvalidEncryptionKeyAPIError),
            (OTHER_KEY, InvalidEncryptionKeyAPIError),
        ):
            with pytest.raises(error):
                async with connected(port, key):
                    pass
        async with connected(port, KEY) as client:
            await client.round_trip()
        second = await program.stop()

    assert KEY not in first.err + second.err
    assert second.code == 0


async def test_the_device_is_the_same_after_a_restart(tmp_path: Path) -> None:
    port = free_port()
    seen = []
    for _ in range(2):
        async with started("--demo", *settings(tmp_path, port), cwd=tmp_path) as program:
            await program.line("ready:")
            async with connected(port) as client:
                info = await client.api.device_info()
                seen.append((info.name, info.mac_address, info.bluetooth_mac_address))
            await program.stop()

    assert seen[0] == seen[1]


async def test_a_client_finds_it_again_after_it_was_killed(tmp_path: Path) -> None:
    port = free_port()
    arguments = ("--demo", *settings(tmp_path, port))
    connections, losses = asyncio.Semaphore(0), asyncio.Semaphore(0)
    expected: list[bool] = []

    async def on_connect() -> None:
        connections.release()

    async def on_disconnect(was_expected: bool) -> None:
        expected.append(was_expected)
        losses.release()

    client = api_client(port)
    logic = ReconnectLogic(
        client=client, on_connect=on_connect, on_disconnect=on_disconnect, zeroconf_wake=False
    )
    async with asyncio.timeout(20.0):
        async with started(*arguments, cwd=tmp_path) as program:
            await program.line("ready:")
            await logic.start()
            await connections.acquire()
            program.signal(signal.SIGKILL)
            await losses.acquire()
        async with started(*arguments, cwd=tmp_path) as program:
            await program.line("ready:")
            began = time.monotonic()
            await connections.acquire()
            print(f"found again {time.monotonic() - began:.2f} s after it was ready")
            await logic.stop()
            await client.disconnect()
            assert (await program.stop()).code == 0

    assert expected[0] is False


async def test_without_d_bus_the_api_is_up_and_tells_that_the_radio_failed(tmp_path: Path) -> None:
    port = free_port()
    (tmp_path / "config.ini").write_text("[home_assistant_proxy]\ndevice_name = a.b\n")
    async with started(*settings(tmp_path, port), cwd=tmp_path, environment=NO_BUS) as program:
        await program.line("ready: ")
        await program.line("not scanning: ")
        async with connected(port) as client:
            heard = Heard(client)
            await until(lambda: bool(heard.states), "the state of the scanner")
            assert {state.state for state in heard.states} == {BluetoothScannerState.FAILED}
            assert (await client.api.device_info()).name == "a.b"
        ended = await program.stop()

    assert ended.code == 0
    assert ended.err.count("not scanning") == 1
    assert "dbus" in ended.err
    assert "Traceback" not in ended.err
