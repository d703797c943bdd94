"""A power cycle by the kernel: off and on again, and believed only by what the kernel says of the power."""

import asyncio
import struct
from collections.abc import AsyncIterator

import pytest
from fakes.powered_kernel import SET_POWERED, PoweredKernel

from renogybt.bluetooth.errors import CallTimeoutError, MgmtError, MgmtUnavailableError
from renogybt.bluetooth.kernel_power import power_cycle_by_kernel
from renogybt.bluetooth.mgmt import MgmtSocket
from renogybt.bluetooth.power import PowerError

FAILED, RFKILLED = 0x03, 0x12


@pytest.fixture
async def kernel() -> AsyncIterator[PoweredKernel]:
    fake = PoweredKernel()
    yield fake
    fake.cut()


@pytest.fixture
async def opened(kernel: PoweredKernel) -> AsyncIterator[MgmtSocket]:
    sock = MgmtSocket(kernel.open(), lambda _batch: None, lambda: None)
    yield sock
    sock.close()


async def test_the_power_goes_and_comes(kernel: PoweredKernel, opened: MgmtSocket) -> None:
    await power_cycle_by_kernel(opened.command, 0)
    assert kernel.powers == [(0, False), (0, True)]
    assert kernel.commands[SET_POWERED] == 2


async def test_an_adapter_that_was_off_is_on_afterwards(kernel: PoweredKernel, opened: MgmtSocket) -> None:
    kernel.controllers[0].powered = False
    await power_cycle_by_kernel(opened.command, 0)
    assert kernel.controllers[0].powered


async def test_a_success_without_an_effect_is_not_believed(kernel: PoweredKernel, opened: MgmtSocket) -> None:
    kernel.stuck = True
    with pytest.raises(PowerError, match="hci0 off and did not"):
        await power_cycle_by_kernel(opened.command, 0)


async def test_what_stays_off_is_told(kernel: PoweredKernel, opened: MgmtSocket) -> None:
    def stick(_index: int, on: bool) -> None:
        kernel.stuck = not on

    kernel.told = stick
    with pytest.raises(PowerError, match="hci0 on and did not"):
        await power_cycle_by_kernel(opened.command, 0)


async def test_power_is_given_back_where_taking_it_away_was_refused(
    kernel: PoweredKernel, opened: MgmtSocket
) -> None:
    kernel.refusals[SET_POWERED] = [FAILED]
    with pytest.raises(MgmtError, match="status 0x03"):
        await power_cycle_by_kernel(opened.command, 0)
    assert kernel.powers == [(0, True)]


async def test_a_block_is_an_error_with_its_status(kernel: PoweredKernel, opened: MgmtSocket) -> None:
    kernel.refusals[SET_POWERED] = [RFKILLED, RFKILLED]
    with pytest.raises(MgmtError) as caught:
        await power_cycle_by_kernel(opened.command, 0)
    assert caught.value.status == RFKILLED


async def test_power_is_given_back_when_cancelled(kernel: PoweredKernel, opened: MgmtSocket) -> None:
    off = asyncio.Event()
    kernel.told = lambda _index, _on: off.set()
    cycle = asyncio.create_task(power_cycle_by_kernel(opened.command, 0))
    await off.wait()
    cycle.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cycle
    assert kernel.powers == [(0, False), (0, True)]


async def test_without_an_answer_nothing_more_is_sent() -> None:
    sent: list[bytes] = []

    async def command(_opcode: int, _index: int, data: bytes) -> bytes:
        sent.append(data)
        raise CallTimeoutError("no answer")

    with pytest.raises(CallTimeoutError):
        await power_cycle_by_kernel(command, 0)
    assert sent == [b"\x00"]


async def test_without_the_rights_it_is_an_error(kernel: PoweredKernel) -> None:
    kernel.trusted = False
    sock = MgmtSocket(kernel.open(), lambda _batch: None, lambda: None)
    try:
        with pytest.raises(MgmtError, match="status 0x14"):
            await power_cycle_by_kernel(sock.command, 0)
    finally:
        sock.close()
    with pytest.raises(MgmtUnavailableError):
        await power_cycle_by_kernel(sock.command, 0)


@pytest.mark.parametrize("data", [b"", b"\x00", struct.pack("<I", 0xFFFFFFFE) + b"more"])
async def test_the_settings_decide_where_there_are_any(data: bytes) -> None:
    """An answer that is too short tells nothing; the status has said that it is done."""

    async def command(_opcode: int, _index: int, wanted: bytes) -> bytes:
        return data if wanted == b"\x00" or len(data) < 4 else struct.pack("<I", 1)

    await power_cycle_by_kernel(command, 0)
