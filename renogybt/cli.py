"""Commands, their arguments, their exit codes."""

import argparse
import asyncio
import base64
import logging
import os
import secrets
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import renogybt
from renogybt.config import (
    Configuration,
    ConfigurationError,
    default_configuration,
    load_configuration,
)
from renogybt.model.errors import RenogyBTError
from renogybt.service.logs import start_logging

_LOGGER = logging.getLogger(__name__)

EX_OK = 0
EX_FAILED = 1
EX_USAGE = 64
EX_UNAVAILABLE = 69
EX_TEMPORARY = 75
EX_CONFIGURATION = 78

DEFAULT_CONFIG = Path("config.ini")
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
_REFRESH_S = 0.5


class _Parser(argparse.ArgumentParser):
    """argparse, with the exit code of sysexits.h for a wrong command line."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        self.exit(EX_USAGE, f"{self.prog}: {message}\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="renogybt", description=renogybt.__doc__.splitlines()[0] if renogybt.__doc__ else ""
    )
    parser.add_argument("--version", action="version", version=f"renogybt {renogybt.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    run = commands.add_parser("run", help="be a Bluetooth proxy until stopped")
    _add_configuration(run)
    run.add_argument("--demo", action="store_true", help="simulate a radio; needs no Bluetooth")
    run.set_defaults(action=_run)

    scan = commands.add_parser("scan", help="show what is in the air")
    # it says itself why it failed; lines of the log would only stand in the middle of the table
    _add_configuration(scan, log_level="ERROR")
    scan.add_argument("--demo", action="store_true", help="simulate a radio; needs no Bluetooth")
    scan.add_argument("--seconds", type=_seconds, default=10.0, metavar="N", help="how long (default: 10)")
    scan.add_argument("--json", action="store_true", help="a line of JSON per advertisement")
    scan.set_defaults(action=_scan)

    check = commands.add_parser("check-config", help="say what is wrong in config.ini")
    _add_configuration(check)
    check.set_defaults(action=_check_config)

    key = commands.add_parser("generate-key", help="make a key for encryption_key in config.ini")
    key.set_defaults(action=_generate_key, log_level="INFO")
    return parser


def _add_configuration(parser: argparse.ArgumentParser, log_level: str = "INFO") -> None:
    parser.add_argument("config", nargs="?", type=Path, metavar="CONFIG", help="default: ./config.ini")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="override one value of the configuration; may be repeated",
    )
    parser.add_argument(
        "--log-level", type=str.upper, choices=_LEVELS, default=log_level, help=f"default: {log_level}"
    )


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


COMMANDS = ("run", "scan", "check-config", "generate-key")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the answer is the exit code."""
    options = _parser().parse_args(arguments)
    start_logging(options.log_level)
    try:
        return int(options.action(options))
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


def unified_proxy(arguments: Sequence[str]) -> int:
    """`unified_proxy.py [CONFIG] ...` means `run`; the other commands are understood as well."""
    known = arguments[:1] and arguments[0] in (*COMMANDS, "--version", "-h", "--help")
    return main(arguments if known else ["run", *arguments])


def _configuration(options: argparse.Namespace) -> Configuration:
    """Raises ConfigurationError. A demo needs no file."""
    path = options.config or DEFAULT_CONFIG
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
        asyncio.run(run())
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
        show(configuration, options)
    except ScanFailedError as error:
        print(f"renogybt: {error}", file=sys.stderr)
        return EX_UNAVAILABLE
    return EX_OK


def _scan_json(configuration: Configuration, options: argparse.Namespace) -> None:
    from renogybt.app import scan
    from renogybt.terminal.scan_table import write_json_lines

    asyncio.run(
        scan(
            configuration,
            demo=options.demo,
            seconds=options.seconds,
            deliver=lambda batch, now: write_json_lines(batch, now, sys.stdout),
        )
    )


def _scan_table(configuration: Configuration, options: argparse.Namespace) -> None:
    from rich.console import Console
    from rich.live import Live

    from renogybt.app import scan
    from renogybt.terminal.scan_table import Air

    air = Air()
    console = Console()
    if not console.is_terminal:
        asyncio.run(scan(configuration, demo=options.demo, seconds=options.seconds, deliver=air.hear))
        console.width = max(console.width, 160)
        console.print(air.table(time.monotonic()))
        return
    # the table is drawn by a thread of rich's, so that the radio is never kept waiting
    with Live(
        console=console, refresh_per_second=1 / _REFRESH_S, get_renderable=lambda: air.table(time.monotonic())
    ):
        asyncio.run(scan(configuration, demo=options.demo, seconds=options.seconds, deliver=air.hear))


def _check_config(options: argparse.Namespace) -> int:
    configuration = load_configuration(options.config or DEFAULT_CONFIG, options.set)
    for warning in configuration.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    print("the configuration is good")
    return EX_OK


def _generate_key(_options: argparse.Namespace) -> int:
    print(base64.b64encode(secrets.token_bytes(32)).decode())
    return EX_OK
