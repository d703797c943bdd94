"""Who runs this program, or the earlier one, on this machine."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from renogybt.service.logs import printable

_SCRIPT = "unified_proxy.py"
_EARLIER_SCRIPTS = (_SCRIPT, "example.py")
"""The earlier program has a script of the same name as ours; `example.py` read devices without it."""
_PACKAGE = "renogybt"
_OPTIONS_WITH_VALUE = ("--set", "--log-level")
_OF_INTEREST = ("STATE_DIRECTORY", "HOME")
"""What decides where a process keeps its state. Nothing else of an environment is kept, for it may hold
secrets."""
_LONGEST_COMMAND = 120


@dataclass(frozen=True, slots=True)
class Program:
    """One process that runs as a proxy. `own`: of this program; else of the earlier one.

    `configuration` is None where its folder may not be seen, `environment` where that may not be.
    """

    pid: int
    own: bool
    command: str
    demo: bool = False
    configuration: Path | None = None
    environment: Mapping[str, str] | None = None

    def __str__(self) -> str:
        return f"PID {self.pid} ({self.command})"


def running_programs() -> tuple[Program, ...]:
    """All of them but this process, in the order of their ids; those of other users as far as they show."""
    return tuple(_programs())


def _programs() -> Iterator[Program]:
    for process in psutil.process_iter(["cmdline"]):
        if process.pid == os.getpid():
            continue
        found = script_of(process.info["cmdline"] or [])
        if found is not None and (program := _program(process, *found)) is not None:
            yield program


def script_of(command: Sequence[str]) -> tuple[str, Sequence[str]] | None:
    """What Python runs, a path or the name of our package, and its arguments; None: nothing of concern."""
    if not command:
        return None
    rest = list(command)
    if Path(rest[0]).name.startswith("python"):
        rest = rest[1:]
        while rest and rest[0].startswith("-") and rest[0] not in ("-m", "-c"):
            rest = rest[2 if rest[0] in ("-X", "-W") else 1 :]
        if rest[:1] == ["-m"]:
            return (_PACKAGE, rest[2:]) if rest[1:2] == [_PACKAGE] else None
    if not rest or Path(rest[0]).name not in (*_EARLIER_SCRIPTS, _PACKAGE):
        return None
    return rest[0], rest[1:]


def configured_by(arguments: Sequence[str]) -> str | None:
    """The file that a run is configured by, as it was given; None: it is another command than `run`."""
    rest = iter(arguments[1:] if arguments[:1] == ["run"] else arguments)
    for argument in rest:
        if argument in _OPTIONS_WITH_VALUE:
            next(rest, None)
        elif not argument.startswith("-"):
            return argument if "." in argument or "/" in argument else None
    return "config.ini"


def _program(process: psutil.Process, script: str, arguments: Sequence[str]) -> Program | None:
    configuration = configured_by(arguments)
    folder = _folder(process)
    own = _is_own(script, folder)
    if configuration is None or own is None:
        return None
    return Program(
        process.pid,
        own,
        printable(" ".join(_without_values(process.info["cmdline"])), _LONGEST_COMMAND),
        demo="--demo" in arguments,
        configuration=None if folder is None else (folder / configuration).resolve(),
        environment=_environment(process),
    )


def _without_values(command: Sequence[str]) -> Iterator[str]:
    """A value that is set may be a key, and a report is shown around."""
    before = ""
    for argument in command:
        yield f"{argument.partition('=')[0]}=..." if before == "--set" else argument
        before = argument


def _is_own(script: str, folder: Path | None) -> bool | None:
    """None: a script that only happens to have such a name."""
    name = Path(script).name
    if name == _PACKAGE:
        return True
    package = (folder or Path()) / Path(script).parent / _PACKAGE
    if name == _SCRIPT and (package / "cli.py").exists():
        return True
    return False if name == _SCRIPT or package.is_dir() else None


def _folder(process: psutil.Process) -> Path | None:
    try:
        return Path(process.cwd())
    except (psutil.Error, OSError):
        return None


def _environment(process: psutil.Process) -> dict[str, str] | None:
    try:
        environment = process.environ()
    except (psutil.Error, OSError):
        return None
    return {name: environment[name] for name in _OF_INTEREST if name in environment}
