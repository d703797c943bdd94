"""Whether more runs than should."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from renogybt.doctor.case import Case
from renogybt.doctor.findings import Finding, note, ok, problem
from renogybt.doctor.programs import Program

PROCESSES = "processes"


def processes(case: Case) -> Iterator[Finding]:
    """One process per configuration, and none of the earlier program."""
    radios = [each for each in case.programs if not each.demo]
    earlier = [each for each in radios if not each.own]
    own = [each for each in radios if each.own]
    twice = next((each for each in _by_configuration(own).values() if len(each) > 1), None)
    if earlier:
        text = f"the earlier program is running: {_listed(earlier)}"
        yield problem(PROCESSES, text, f"{_kill(earlier)}; where a service starts it, see earlier programs")
    elif twice is not None:
        text = f"this program runs {len(twice)} times with the same configuration: {_listed(twice)}"
        yield problem(PROCESSES, text, f"leave one, and end what started by hand: {_kill(twice[1:])}")
    elif len(own) > 1:
        text = f"this program runs {len(own)} times: {_listed(own)}"
        yield note(PROCESSES, text, "each needs its own adapter, native_api_port, device_name and state_dir")
    elif own:
        yield ok(PROCESSES, f"this program is running, {own[0]}")
    else:
        yield ok(PROCESSES, "this program is not running")


def _by_configuration(programs: Sequence[Program]) -> dict[Path | None, list[Program]]:
    """Those whose configuration may not be seen count as of one: most have only one."""
    groups = defaultdict(list)
    for program in programs:
        groups[program.configuration].append(program)
    return groups


def _listed(programs: Sequence[Program]) -> str:
    return ", ".join(map(str, programs))


def _kill(programs: Sequence[Program]) -> str:
    return f"sudo kill {' '.join(str(each.pid) for each in programs)}"
