"""All checks, side by side, each with a deadline and none of which changes anything."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass

import psutil

from renogybt.doctor import (
    bluetooth,
    clock,
    configuration,
    home_assistant,
    kernel_log,
    port,
    processes,
    resets,
    state,
    units,
    versions,
)
from renogybt.doctor.beside import CheckFailedError, beside
from renogybt.doctor.case import Case, Question, prepare, unprepared
from renogybt.doctor.findings import Finding, unknown
from renogybt.doctor.machine import Machine
from renogybt.model.errors import RenogyBTError

PREPARE_S = 2.0
CHECK_S = 6.5
"""Together with the start of the program, which takes a second on a small computer, less than ten seconds."""


@dataclass(frozen=True, slots=True)
class Check:
    """What delivers the rows `names`. `look` is awaited; `work` may wait for disks and runs in a thread."""

    names: Sequence[str]
    look: Callable[[Case], Awaitable[Iterable[Finding]]] | None = None
    work: Callable[[Case], Iterable[Finding]] | None = None


CHECKS = (
    Check((versions.PYTHON,), work=versions.python),
    Check((versions.KERNEL,), work=versions.kernel),
    Check((configuration.CONFIGURATION,), work=configuration.configuration),
    Check(state.NAMES, work=state.state),
    Check(bluetooth.NAMES, look=bluetooth.examine_radio),
    Check((kernel_log.KERNEL_LOG,), look=kernel_log.kernel_log),
    Check((resets.RESETS,), work=resets.resets),
    Check(units.NAMES, look=units.services),
    Check((processes.PROCESSES,), work=processes.processes),
    Check((port.PORT,), work=port.port),
    Check((home_assistant.HOME_ASSISTANT,), look=home_assistant.home_assistant),
    Check((clock.CLOCK,), work=clock.clock),
)


async def examine(
    machine: Machine,
    question: Question,
    checks: Sequence[Check] = CHECKS,
    *,
    prepare_s: float = PREPARE_S,
    check_s: float = CHECK_S,
) -> list[Finding]:
    """All rows, in the order of the checks."""
    try:
        async with asyncio.timeout(prepare_s):
            case = await beside(lambda: prepare(machine, question))
    except TimeoutError:
        case = unprepared(machine, question)
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(_carry_out(check, case, check_s)) for check in checks]
    return [finding for task in tasks for finding in task.result()]


async def _carry_out(check: Check, case: Case, check_s: float) -> list[Finding]:
    """Its rows; those that it does not deliver are unknown."""
    try:
        async with asyncio.timeout(check_s):
            return list(await _look(check, case))
    except TimeoutError:
        reason = f"this took longer than {check_s:g} s"
    except CheckFailedError as error:
        reason = str(error)
    except (OSError, RenogyBTError, psutil.Error) as error:
        reason = f"this machine does not tell: {error}"
    return [unknown(name, reason) for name in check.names]


async def _look(check: Check, case: Case) -> Iterable[Finding]:
    if check.look is not None:
        return await check.look(case)
    work = check.work
    return () if work is None else await beside(lambda: list(work(case)))
