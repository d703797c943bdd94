"""Commands and their exit codes."""

import argparse
import asyncio
import base64
import io
import logging
import os
import secrets
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from renogybt.arguments import parse
from renogybt.config import (
    Configuration,
    ConfigurationError,
    default_configuration,
    load_configuration,
)
from renogybt.model.advertisement import Advertisement
from renogybt.model.errors import RenogyBTError
from renogybt.model.radio import StatusListener
from renogybt.service.logs import start_logging

if TYPE_CHECKING:
    from renogybt.app import Deliver

_LOGGER = logging.getLogger(__name__)

EX_OK = 0
EX_FAILED = 1
EX_UNAVAILABLE = 69
EX_TEMPORARY = 75
EX_CONFIGURATION = 78

DEFAULT_CONFIG = Path("config.ini")
_REFRESH_S = 0.5
_NOTHING_HEARD = (
    "nothing was heard. Is a device near that advertises, and does `bluetoothctl show` say Powered: yes?"
    " --log-level INFO tells what the radio does"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, `run` where none comes first; the answer is the exit code."""
    options = parse(arguments)
    start_logging(options.log_level)
    try:
        return _ACTIONS[options.command](options)
    except ConfigurationError as error:
        for line in str(error).splitlines():
            print(line, file=sys.stderr)
        return EX_CONFIGURATION
    except KeyboardInterrupt:
        return EX_OK
    except BrokenPipeError:
        # the reader of our output has gone, as `head` does; nothing more can be said to it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EX_OK


def _path(options: argparse.Namespace) -> Path:
    return DEFAULT_CONFIG if options.config is None else Path(options.config)


def _configuration(options: argparse.Namespace) -> Configuration:
    """Raises ConfigurationError. A demo needs no file."""
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
            "nothing to do: [home_assistant_proxy] enabled = false, and this is all there is so far"
        )
        return EX_CONFIGURATION
    from renogybt.app import Gateway
    from renogybt.proxy.identity import IdentityError
    from renogybt.proxy.keys import KeyFileError
    from renogybt.proxy.server import PortInUseError

    async def run() -> None:
        await Gateway(configuration, demo=options.demo).run()

    try:
        _complete(run())
    except (KeyFileError, IdentityError) as error:
        _LOGGER.error("%s", error)
        return EX_CONFIGURATION
    except PortInUseError as error:
        _LOGGER.error("%s", error)
        return EX_TEMPORARY
    except RenogyBTError as error:
        _LOGGER.error("%s", error)
        return EX_FAILED
    return EX_OK


def _complete(work: Coroutine[Any, Any, None]) -> None:
    """Like asyncio.run; an error of the house comes out bare where a task group has wrapped it."""
    try:
        asyncio.run(work)
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


def _scan(options: argparse.Namespace) -> int:
    if options.config is None and not DEFAULT_CONFIG.exists():
        configuration = default_configuration(options.set)
    else:
        configuration = _configuration(options)
    from renogybt.app import ScanFailedError

    if options.demo:
        print("demo: all of this is simulated, no Bluetooth is used", file=sys.stderr)
    show = _scan_json if options.json else _scan_table
    try:
        heard = show(configuration, options)
    except ScanFailedError as error:
        print(f"renogybt: {error}", file=sys.stderr)
        return EX_UNAVAILABLE
    except RenogyBTError as error:
        print(f"renogybt: {error}", file=sys.stderr)
        return EX_FAILED
    if not heard:
        print(_NOTHING_HEARD, file=sys.stderr)
    return EX_OK


def _scan_json(configuration: Configuration, options: argparse.Namespace) -> int:
    """The number of advertisements heard."""
    from renogybt.terminal.json_lines import write_json_lines

    heard = 0

    def deliver(batch: Sequence[Advertisement], now: float) -> None:
        nonlocal heard
        heard += len(batch)
        write_json_lines(batch, now, sys.stdout)

    _complete(_scanning(configuration, options, deliver))
    return heard


def _scan_table(configuration: Configuration, options: argparse.Namespace) -> int:
    """The number of advertisements heard."""
    from rich.console import Console
    from rich.live import Live

    from renogybt.terminal.air import Air
    from renogybt.terminal.scan_table import scan_table

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")
    air = Air()
    console = Console()
    scanning = _scanning(configuration, options, air.hear, air.watch)
    if not console.is_terminal:
        _complete(scanning)
        console.width = max(console.width, 160)
        console.print(scan_table(air, time.monotonic(), console))
        return air.total
    # the table is drawn by a thread of rich's, so that the radio is never kept waiting
    with Live(
        console=console,
        refresh_per_second=1 / _REFRESH_S,
        get_renderable=lambda: scan_table(air, time.monotonic(), console),
    ):
        _complete(scanning)
    return air.total


def _scanning(
    configuration: Configuration,
    options: argparse.Namespace,
    deliver: "Deliver",
    watch: StatusListener = lambda _status: None,
) -> Coroutine[Any, Any, None]:
    from renogybt.app import scan

    return scan(configuration, demo=options.demo, seconds=options.seconds, deliver=deliver, watch=watch)


def _check_config(options: argparse.Namespace) -> int:
    configuration = load_configuration(_path(options), options.set)
    for warning in configuration.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print("the configuration is good")
    return EX_OK


def _generate_key(_options: argparse.Namespace) -> int:
    print(base64.b64encode(secrets.token_bytes(32)).decode())
    return EX_OK


_ACTIONS: dict[str, Callable[[argparse.Namespace], int]] = {
    "run": _run,
    "scan": _scan,
    "check-config": _check_config,
    "generate-key": _generate_key,
}
