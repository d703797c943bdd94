"""The messages of the API: the one place where protobuf enters.

The classes are those of aioesphomeapi. Its package also brings a client, whose import costs
four times the memory and time of the messages alone, so that only the generated module is
loaded. It yields the very same classes when a test imports the whole package as well.
Type numbers and directions are read from the options in the schema itself.
"""

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from google.protobuf.message import DecodeError, Message

from renogybt.protocols.esphome.errors import MalformedMessageError

__all__ = ["DecodeError", "Message", "MessageType", "api", "decode", "type_of"]

_PACKAGE = "aioesphomeapi"
_ALIAS = f"{__name__}._generated"
_FROM_SERVER_ONLY = 1  # APISourceType SOURCE_SERVER in api_options.proto

_ONCE_BOTH_WAYS = ("GetTimeRequest",)
"""Clients of an older schema may ask for the time as well."""


def _generated(module: str) -> ModuleType:
    """A generated module of aioesphomeapi, without running the package's own start-up code."""
    if _ALIAS not in sys.modules:
        spec = importlib.util.find_spec(_PACKAGE)
        if spec is None or spec.submodule_search_locations is None:
            raise ModuleNotFoundError(f"{_PACKAGE} is not installed", name=_PACKAGE)
        folder = ModuleType(_ALIAS)
        folder.__path__ = list(spec.submodule_search_locations)
        sys.modules[_ALIAS] = folder
    return importlib.import_module(f"{_ALIAS}.{module}")


api: Any = _generated("api_pb2")
_options: Any = _generated("api_options_pb2")


@dataclass(frozen=True, slots=True)
class MessageType:
    """A row of the message table: number, name, class, and whether a client may send it."""

    number: int
    name: str
    message: Any
    from_client: bool


def _table() -> dict[int, MessageType]:
    rows = {}
    for name, descriptor in api.DESCRIPTOR.message_types_by_name.items():
        options = descriptor.GetOptions().Extensions
        if number := options[_options.id]:
            from_client = options[_options.source] != _FROM_SERVER_ONLY or name in _ONCE_BOTH_WAYS
            rows[number] = MessageType(number, name, getattr(api, name), from_client)
    return rows


TYPES = _table()
_NUMBERS = {row.message: row.number for row in TYPES.values()}


def type_of(message: Message | type[Message]) -> int:
    """The type number of a message or of its class."""
    return _NUMBERS[message if isinstance(message, type) else type(message)]


def decode(number: int, payload: bytes) -> Message | None:
    """The message, or None for a type that no client of this schema sends.

    Raises MalformedMessageError. Unknown types are to be ignored, so that newer clients can
    talk to older servers.
    """
    row = TYPES.get(number)
    if row is None or not row.from_client:
        return None
    try:
        return row.message.FromString(payload)  # type: ignore[no-any-return]
    except DecodeError as error:
        raise MalformedMessageError(f"{row.name} with a payload that cannot be read") from error
