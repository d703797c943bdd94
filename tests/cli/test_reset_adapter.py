"""`reset-adapter`, by the program that runs and alone; each prints one line, and its code says the rest."""

import asyncio
import contextlib
import json
import os
import re
import signal
import socket
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cli.program import MODULE, Ended, run, started
from fakes.bluez import FakeBlueZ
from fakes.bus_client import BusClient, until
from fakes.care import FakeCare
from fakes.fixtures import ADAPTER_ADDRESS
from fakes.fixtures import client as client
from fakes.private_bus import PrivateBus

from renogybt.bluetooth.budget import FILE, MOST_RESETS, Budget
from renogybt.service.control import ControlServer
from renogybt.service.radio_control import RESET, SOCKET, RadioControl

OTHER_ADDRESS = "00:1A:7D:DA:71:99"
FAR = "hci99"
"""A number that the kernel of this machine has surely not given away."""
DONE = r"{} \({}\): power-cycled the adapter, in \d\.\d s\n"


class Shell:
    """Runs the command in a folder of its own, on a bus."""

    def __init__(self, folder: Path, bus_address: str) -> None:
        self.folder = folder
        self.state_dir = folder / "state"
        self.runtime = folder / "run"
        self.environment = {
            "DBUS_SYSTEM_BUS_ADDRESS": bus_address,
            "STATE_DIRECTORY": str(self.state_dir),
            "RUNTIME_DIRECTORY": str(self.runtime),
        }

    async def reset(self, *arguments: str) -> Ended:
        """What came of it; never a traceback."""
        ended = await run(
            "reset-adapter", *arguments, cwd=self.folder, command=MODULE, environment=self.environment
        )
        assert "Traceback" not in ended.err
        assert len((ended.out + ended.err).splitlines()) == 1 or ended.code == 64, ended
        return ended

    def spent(self) -> int:
        """How many resets are in the file."""
        return len(Budget(self.state_dir / FILE).resets.spent)

    def spend(self, count: int) -> None:
        """Others have used up so many."""
        budget = Budget(self.state_dir / FILE)
        for _ in range(count):
            budget.resets.spend(budget.now)
        budget.save()


@pytest.fixture
def shell(tmp_path: Path, private_bus: PrivateBus) -> Shell:
    return Shell(tmp_path, private_bus.address)


@contextlib.asynccontextmanager
async def service(door: Path, care: FakeCare, *names: str) -> AsyncIterator[None]:
    """What a running program answers with."""
    control = RadioControl(door, care, lambda: names)
    async with ControlServer(door, {RESET: control.reset}):
        yield


# -- alone


@pytest.mark.parametrize("adapter", [(), ("hci0",), ("HCI0",), (ADAPTER_ADDRESS.lower(),)])
async def test_alone_it_takes_the_power_and_gives_it_back(
    shell: Shell, bluez: FakeBlueZ, client: BusClient, adapter: tuple[str, ...]
) -> None:
    ended = await shell.reset(*adapter)
    assert (ended.code, ended.err) == (0, "")
    assert re.fullmatch(DONE.format("hci0", ADAPTER_ADDRESS), ended.out)
    told = [each.body[1]["Powered"] for each in await client.take_signals() if "Powered" in each.body[1]]
    assert told == [False, True]
    assert shell.spent() == 1


async def test_the_budget_counts_over_processes_and_force_overrules_it(
    shell: Shell, bluez: FakeBlueZ
) -> None:
    shell.spend(MOST_RESETS - 1)
    assert (await shell.reset()).code == 0
    calls = bluez.calls["Set Powered"]
    refused = await shell.reset()
    assert (refused.code, refused.out) == (75, "")
    assert re.search(r"reset 10 times .* allowed in \d\d min, at \d\d:\d\d\. --force", refused.err)
    assert bluez.calls["Set Powered"] == calls
    assert (await shell.reset("--force")).code == 0
    assert shell.spent() == MOST_RESETS + 1


async def test_the_limit_that_is_configured_counts(shell: Shell, bluez: FakeBlueZ) -> None:
    (shell.folder / "config.ini").write_text("[home_assistant_proxy]\nhealth_reset_limit = 2\n")
    shell.spend(2)
    refused = await shell.reset()
    assert (refused.code, bluez.calls["Set Powered"]) == (75, 0)
    assert "reset 2 times within the last hour" in refused.err


