"""Commands and their exit codes."""

import argparse
import io
import logging
import os
import sys
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar

from renogybt.arguments import parse
from renogybt.model.advertisement import Advertisement
from renogybt.model.errors import RenogyBTError
from renogybt.model.radio import StatusListener
from renogybt.service.logs import start_logging

# the rooms are imported where they are used: a small command starts at once
if TYPE_CHECKING:
    from renogybt.commands import Deliver
    from renogybt.config import Configuration
    from renogybt.readers.candidates import Candidates
    from renogybt.readers.reader import Outcome

_Result = TypeVar("_Result")

_LOGGER = logging.getLogger(__name__)

EX_OK = 0
EX_FAILED = 1
EX_UNAVAILABLE = 69
EX_TEMPORARY = 75
EX_CONFIGURATION = 78

DEFAULT_CONFIG = Path("config.ini")
_NOTHING_HEARD = (
    "nothing was heard. Is a device near that advertises, and does `bluetoothctl show` say Powered: yes?"
    " --log-level INFO tells what the radio does"
)

CANDIDATES_S = 10.0
"""How long to listen for devices that could be configured: a sleeping BT-2 still speaks every second."""
_NOTHING_CONFIGURED = "no device is configured; listening {:.0f} s for Renogy devices ..."


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, `run` where none comes first; the answer is the exit code."""
    options = parse(arguments)
    start_logging(options.log_level)
    try:
        return _ACTIONS[options.command](options)
    except KeyboardInterrupt:
        return EX_OK
    except BrokenPipeError:
        # the reader of our output has gone, as `head` does; nothing more can be said to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EX_OK


def _configured(action: Callable[[argparse.Namespace], int]) -> Callable[[argparse.Namespace], int]:
    """The action, with the errors that its configuration has told as lines."""

    def act(options: argparse.Namespace) -> int:
        from renogybt.config import ConfigurationError

        try:
            return action(options)
        except ConfigurationError as error:
            for line in str(error).splitlines():
                print(line, file=sys.stderr)
            return EX_CONFIGURATION

    return act


def _path(options: argparse.Namespace) -> Path:
    return DEFAULT_CONFIG if options.config is None else Path(options.config)


def _configuration(options: argparse.Namespace) -> "Configuration":
    """Raises ConfigurationError. A demo needs no file."""
    from renogybt.config import default_configuration, load_configuration

    path = _path(options)
    if getattr(options, "demo", False) and options.config is None and not path.exists():
        return default_configuration(options.set)
    return load_configuration(path, options.set)


def _run(options: argparse.Namespace) -> int:
    configuration = _configuration(options)
    for warning in configuration.warnings:
        _LOGGER.warning("%s", warning)
    if not configuration.proxy.enabled:
        _LOGGER.error(
            "nothing to do: [home_assistant_proxy] enabled = false, and values have no other way out yet"
        )
        return EX_CONFIGURATION
    from renogybt.service.footprint import load_without_openssl

    load_without_openssl()
    import faulthandler

    from renogybt.app import Gateway
    from renogybt.model.recovery import RestartNeededError
    from renogybt.proxy.identity import IdentityError
    from renogybt.proxy.keys import KeyFileError
    from renogybt.proxy.server import AddressMissingError, PortInUseError
    from renogybt.service.supervisor import TaskFailedError

    async def run() -> None:
        await Gateway(configuration, demo=options.demo).run()

    faulthandler.enable()  # a watchdog ends a process that is stuck by SIGABRT: where was it?
    try:
        _complete(run())
    except (KeyFileError, IdentityError) as error:
        _LOGGER.error("%s", error)
        return EX_CONFIGURATION
    except (AddressMissingError, PortInUseError, RestartNeededError, TaskFailedError) as error:
        _LOGGER.error("%s", error)
        return EX_TEMPORARY
    except RenogyBTError as error:
        _LOGGER.error("%s", error)
        return EX_FAILED
    return EX_OK


def _complete(work: Coroutine[Any, Any, _Result]) -> _Result:
    """Like asyncio.run; an error of the house comes out bare where a task group has wrapped it."""
    import asyncio

    try:
        return asyncio.run(work)
    except BaseExceptionGroup as group:
        error = sole_error(group)
        if error is None:
            raise
        raise error from group


def sole_error(group: BaseExceptionGroup[BaseException]) -> RenogyBTError | None:
    """The first error of a group that holds errors of the house only; None where it holds others."""
    known, others = group.split(RenogyBTError)
    error: BaseException | None = None if others else known
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, RenogyBTError) else None


def _settings(options: argparse.Namespace) -> "Configuration":
    """Of a command that can do without a file; raises ConfigurationError."""
    from renogybt.config import default_configuration

    if options.config is None and not DEFAULT_CONFIG.exists():
        return default_configuration(options.set)
    return _configuration(options)


def _scan(options: argparse.Namespace) -> int:
    configuration = _settings(options)
    from renogybt.commands import ScanFailedError
    from renogybt.readers.candidates import Candidates, hint

    if options.demo:
        print("demo: all of this is simulated, no Bluetooth is used", file=sys.stderr)
    show = _scan_json if options.json else _scan_table
    candidates = Candidates()
    try:
        heard = show(configuration, options, candidates)
    except ScanFailedError as error:
        print(f"renogybt: {error}", file=sys.stderr)
        return EX_UNAVAILABLE
    except RenogyBTError as error:
        print(f"renogybt: {error}", file=sys.stderr)
        return EX_FAILED
    if not heard:
        print(_NOTHING_HEARD, file=sys.stderr)
    known = {device.mac_addr for device in configuration.devices}
    if unknown := [each for each in candidates.likeliest_first() if each.address not in known]:
        print(hint(unknown), file=sys.stderr)
    return EX_OK


def _scan_json(configuration: "Configuration", options: argparse.Namespace, candidates: "Candidates") -> int:
    """The number of advertisements heard."""
    from renogybt.terminal.json_lines import write_json_lines

    heard = 0

    def deliver(batch: Sequence[Advertisement], now: float) -> None:
        nonlocal heard
        heard += len(batch)
        candidates.hear(batch)
        write_json_lines(batch, now, sys.stdout)

    _complete(_scanning(configuration, options, deliver))
    return heard


def _scan_table(configuration: "Configuration", options: argparse.Namespace, candidates: "Candidates") -> int:
    """The number of advertisements heard."""
    from renogybt.terminal.air import Air
    from renogybt.terminal.scan_live import live_table

    _replace_what_cannot_be_shown()
    air = Air()

    def deliver(batch: Sequence[Advertisement], now: float) -> None:
        candidates.hear(batch)
        air.hear(batch, now)

    with live_table(air):
        _complete(_scanning(configuration, options, deliver, air.watch))
    return air.total


def _scanning(
    configuration: "Configuration",
    options: argparse.Namespace,
    deliver: "Deliver",
    watch: StatusListener = lambda _status: None,
) -> Coroutine[Any, Any, None]:
    from renogybt.commands import scan

    return scan(configuration, demo=options.demo, seconds=options.seconds, deliver=deliver, watch=watch)


def _read(options: argparse.Namespace) -> int:
    # who asks for a reading wants one, also where the service is not to read
    options.set = [*options.set, "home_assistant_proxy.with_renogy_client=true"]
    configuration = _configuration(options)
    from renogybt.assembly import reader_remarks
    from renogybt.commands import ScanFailedError, read_once

    for warning in (*configuration.warnings, *reader_remarks(configuration, demo=options.demo)):
        print(f"warning: {warning}", file=sys.stderr)
    if options.demo:
        print("demo: all of this is simulated, no Bluetooth is used", file=sys.stderr)
    try:
        if not configuration.devices and not options.demo:
            return _advise(configuration)
        outcomes = _complete(read_once(configuration, demo=options.demo))
    except ScanFailedError as error:
        print(f"renogybt: {error}", file=sys.stderr)
        return EX_UNAVAILABLE
    except RenogyBTError as error:
        print(f"renogybt: {error}", file=sys.stderr)
        return EX_FAILED
    if outcomes is None:
        return EX_OK
    if not outcomes:
        print("renogybt: nothing was read", file=sys.stderr)
        return EX_FAILED
    return _show_readings(outcomes, configuration, options)


def _advise(configuration: "Configuration") -> int:
    """Raises ScanFailedError."""
    from renogybt.commands import candidates
    from renogybt.readers.candidates import advice_for_all

    print(_NOTHING_CONFIGURED.format(CANDIDATES_S), file=sys.stderr)
    found = _complete(candidates(configuration, demo=False, seconds=CANDIDATES_S))
    print(advice_for_all(found), file=sys.stderr)
    return EX_CONFIGURATION


def _show_readings(
    outcomes: "Sequence[Outcome]", configuration: "Configuration", options: argparse.Namespace
) -> int:
    from renogybt.model.reading import Role

    if options.json:
        from renogybt.terminal.reading_json import write_readings

        write_readings(outcomes, configuration.devices, sys.stdout)
    else:
        from renogybt.terminal.reading_table import print_readings

        _replace_what_cannot_be_shown()
        print_readings(outcomes)
    missing = [each for each in outcomes if each.reading is None and each.device.role is not Role.BANK]
    return EX_FAILED if missing else EX_OK


def _replace_what_cannot_be_shown() -> None:
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")


def _decode(options: argparse.Namespace) -> int:
    if options.batch is not None:
        return _decode_batch(options.batch)
    from renogybt.model.reading import DeviceType
    from renogybt.protocols.renogy.frame import decode_frame
    from renogybt.terminal.values import write_json, write_lines

    try:
        values = decode_frame(DeviceType(options.type), options.request, options.response)
    except RenogyBTError as error:
        print(f"renogybt: {error}", file=sys.stderr)
        return EX_FAILED
    _replace_what_cannot_be_shown()
    (write_json if options.json else write_lines)(values, sys.stdout)
    return EX_OK


def _decode_batch(name: str) -> int:
    """0 also where single frames are refused: each line says for itself how it went."""
    from renogybt.terminal.batch import answer_batch

    try:
        with _source(name) as source:
            answer_batch(source, sys.stdout)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"renogybt: {'stdin' if name == '-' else name}: {error.strerror}", file=sys.stderr)
        return EX_FAILED
    return EX_OK


def _source(name: str) -> BinaryIO:
    return open(0, "rb", closefd=False) if name == "-" else Path(name).open("rb")


def _reset_adapter(options: argparse.Namespace) -> int:
    """One line on stdout when it was done, else on stderr."""
    import asyncio

    from renogybt.bluetooth.budget import Limits
    from renogybt.bluetooth.reset_request import ResetRequest, request_reset
    from renogybt.service.radio_control import doors

    proxy = _settings(options).proxy
    request = ResetRequest(
        options.adapter,
        proxy.state_dir,
        doors(proxy.state_dir, os.environ),
        usual=proxy.adapter,
        force=options.force,
        hardware=options.hardware,
        limits=Limits(resets=proxy.health.reset_limit),
    )
    reply = asyncio.run(request_reset(request))
    if reply.ok:
        print(reply.text)
    else:
        print(f"renogybt: {reply.text}", file=sys.stderr)
    return reply.code


def _doctor(options: argparse.Namespace) -> int:
    import asyncio

    from renogybt.doctor.case import Question
    from renogybt.doctor.examination import examine
    from renogybt.doctor.findings import problems
    from renogybt.doctor.machine import Machine
    from renogybt.doctor.report import print_report, write_json

    question = Question(_path(options), named=options.config is not None, overrides=options.set)
    findings = asyncio.run(examine(Machine(), question))
    if options.json:
        write_json(findings, sys.stdout)
    else:
        _replace_what_cannot_be_shown()
        print_report(findings)
    return EX_FAILED if problems(findings) else EX_OK


def _check_config(options: argparse.Namespace) -> int:
    from renogybt.config import load_configuration

    configuration = load_configuration(_path(options), options.set)
    from renogybt.assembly import reader_remarks

    remarks = [*configuration.warnings, *reader_remarks(configuration, demo=False)]
    for remark in remarks:
        print(f"warning: {remark}", file=sys.stderr)
    warned = f", with {len(remarks)} warning{'s' * (len(remarks) > 1)}" if remarks else ""
    print(f"the configuration is good{warned}")
    return EX_OK


def _generate_key(_options: argparse.Namespace) -> int:
    import base64
    import secrets

    print(base64.b64encode(secrets.token_bytes(32)).decode())
    return EX_OK


_ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _configured(_run),
    "read": _configured(_read),
    "scan": _configured(_scan),
    "decode": _decode,
    "reset-adapter": _configured(_reset_adapter),
    "doctor": _doctor,
    "check-config": _configured(_check_config),
    "generate-key": _generate_key,
}
