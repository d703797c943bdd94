"""What the doctor is asked about: a machine, a configuration, and who runs already."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from renogybt.config import (
    Configuration,
    ConfigurationError,
    HomeAssistantProxy,
    default_configuration,
    load_configuration,
)
from renogybt.doctor.machine import Machine
from renogybt.doctor.programs import Program


@dataclass(frozen=True, slots=True)
class Question:
    """`named`: the file was named by the user, so that it has to be there. `overrides` as by `--set`."""

    path: Path = Path("config.ini")
    named: bool = False
    overrides: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """`configuration` is the default one where the file is missing or has `errors`, a line each.

    `service` is the process that runs with this very configuration, None where there is none.
    """

    machine: Machine
    question: Question
    configuration: Configuration
    errors: tuple[str, ...] = ()
    programs: tuple[Program, ...] = ()
    service: Program | None = None

    @property
    def proxy(self) -> HomeAssistantProxy:
        """The section that most is about."""
        return self.configuration.proxy


def prepare(machine: Machine, question: Question) -> Case:
    """Look who runs and load the configuration.

    The state folder is that of the running service, where its environment may be seen, and of the installed
    one where its configuration is asked about.
    """
    programs = machine.programs()
    path = question.path.resolve()
    service = _service(programs, path)
    environment = dict(os.environ)
    if path == machine.service_configuration.resolve():
        environment["STATE_DIRECTORY"] = str(machine.service_state)
    environment |= (service.environment if service is not None else None) or {}
    configuration, errors = _load(question, environment)
    return Case(machine, question, configuration, errors, programs, service)


def unprepared(machine: Machine, question: Question) -> Case:
    """What is left where nothing could be read in time."""
    return Case(machine, question, default_configuration((), {}))


def _service(programs: Sequence[Program], path: Path) -> Program | None:
    own = (each for each in programs if each.own and not each.demo)
    return next((each for each in own if each.configuration == path), None)


def _load(question: Question, environment: dict[str, str]) -> tuple[Configuration, tuple[str, ...]]:
    try:
        if question.named or os.access(question.path, os.F_OK):
            return load_configuration(question.path, question.overrides, environment), ()
        return default_configuration(question.overrides, environment), ()
    except ConfigurationError as error:
        return default_configuration((), environment), tuple(str(error).splitlines())
