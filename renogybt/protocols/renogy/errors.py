"""Why a good frame gives no values."""

from renogybt.model.errors import RenogyBTError


class ImplausibleError(RenogyBTError, ValueError):
    """The registers cannot be those of such a device."""


class UnknownRegistersError(RenogyBTError, ValueError):
    """A device of this type has nothing in these registers, as far as is known."""


class RequestNeededError(RenogyBTError, ValueError):
    """A reply names no register, and this one could be of several or of none."""


class UnknownQuantityError(RenogyBTError, KeyError):
    """No quantity has this name."""

    def __str__(self) -> str:
        return str(self.args[0])
