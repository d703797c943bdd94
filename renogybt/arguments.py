"""What may stand on the command line, and what it was probably meant to be."""

import argparse
import difflib
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import renogybt
from renogybt.model.advertisement import AddressError, format_address, parse_address
from renogybt.model.reading import DeviceType
from renogybt.terminal.octets import OctetsError, parse_octets

EX_USAGE = 64
_UNKNOWN = "unrecognized arguments"
_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
COMMANDS = ("run", "read", "scan", "decode", "reset-adapter", "doctor", "check-config", "generate-key")


class _Parser(argparse.ArgumentParser):
    """argparse, with the exit code of sysexits.h for a wrong command line."""

    def error(self, message: str) -> NoReturn:
        self.print_usage(sys.stderr)
        # argparse has the main parser say this, whose usage knows no options of a command
        hint = "; `renogybt COMMAND --help` tells what there is" if message.startswith(_UNKNOWN) else ""
        self.exit(EX_USAGE, f"{self.prog}: {message}{hint}\n")


def _parser() -> _Parser:
    parser = _Parser(
        prog="renogybt",
        description=renogybt.__doc__.splitlines()[0] if renogybt.__doc__ else "",
        epilog="Without a command it is `run`, with the options of that.",
    )
    parser.add_argument("--version", action="version", version=f"renogybt {renogybt.__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_Parser)

    run = commands.add_parser("run", help="be a Bluetooth proxy until stopped")
    _add_configuration(run)
    run.add_argument("--demo", action="store_true", help="simulate a radio; needs no Bluetooth")

    read = commands.add_parser("read", help="read all configured devices once")
    _add_configuration(read, log_level="ERROR")
    read.add_argument("--demo", action="store_true", help="read the devices of a simulated hub")
    read.add_argument("--json", action="store_true", help="a line of JSON per device")

    scan = commands.add_parser("scan", help="show what is in the air")
    # it says itself why it failed; lines of the log would only stand in the middle of the table
    _add_configuration(scan, log_level="ERROR")
    scan.add_argument("--demo", action="store_true", help="simulate a radio; needs no Bluetooth")
    scan.add_argument("--seconds", type=_seconds, default=10.0, metavar="N", help="how long (default: 10)")
    scan.add_argument("--json", action="store_true", help="a line of JSON per advertisement")

    _add_decode(commands.add_parser("decode", help="say what a frame of a Renogy device means"))

    _add_reset_adapter(commands.add_parser("reset-adapter", help="power-cycle a Bluetooth adapter"))

    doctor = commands.add_parser("doctor", help="say what is missing or in the way on this machine")
    _add_configuration(doctor, log_level="ERROR")
    doctor.add_argument("--json", action="store_true", help="one object of JSON")

    check = commands.add_parser("check-config", help="say what is wrong in config.ini")
    _add_configuration(check)

    key = commands.add_parser("generate-key", help="make a key for encryption_key in config.ini")
    key.set_defaults(log_level="INFO")
    return parser


def _add_decode(decode: _Parser) -> None:
    decode.set_defaults(log_level="WARNING")
    decode.add_argument(
        "--type",
        type=str.upper,
        choices=[each.value for each in DeviceType],
        help="what sent it; temperatures are given in Celsius, whatever it is",
    )
    decode.add_argument(
        "--request",
        type=_octets,
        metavar="HEX",
        help="what it is the answer to, with its CRC: tells the registers",
    )
    source = decode.add_mutually_exclusive_group(required=True)
    source.add_argument(
        "--response",
        type=_octets,
        metavar="HEX",
        help="the frame with its CRC; blanks and colons may be in it",
    )
    source.add_argument(
        "--batch",
        metavar="FILE",
        help='lines {"id", "type", "request", "response"}, - for stdin; the answers are lines of JSON too',
    )
    decode.add_argument("--json", action="store_true", help="one object instead of a line per value")


def _add_reset_adapter(reset: _Parser) -> None:
    reset.add_argument(
        "adapter",
        nargs="?",
        type=_adapter,
        metavar="hciN",
        help="or its address (default: the configured one, else the one in use)",
    )
    reset.add_argument("--force", action="store_true", help="also when the resets of this hour are used up")
    reset.add_argument(
        "--hardware", action="store_true", help="reset its USB port or serial driver; takes root"
    )
    _add_settings(reset, log_level="ERROR")
    reset.add_argument("--config", metavar="CONFIG", help="default: ./config.ini, if there is one")


def _adapter(text: str) -> str:
    if re.fullmatch(r"hci[0-9]{1,5}", text, re.IGNORECASE):
        return text.lower()
    try:
        return format_address(parse_address(text))
    except AddressError:
        raise argparse.ArgumentTypeError(f"{text!r} is neither hci0, hci1 ... nor an address") from None


def _octets(text: str) -> bytes:
    try:
        return parse_octets(text)
    except OctetsError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _add_configuration(parser: argparse.ArgumentParser, log_level: str = "INFO") -> None:
    parser.add_argument("config", nargs="?", metavar="CONFIG", help="default: ./config.ini")
    _add_settings(parser, log_level)


def _add_settings(parser: argparse.ArgumentParser, log_level: str) -> None:
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
    try:
        value = float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds") from None
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options of one command, `run` where none comes first; a wrong command line ends the program."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    named = given[:1] and given[0] in (*COMMANDS, "--version", "-h", "--help")
    parser = _parser()
    options = parser.parse_args(given if named else ["run", *given])
    if mistake := _mistaken_command(getattr(options, "config", None), named=bool(named)):
        parser.error(mistake)
    if options.command == "decode" and (mistake := _mistake_in_decode(options)):
        parser.error(mistake)
    return options


def _mistake_in_decode(options: argparse.Namespace) -> str:
    if options.batch is None:
        return (
            "" if options.type else f"--response needs --type: {', '.join(each.value for each in DeviceType)}"
        )
    if options.type or options.request:
        return "with --batch, type and request stand in each line of the file"
    return ""


def _mistaken_command(word: str | None, *, named: bool) -> str:
    """What to say when a word was taken for a file but is meant as a command, else nothing."""
    if word is None or "." in word or "/" in word or Path(word).exists():
        return ""
    if word in COMMANDS:
        return f"{word} is a command and comes first: renogybt {word} ..."
    if named:
        return ""
    nearest = difflib.get_close_matches(word, COMMANDS, n=1)
    advice = f"did you mean {nearest[0]}?" if nearest else f"commands: {', '.join(COMMANDS)}"
    return f"there is neither a command nor a file {word!r}; {advice}"
