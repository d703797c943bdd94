"""The answers to requests for connections, which this proxy does not make yet.

Home Assistant does not send them as long as the feature flags leave connections out; others that
do get an answer at once instead of a time-out.
"""

from collections.abc import Callable
from typing import Any

from renogybt.protocols.esphome.messages import Message, api

NOT_CONNECTED = -1
"""The client then takes the link for gone, which is true: there is none."""
GENERIC_ERROR = 0x85
"""GATT_ERROR of the ESP-IDF, what an ESPHome proxy gives for want of something better."""

_DISCONNECT, _PAIR, _UNPAIR, _CLEAR_CACHE = 1, 2, 3, 6
"""BluetoothDeviceRequestType; all others are ways to connect."""


def _device(request: Any) -> Message:
    address = request.address
    answers: dict[int, Callable[[], Any]] = {
        _DISCONNECT: lambda: api.BluetoothDeviceConnectionResponse(address=address, connected=False),
        _PAIR: lambda: api.BluetoothDevicePairingResponse(address=address, paired=False, error=GENERIC_ERROR),
        _UNPAIR: lambda: api.BluetoothDeviceUnpairingResponse(
            address=address, success=False, error=GENERIC_ERROR
        ),
        _CLEAR_CACHE: lambda: api.BluetoothDeviceClearCacheResponse(
            address=address, success=False, error=GENERIC_ERROR
        ),
    }
    refuse = answers.get(
        request.request_type,
        lambda: api.BluetoothDeviceConnectionResponse(address=address, connected=False, error=GENERIC_ERROR),
    )
    return refuse()  # type: ignore[no-any-return]


def _gatt(request: Any) -> Message:
    handle = getattr(request, "handle", 0)
    return api.BluetoothGATTErrorResponse(  # type: ignore[no-any-return]
        address=request.address, handle=handle, error=NOT_CONNECTED
    )


def _parameters(request: Any) -> Message:
    return api.BluetoothSetConnectionParamsResponse(  # type: ignore[no-any-return]
        address=request.address, error=GENERIC_ERROR
    )


def _slots(_request: Any) -> Message:
    return api.BluetoothConnectionsFreeResponse(free=0, limit=0)  # type: ignore[no-any-return]


REFUSALS: dict[Any, Callable[[Any], Message]] = {
    api.BluetoothDeviceRequest: _device,
    api.BluetoothGATTGetServicesRequest: _gatt,
    api.BluetoothGATTReadRequest: _gatt,
    api.BluetoothGATTWriteRequest: _gatt,
    api.BluetoothGATTReadDescriptorRequest: _gatt,
    api.BluetoothGATTWriteDescriptorRequest: _gatt,
    api.BluetoothGATTNotifyRequest: _gatt,
    api.BluetoothSetConnectionParamsRequest: _parameters,
    api.SubscribeBluetoothConnectionsFreeRequest: _slots,
}
"""Class of a request -> what to answer."""
