"""Connection parameters, which the kernel alone can change: BlueZ has no call for them."""

from collections.abc import Awaitable, Callable

from renogybt.bluetooth.errors import CallTimeoutError, MgmtError, MgmtUnavailableError
from renogybt.model.gatt import AttCode, AttError, GattTimeoutError, LinkParameters
from renogybt.protocols.advertising import mgmt

VALUE_NOT_ALLOWED = 0x13
"""Bluetooth Core Specification, volume 3 part F 3.4.1.1: the value of a parameter is not allowed.

INVALID_LENGTH speaks of the length of an attribute, and UNLIKELY_ERROR does not say that it is in vain to
ask again.
"""

_INTERVALS = range(6, 3200 + 1)
_LATENCIES = range(499 + 1)
_TIMEOUTS = range(10, 3200 + 1)
"""Bluetooth Core Specification, volume 4 part E 7.8.18, in the units of `LinkParameters`."""
_UNSUPPORTED = (mgmt.UNKNOWN_COMMAND, mgmt.NOT_SUPPORTED)


def check(parameters: LinkParameters) -> None:
    """Raise AttError where the specification does not allow them; the kernel would just ignore them."""
    ranges = (
        ("interval", parameters.min_interval, _INTERVALS),
        ("interval", parameters.max_interval, _INTERVALS),
        ("latency", parameters.latency, _LATENCIES),
        ("timeout", parameters.timeout, _TIMEOUTS),
    )
    for name, value, allowed in ranges:
        if value not in allowed:
            text = f"a connection {name} of {value} is not within {allowed[0]} and {allowed[-1]}"
            raise AttError(text, VALUE_NOT_ALLOWED)
    if parameters.min_interval > parameters.max_interval:
        raise AttError("the least connection interval is above the greatest", VALUE_NOT_ALLOWED)
    # 10 ms each against twice 1.25 ms each
    if 4 * parameters.timeout <= (1 + parameters.latency) * parameters.max_interval:
        raise AttError("the timeout is too short for this interval and latency", VALUE_NOT_ALLOWED)


async def tune(ask: Callable[[LinkParameters], Awaitable[None]], parameters: LinkParameters) -> None:
    """As `GattLink.tune`. `ask` hands them to the kernel, and raises errors of the management socket."""
    check(parameters)
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
