"""Connection parameters, which the kernel alone can change: BlueZ has no call for them."""

from collections.abc import Awaitable, Callable

from renogybt.bluetooth.errors import CallTimeoutError, MgmtError, MgmtUnavailableError
from renogybt.model.gatt import AttCode, AttError, GattTimeoutError, LinkParameters
from renogybt.protocols.advertising import mgmt

_UNSUPPORTED = (mgmt.UNKNOWN_COMMAND, mgmt.NOT_SUPPORTED)


async def tune(ask: Callable[[LinkParameters], Awaitable[None]], parameters: LinkParameters) -> None:
    """As `GattLink.tune`. `ask` hands them to the kernel, and raises errors of the management socket."""
    parameters.check()
    try:
        await ask(parameters)
    except MgmtUnavailableError as error:
        text = f"connection parameters cannot be changed: {error}"
        raise AttError(text, AttCode.REQUEST_NOT_SUPPORTED) from error
    except MgmtError as error:
        text = f"the kernel refuses these connection parameters: {error}"
        unsupported = error.status in _UNSUPPORTED
        code = AttCode.REQUEST_NOT_SUPPORTED if unsupported else AttCode.UNLIKELY_ERROR
        raise AttError(text, code) from error
    except CallTimeoutError as error:
        raise GattTimeoutError(str(error)) from error
