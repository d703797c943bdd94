"""How each request that concerns a connection is answered when it cannot be fulfilled.

Where connections are switched off Home Assistant does not send them; others that do get an answer at
once instead of a time-out.
"""

from collections.abc import Callable
from typing import Any

from renogybt.protocols.esphome.messages import Message, api
from renogybt.proxy.gatt_errors import GENERIC_ERROR, NOT_CONNECTED

DISCONNECT, PAIR, UNPAIR, CONNECT_CACHED, CONNECT_UNCACHED, CLEAR_CACHE = 1, 2, 3, 4, 5, 6
"""BluetoothDeviceRequestType; others are old ways to connect."""


def refusal(request: Any, code: int) -> Message:
    """The answer to a request that failed with `code`, by the kind of the request."""
    return _KINDS[type(request)](request, code)


def success(request: Any) -> Message:
    """The answer to a request about a device that was fulfilled."""
    address = request.address
    answers: dict[int, Callable[[], Any]] = {
        PAIR: lambda: api.BluetoothDevicePairingResponse(address=address, paired=True),
        UNPAIR: lambda: api.BluetoothDeviceUnpairingResponse(address=address, success=True),
        CLEAR_CACHE: lambda: api.BluetoothDeviceClearCacheResponse(address=address, success=True),
    }
    return answers[request.request_type]()  # type: ignore[no-any-return]


def refuse(request: Any) -> Message:
    """The answer where there are no connections."""
    kind = type(request)
    if kind is api.SubscribeBluetoothConnectionsFreeRequest:
        return api.BluetoothConnectionsFreeResponse(free=0, limit=0)  # type: ignore[no-any-return]
    if kind is api.BluetoothDeviceRequest:
        return _device(request, 0 if request.request_type == DISCONNECT else GENERIC_ERROR)
    return refusal(
        request, GENERIC_ERROR if kind is api.BluetoothSetConnectionParamsRequest else NOT_CONNECTED
    )


def _device(request: Any, code: int) -> Message:
    answer = _DEVICE_ANSWERS.get(request.request_type, api.BluetoothDeviceConnectionResponse)
    return answer(address=request.address, error=code)  # type: ignore[no-any-return]


_DEVICE_ANSWERS = {
    PAIR: api.BluetoothDevicePairingResponse,
    UNPAIR: api.BluetoothDeviceUnpairingResponse,
    CLEAR_CACHE: api.BluetoothDeviceClearCacheResponse,
}
"""Their first field says no as long as it is not set."""


def _gatt(request: Any, code: int) -> Message:
    handle = getattr(request, "handle", 0)
    return api.BluetoothGATTErrorResponse(  # type: ignore[no-any-return]
        address=request.address, handle=handle, error=code
    )


def _parameters(request: Any, code: int) -> Message:
    return api.BluetoothSetConnectionParamsResponse(  # type: ignore[no-any-return]
        address=request.address, error=code
    )


_KINDS: dict[Any, Callable[[Any, int], Message]] = {
    api.BluetoothDeviceRequest: _device,
    api.BluetoothGATTGetServicesRequest: _gatt,
    api.BluetoothGATTReadRequest: _gatt,
    api.BluetoothGATTWriteRequest: _gatt,
    api.BluetoothGATTReadDescriptorRequest: _gatt,
    api.BluetoothGATTWriteDescriptorRequest: _gatt,
    api.BluetoothGATTNotifyRequest: _gatt,
    api.BluetoothSetConnectionParamsRequest: _parameters,
}

CONNECTION_REQUESTS = tuple(_KINDS)
"""The classes of all requests that concern a connection."""