async def test_a_dead_adapter_is_a_failure_with_its_reason(shell: Shell, bluez: FakeBlueZ) -> None:
    bluez.add_adapter(FAR, OTHER_ADDRESS)
    bluez.fail_next("Set Powered", "org.bluez.Error.Failed", "Input/output error", times=2)
    ended = await shell.reset(FAR)
    assert (ended.code, ended.out) == (1, "")
    assert ended.err.startswith("renogybt: ")
    assert "Input/output error" in ended.err


async def test_without_a_bus_it_is_69(shell: Shell, private_bus: PrivateBus) -> None:
    await private_bus.kill()
    ended = await shell.reset()
    assert (ended.code, ended.out) == (69, "")
    assert "sudo apt install dbus bluez" in ended.err


async def test_without_bluez_it_is_69(shell: Shell) -> None:
    ended = await shell.reset()
    assert (ended.code, ended.out) == (69, "")
    assert "sudo systemctl start bluetooth" in ended.err


async def test_without_that_adapter_it_is_69(shell: Shell, bluez: FakeBlueZ) -> None:
    ended = await shell.reset("hci7")
    assert (ended.code, ended.out) == (69, "")
    assert "no Bluetooth adapter hci7. Plug it in" in ended.err
    assert shell.spent() == 0


async def test_the_configured_adapter_is_meant_where_none_is_named(shell: Shell, bluez: FakeBlueZ) -> None:
    bluez.add_adapter("hci1", OTHER_ADDRESS)
    (shell.folder / "config.ini").write_text("[home_assistant_proxy]\nadapter = hci1\n")
    assert re.fullmatch(DONE.format("hci1", OTHER_ADDRESS), (await shell.reset()).out)
    assert re.fullmatch(DONE.format("hci0", ADAPTER_ADDRESS), (await shell.reset("hci0")).out)


async def test_the_state_folder_is_the_configured_one(shell: Shell, bluez: FakeBlueZ) -> None:
    elsewhere = shell.folder / "elsewhere"
    (shell.folder / "mine.ini").write_text(f"[home_assistant_proxy]\nstate_dir = {elsewhere}\n")
    await shell.reset("--config", "mine.ini")
    await shell.reset("--set", f"home_assistant_proxy.state_dir={elsewhere}")
    assert len(Budget(elsewhere / FILE).resets.spent) == 2
    assert shell.spent() == 0


async def test_whoever_interrupts_it_leaves_the_power_on(shell: Shell, bluez: FakeBlueZ) -> None:
    adapter = bluez.adapters["hci0"]
    async with started(
        "reset-adapter", cwd=shell.folder, command=MODULE, environment=shell.environment
    ) as program:
        await until(lambda: not adapter.powered, 10.0)
        program.signal(signal.SIGINT)
        ended = await program.end()
    # on a busy machine it may be done before the signal arrives
    assert ended.code == 0, ended
    assert ended.out == "" or ended.out.endswith(" s\n")
    assert "Traceback" not in ended.err
    assert adapter.powered


@pytest.mark.parametrize("arguments", [("hcix",), ("hci0", "hci1"), ("",), ("--soft",), ("00:1A:7D:DA:71",)])
async def test_what_is_no_adapter_is_a_wrong_command_line(shell: Shell, arguments: tuple[str, ...]) -> None:
    ended = await shell.reset(*arguments)
    assert (ended.code, ended.out) == (64, "")
    assert ended.err.startswith("usage: renogybt")


async def test_a_wrong_configuration_is_78(shell: Shell) -> None:
    ended = await shell.reset("--set", "home_assistant_proxy.adapter=dongle")
    assert (ended.code, ended.out) == (78, "")


async def test_hardware_that_is_not_there_or_not_allowed_is_a_failure(shell: Shell) -> None:
    ended = await shell.reset(FAR, "--hardware")
    assert (ended.code, ended.out) == (1, "")
    said = f"knows no adapter {FAR}" if os.geteuid() == 0 else "only root may reset hardware"
    assert said in ended.err


# -- by a running program


