"""What goes wrong between a reader and a device on a hub."""

from renogybt.model.errors import RenogyBTError
from renogybt.model.gatt import GattError


class ReaderError(RenogyBTError):
    """A reading that did not come about; the text says why."""


class NoRenogyServiceError(ReaderError, GattError):
    """The peripheral lacks a service or characteristic that every Renogy device has."""


class NoAnswerError(ReaderError, TimeoutError):
    """A unit did not answer in its time."""


class DamagedAnswerError(ReaderError, ValueError):
    """A unit answered each try with something that cannot be used; the text names the last fault."""


class LineError(ReaderError, GattError):
    """The link is there, but what comes over it cannot be told apart any more: open it anew."""


class LoadSwitchError(ReaderError):
    """The load output was not switched."""


class AlienError(ReaderError, ValueError):
    """The values are those of another type of device."""
