"""Many frames, decoded line by line: `decode --batch`."""

import json
import math
from collections.abc import Iterable, Iterator
from typing import BinaryIO, TextIO

from renogybt.model.errors import RenogyBTError
from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy.frame import decode_frame
from renogybt.service.logs import printable
from renogybt.terminal.octets import parse_octets
from renogybt.terminal.values import plain

LONGEST_LINE = 65_536
"""In octets: a hundred times what the longest frame takes, and nothing to fill a memory with."""

Identity = str | int | float | bool | None


class LineError(RenogyBTError, ValueError):
    """A line that holds no frame to decode."""


def answer_batch(source: BinaryIO, out: TextIO) -> None:
    """A line of JSON for each line of JSON, in order, each one written before the next is read.

    In: `{"id", "type", "request", "response"}`, where `request` may be null or missing. Out:
    `{"id", "ok": true, "values": {...}}` or `{"id", "ok": false, "error": "..."}`, where `id` is
    null if none can be read. Blank lines are passed over.
    """
    for line in _lines(source):
        if line is None:
            found = _refusal(None, f"the line is longer than {LONGEST_LINE} octets")
        elif line.isspace():
            continue
        else:
            found = _answer(line)
        out.write(json.dumps(found) + "\n")
        out.flush()


def _lines(source: BinaryIO) -> Iterator[bytes | None]:
    """None for a line that is too long, of which no more than that is ever held."""
    while line := source.readline(LONGEST_LINE + 1):
        if len(line) <= LONGEST_LINE or line.endswith(b"\n"):
            yield line
            continue
        while (rest := source.readline(LONGEST_LINE)) and not rest.endswith(b"\n"):
            pass
        yield None


def _answer(line: bytes) -> dict[str, object]:
    identity: Identity = None
    try:
        fields = _fields(line)
        identity = _identity(fields.get("id"))
        values = decode_frame(_device_type(fields), _request(fields), parse_octets(_text(fields, "response")))
    except RenogyBTError as error:
        return _refusal(identity, str(error))
    return {"id": identity, "ok": True, "values": plain(values)}


def _refusal(identity: Identity, error: str) -> dict[str, object]:
    return {"id": identity, "ok": False, "error": error}


def _fields(line: bytes) -> dict[str, object]:
    try:
        fields = json.loads(line.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise LineError(f"no JSON: {_reason(error)}") from None
    if not isinstance(fields, dict):
        raise LineError("no JSON object")
    return fields


def _reason(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "too many brackets in each other"
    return "not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)


def _identity(value: object) -> Identity:
    if isinstance(value, float) and not math.isfinite(value):
        raise LineError("id is no finite number")
    if value is None or isinstance(value, str | int | float):
        return value
    raise LineError("id is neither a text nor a number")


def _device_type(fields: dict[str, object]) -> DeviceType:
    written = _text(fields, "type")
    try:
        return DeviceType(written.upper())
    except ValueError:
        raise LineError(f"type {printable(written, 20)!r} is not one of {', '.join(_names())}") from None


def _names() -> Iterable[str]:
    return (each.value for each in DeviceType)


def _request(fields: dict[str, object]) -> bytes | None:
    return None if fields.get("request") in (None, "") else parse_octets(_text(fields, "request"))


def _text(fields: dict[str, object], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str):
        raise LineError(f"{name} is {'missing' if value is None else 'no text'}")
    return value