@pytest.mark.parametrize("where", ["state", "run"])
@pytest.mark.parametrize("adapter", [(), ("hci0",), (ADAPTER_ADDRESS,)])
async def test_a_program_that_runs_does_it(
    shell: Shell, bluez: FakeBlueZ, where: str, adapter: tuple[str, ...]
) -> None:
    care = FakeCare()
    async with service(shell.folder / where / SOCKET, care, "hci0", ADAPTER_ADDRESS):
        ended = await shell.reset(*adapter)
    assert (ended.code, ended.err) == (0, "")
    assert re.fullmatch(DONE.format("hci0", ADAPTER_ADDRESS), ended.out)
    assert care.asked == ["reset-adapter asks for it"]
    assert bluez.calls["Set Powered"] == 0
    assert shell.spent() == 0


async def test_its_refusal_is_75_and_force_is_handed_on(shell: Shell, bluez: FakeBlueZ) -> None:
    care = FakeCare(left=0)
    async with service(shell.runtime / SOCKET, care, "hci0"):
        refused = await shell.reset()
        forced = await shell.reset("--force")
    assert (refused.code, refused.out) == (75, "")
    assert refused.err == "renogybt: none is left; the next one is allowed in 12 min\n"
    assert forced.code == 0
    assert care.resets == 1
    assert bluez.calls["Set Powered"] == 0


async def test_its_failure_is_1(shell: Shell, bluez: FakeBlueZ) -> None:
    care = FakeCare()
    care.failure = "hci0 was told to switch on and did not"
    async with service(shell.runtime / SOCKET, care, "hci0"):
        ended = await shell.reset()
    assert (ended.code, ended.err) == (1, "renogybt: hci0 was told to switch on and did not\n")
    assert bluez.calls["Set Powered"] == 0


async def test_an_adapter_that_is_not_the_programs_is_reset_without_it(
    shell: Shell, bluez: FakeBlueZ
) -> None:
    bluez.add_adapter("hci1", OTHER_ADDRESS)
    care = FakeCare()
    async with service(shell.runtime / SOCKET, care, "hci0", ADAPTER_ADDRESS):
        ended = await shell.reset("hci1")
    assert re.fullmatch(DONE.format("hci1", OTHER_ADDRESS), ended.out)
    assert care.asked == []
    assert shell.spent() == 1


async def test_a_program_that_died_is_no_program(shell: Shell, bluez: FakeBlueZ) -> None:
    shell.runtime.mkdir()
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(shell.runtime / SOCKET))
        dead.listen()
    assert (await shell.reset()).code == 0
    assert shell.spent() == 1


async def test_a_program_that_makes_no_sense_is_not_worked_around(shell: Shell, bluez: FakeBlueZ) -> None:
    async def mumble(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(b"mumble\n")
        writer.close()

    shell.runtime.mkdir()
    server = await asyncio.start_unix_server(mumble, shell.runtime / SOCKET)
    try:
        ended = await shell.reset()
    finally:
        server.close()
        await server.wait_closed()
    assert (ended.code, ended.out) == (1, "")
    assert "Restart the service" in ended.err
    assert bluez.calls["Set Powered"] == 0


async def test_what_a_program_says_cannot_steer_the_terminal(shell: Shell) -> None:
    care = FakeCare()
    care.failure = "\x1b[2Jdead\nsecond line"
    async with service(shell.runtime / SOCKET, care, "hci0"):
        ended = await shell.reset()
    assert ended.err == "renogybt: ?[2Jdead?second line\n"


AS_NOBODY = """
import asyncio, dataclasses, json, os, pathlib
from renogybt.bluetooth.reset_request import ResetRequest, request_reset
os.setgroups([]); os.setgid(65534); os.setuid(65534)
request = ResetRequest(None, pathlib.Path("/nonexistent"), [pathlib.Path({!r})])
print(json.dumps(dataclasses.asdict(asyncio.run(request_reset(request)))))
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_the_program_of_another_user_is_not_worked_around(shell: Shell, bluez: FakeBlueZ) -> None:
    care = FakeCare()
    door = shell.runtime / SOCKET
    shell.runtime.mkdir(mode=0o755)
    for folder in door.parents:
        if not folder.stat().st_mode & 0o001:
            folder.chmod(0o711)
    async with service(door, care, "hci0"):
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", AS_NOBODY.format(str(door)), stdout=asyncio.subprocess.PIPE
        )
        out, _ = await child.communicate()
    reply = json.loads(out)
    assert (reply["ok"], reply["code"]) == (False, 1)
    assert "Run: sudo renogybt reset-adapter" in reply["text"]
    assert care.asked == []
