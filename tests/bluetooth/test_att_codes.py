import pytest

from renogybt.bluetooth.att_codes import Operation, att_code
from renogybt.bluetooth.errors import CallError
from renogybt.model.gatt import AttCode

READ, WRITE, START = Operation.READ, Operation.WRITE, Operation.START


@pytest.mark.parametrize(
    ("name", "text", "operation", "code"),
    [
        ("NotPermitted", "Read not permitted", READ, 0x02),
        ("NotPermitted", "Write not permitted", WRITE, 0x03),
        ("NotPermitted", "Write not permitted", START, 0x03),
        ("NotPermitted", "Not paired", READ, 0x05),
        ("NotPermitted", "in words of a later release", READ, 0x02),
        ("NotPermitted", "in words of a later release", WRITE, 0x03),
        ("NotPermitted", "in words of a later release", START, 0x0E),
        ("InvalidArguments", "Invalid offset", READ, 0x07),
        ("InvalidArguments", "Invalid Length", WRITE, 0x0D),
        ("InvalidArguments", "Invalid arguments in method call", WRITE, 0x0E),
        ("NotAuthorized", "Operation Not Authorized", READ, 0x08),
        ("NotSupported", "Operation is not supported", START, 0x06),
        ("InProgress", "In Progress", WRITE, 0xFE),
        ("Failed", "Operation failed with ATT error: 0x80", WRITE, 0x80),
        ("Failed", "Operation failed with ATT error: 0x0b", READ, 0x0B),
        ("Failed", "Failed to initiate write", WRITE, 0x0E),
        ("Failed", "Operation failed", READ, 0x0E),
        ("Failed", "Operation failed with ATT error: 0x123", READ, 0x0E),
        ("DoesNotExist", "", READ, 0x0E),
    ],
)
def test_an_error_of_bluez_stands_for_a_code(name: str, text: str, operation: Operation, code: int) -> None:
    assert att_code(CallError(f"org.bluez.Error.{name}", text), operation) == code


def test_an_error_of_the_bus_is_none_of_the_peripheral() -> None:
    error = CallError("org.freedesktop.DBus.Error.NotSupported", "ATT error: 0x80")
    assert att_code(error, READ) is AttCode.UNLIKELY_ERROR
