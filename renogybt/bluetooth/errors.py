"""What can go wrong between this program and the radio."""

from renogybt.model.errors import RenogyBTError


class BluetoothError(RenogyBTError):
    """Any failure of the radio or of the way to it."""


class BusError(BluetoothError, ConnectionError):
    """The system bus cannot be reached, or the connection to it is gone."""


class CallTimeoutError(BluetoothError, TimeoutError):
    """BlueZ did not answer a call in time."""


class CallError(BluetoothError):
    """BlueZ, or the bus, answered a call with an error.

    `name` is the D-Bus name of the error, such as `org.bluez.Error.InProgress`.
    """

    def __init__(self, name: str, text: str) -> None:
        super().__init__(f"{name}: {text}" if text else name)
        self.name = name
        self.text = text


class MgmtError(BluetoothError):
    """The kernel's management socket refused a command; `status` as in BlueZ doc/mgmt-api.txt."""

    def __init__(self, opcode: int, status: int) -> None:
        super().__init__(f"management command {opcode:#06x} failed with status {status:#04x}")
        self.status = status


class MgmtUnavailableError(BluetoothError):
    """The management socket cannot be opened, or not with the rights that it takes."""


class MissingUnitError(BluetoothError):
    """A systemd unit that root's work is done by is not installed, or this user may not start it."""
