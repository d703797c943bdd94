"""Who listens where Home Assistant is to connect."""

import re
from collections.abc import Iterator

import psutil

from renogybt.doctor.case import Case
from renogybt.doctor.findings import Finding, ok, problem, unknown
from renogybt.doctor.programs import Program
from renogybt.proxy.port_holder import port_holder

PORT = "port"
_PID = re.compile(r"PID (\d+)")


def port(case: Case) -> Iterator[Finding]:
    """Free, this program's own, or somebody else's, who is named."""
    number = case.proxy.native_api_port
    holder = port_holder(number)
    if holder is None:
        yield _unnamed(case, number)
        return
    program = _program(case, holder)
    if program is not None and program.own and not program.demo:
        yield ok(PORT, f"{number} is held by this program, {program}")
    elif program is not None and program.own:
        yield problem(PORT, f"{number} is held by a demo of this program, {program}", f"kill {program.pid}")
    elif program is not None:
        text = f"{number} is held by the earlier program, {program}"
        advice = f"sudo systemctl disable --now renogy-bt; where it was started by hand: kill {program.pid}"
        yield problem(PORT, text, advice)
    else:
        text = f"{number} is held by another program, {holder}"
        yield problem(PORT, text, f"end that program, or set another native_api_port in {case.question.path}")


def _program(case: Case, holder: str) -> Program | None:
    found = _PID.match(holder)
    return next((each for each in case.programs if found and each.pid == int(found[1])), None)


def _unnamed(case: Case, number: int) -> Finding:
    """The process of a port is shown to its owner and to root only."""
    if not _is_taken(number):
        return ok(PORT, f"{number} is free")
    own = next((each for each in case.programs if each.own and not each.demo), None)
    if own is not None:
        return ok(PORT, f"{number} is taken, as it seems by this program, {own}")
    text = f"{number} is taken by a process that this user may not see"
    return unknown(PORT, text, f"sudo ss -ltnp 'sport = :{number}' names it")


def _is_taken(number: int) -> bool:
    connections = psutil.net_connections("tcp")
    return any(
        each.status == psutil.CONN_LISTEN and tuple(each.laddr)[1:] == (number,) for each in connections
    )
