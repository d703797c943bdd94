"""What may be asked of a radio that runs, and what its answers mean."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fakes.care import FakeCare

from renogybt.model.recovery import RadioEvent, Result, Rung
from renogybt.service.control import ControlServer
from renogybt.service.control_wire import NobodyThereError, Reply, ask
from renogybt.service.radio_control import TASKS, RadioControl, ask_for_reset, control_path, doors, in_words

NAMES = ("hci0", "00:1A:7D:DA:71:13")
STATE = Path("/var/lib/x")


@contextlib.asynccontextmanager
async def running(control: RadioControl) -> AsyncIterator[None]:
    """Its work beside the body, which begins when it listens."""
    task = asyncio.create_task(control.run())
    try:
        yield
        assert not task.done(), task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def asked(path: Path, adapter: str | None = None, *, force: bool = False) -> Reply:
    """The answer, as soon as somebody listens."""
    async with asyncio.timeout(5):
        while True:
            try:
                return await ask_for_reset(path, adapter, force=force)
            except NobodyThereError:
                await asyncio.sleep(0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "control.sock"


@pytest.mark.parametrize("adapter", [None, *NAMES])
async def test_the_radio_is_reset_by_its_care(path: Path, adapter: str | None) -> None:
    care = FakeCare()
    async with running(RadioControl(path, care, lambda: NAMES)):
        reply = await asked(path, adapter)
    assert reply == Reply(True, "hci0 (00:1A:7D:DA:71:13): power-cycled the adapter, in 0.0 s", 0)
    assert care.asked == ["reset-adapter asks for it"]


async def test_a_refusal_is_temporary_and_force_overrules_it(path: Path) -> None:
    care = FakeCare(left=0)
    async with running(RadioControl(path, care, lambda: NAMES)):
        refused = await asked(path)
        forced = await asked(path, force=True)
    assert refused == Reply(False, "none is left; the next one is allowed in 12 min", 75)
    assert forced.ok
    assert care.resets == 1


async def test_a_failure_is_told_with_its_reason(path: Path) -> None:
    care = FakeCare()
    care.failure = "hci0 was told to switch on and did not"
    async with running(RadioControl(path, care, lambda: NAMES)):
        assert await asked(path) == Reply(False, "hci0 was told to switch on and did not", 1)


async def test_a_reset_that_did_not_help_is_a_failure(path: Path) -> None:
    care = FakeCare()
    care.result = Result.IN_VAIN
    async with running(RadioControl(path, care, lambda: NAMES)):
        reply = await asked(path)
    assert (reply.ok, reply.code) == (False, 1)
    assert reply.text.endswith("did not help")


@pytest.mark.parametrize("adapter", ["hci1", "00:1A:7D:DA:71:99"])
async def test_another_adapter_is_not_touched_and_the_own_one_named(path: Path, adapter: str) -> None:
    care = FakeCare()
    async with running(RadioControl(path, care, lambda: NAMES)):
        reply = await asked(path, adapter, force=True)
    assert reply == Reply(False, "the running service uses hci0 (00:1A:7D:DA:71:13)", 69)
    assert care.asked == []


async def test_the_names_are_those_of_the_moment(path: Path) -> None:
    names: list[str] = ["hci0"]
    care = FakeCare()
    async with running(RadioControl(path, care, lambda: tuple(names))):
        assert (await asked(path, "hci0")).ok
        names[:] = ["hci1"]
        assert (await asked(path, "hci0")).code == 69
        assert (await asked(path, "hci1")).ok
        names.clear()
        assert (await asked(path)).code == 69
    assert care.resets == 2


async def test_anything_but_true_is_no_force(path: Path) -> None:
    care = FakeCare(left=0)
    control = RadioControl(path, care, lambda: NAMES)
    for value in ("yes", 1, None, [True]):
        assert (await control.reset({"adapter": None, "force": value})).code == 75
    assert care.resets == 0


async def test_without_a_door_the_program_goes_on(path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with ControlServer(path, {}), running(RadioControl(path, FakeCare(), lambda: NAMES)):
        async with asyncio.timeout(5):
            while not caplog.records:
                await asyncio.sleep(0)
    (record,) = caplog.records
    assert "another process answers at" in record.getMessage()
    assert record.levelname == "WARNING"


async def test_the_tasks_of_the_process_can_be_counted(path: Path) -> None:
    async def more(count: int) -> int:
        others = [asyncio.create_task(asyncio.sleep(5)) for _ in range(count)]
        try:
            return int((await ask(path, {"command": TASKS}, 5.0)).text)
        finally:
            for each in others:
                each.cancel()

    async with running(RadioControl(path, FakeCare(), lambda: NAMES)):
        await asked(path)
        assert await more(7) == await more(0) + 7


def test_the_door_is_in_the_runtime_directory_of_the_unit_else_in_the_state_folder() -> None:
    assert control_path(STATE, {}) == STATE / "control.sock"
    assert control_path(STATE, {"RUNTIME_DIRECTORY": "/run/a:/run/b"}) == Path("/run/a/control.sock")
    assert control_path(STATE, {"RUNTIME_DIRECTORY": ""}) == STATE / "control.sock"


@pytest.mark.parametrize("environment", [{}, {"RUNTIME_DIRECTORY": "/run/a"}])
def test_whoever_asks_finds_it_whether_or_not_it_runs_as_a_unit(environment: dict[str, str]) -> None:
    asked = doors(STATE, environment)
    assert asked[0] == STATE / "control.sock"
    assert control_path(STATE, environment) in asked
    assert control_path(STATE, {"RUNTIME_DIRECTORY": "/run/renogy-bt-proxy"}) in doors(STATE, {})


@pytest.mark.parametrize(
    ("event", "text"),
    [
        (
            RadioEvent(Rung.POWER_CYCLE, "x", Result.HELPED, 0.44),
            "hci0: power-cycled the adapter, in 0.4 s",
        ),
        (
            RadioEvent(Rung.RESET_HARDWARE, "x", Result.IN_VAIN, 12.0, "nothing heard"),
            "hci0: reset the adapter's hardware, in 12.0 s (nothing heard), did not help",
        ),
    ],
)
def test_a_reset_in_words(event: RadioEvent, text: str) -> None:
    assert in_words(event, "hci0") == text
