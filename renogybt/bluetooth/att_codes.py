"""What BlueZ's errors mean in ATT (BlueZ src/gatt-client.c, create_gatt_dbus_error; src/error.c)."""

import re
from dataclasses import dataclass
from enum import Enum

from renogybt.bluetooth.errors import CallError
from renogybt.model.gatt import AttCode


class Operation(Enum):
    """What was asked for, as BlueZ's methods are called."""

    READ = "ReadValue"
    WRITE = "WriteValue"
    START = "StartNotify"
    STOP = "StopNotify"


@dataclass(frozen=True, slots=True)
class _Row:
    """An error by its name, and by its text where one name stands for several codes."""

    name: str
    text: str
    code: AttCode


_ROWS = (
    _Row("NotPermitted", "read not permitted", AttCode.READ_NOT_PERMITTED),
    _Row("NotPermitted", "write not permitted", AttCode.WRITE_NOT_PERMITTED),
    # stands for 0x05, 0x0C and 0x0F alike
    _Row("NotPermitted", "not paired", AttCode.INSUFFICIENT_AUTHENTICATION),
    _Row("InvalidArguments", "invalid offset", AttCode.INVALID_OFFSET),
    _Row("InvalidArguments", "invalid length", AttCode.INVALID_LENGTH),
    _Row("NotAuthorized", "", AttCode.INSUFFICIENT_AUTHORIZATION),
    _Row("NotSupported", "", AttCode.REQUEST_NOT_SUPPORTED),
    _Row("InProgress", "", AttCode.PROCEDURE_IN_PROGRESS),
)
_NOT_PERMITTED = {
    Operation.READ: AttCode.READ_NOT_PERMITTED,
    Operation.WRITE: AttCode.WRITE_NOT_PERMITTED,
}
"""Where the text does not tell."""
_NUMBER = re.compile(r"ATT error: 0x([0-9a-f]{2})\b", re.IGNORECASE)
_BLUEZ_ERROR = "org.bluez.Error."


def att_code(error: CallError, operation: Operation) -> int:
    """The code of a refusal: an `AttCode`, or the number that the peripheral gave."""
    if not error.name.startswith(_BLUEZ_ERROR):
        return AttCode.UNLIKELY_ERROR
    name, text = error.name.removeprefix(_BLUEZ_ERROR), error.text.strip().casefold()
    for row in _ROWS:
        if row.name == name and row.text in ("", text):
            return row.code
    if name == "NotPermitted":
        return _NOT_PERMITTED.get(operation, AttCode.UNLIKELY_ERROR)
    if name == "Failed" and (number := _NUMBER.search(text)) is not None:
        return int(number[1], 16)
    return AttCode.UNLIKELY_ERROR
