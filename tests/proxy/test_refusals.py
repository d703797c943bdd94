from typing import Any

import pytest

from renogybt.protocols.esphome.messages import api
from renogybt.proxy.refusals import CONNECTION_REQUESTS, refusal, refuse, success

ADDRESS = 0x6CB2FD86824D


def device(name: str) -> Any:
    return api.BluetoothDeviceRequest(
        address=ADDRESS, request_type=getattr(api, f"BLUETOOTH_DEVICE_REQUEST_TYPE_{name}")
    )


# where there are no connections


@pytest.mark.parametrize(
    "kind",
    [
        api.BLUETOOTH_DEVICE_REQUEST_TYPE_CONNECT,
        api.BLUETOOTH_DEVICE_REQUEST_TYPE_CONNECT_V3_WITH_CACHE,
        api.BLUETOOTH_DEVICE_REQUEST_TYPE_CONNECT_V3_WITHOUT_CACHE,
        99,
    ],
)
def test_a_wish_to_connect_is_refused_at_once(kind: int) -> None:
    refused = refuse(api.BluetoothDeviceRequest(address=ADDRESS, request_type=kind))

    assert refused == api.BluetoothDeviceConnectionResponse(address=ADDRESS, connected=False, error=0x85)


def test_a_disconnect_leaves_nothing_connected_and_is_no_error() -> None:
    assert refuse(device("DISCONNECT")) == api.BluetoothDeviceConnectionResponse(
        address=ADDRESS, connected=False
    )


@pytest.mark.parametrize(
    ("kind", "refused"),
    [
        ("PAIR", api.BluetoothDevicePairingResponse(address=ADDRESS, paired=False, error=0x85)),
        ("UNPAIR", api.BluetoothDeviceUnpairingResponse(address=ADDRESS, success=False, error=0x85)),
        ("CLEAR_CACHE", api.BluetoothDeviceClearCacheResponse(address=ADDRESS, success=False, error=0x85)),
    ],
)
def test_other_wishes_about_a_device_have_answers_of_their_own(kind: str, refused: Any) -> None:
    assert refuse(device(kind)) == refused


@pytest.mark.parametrize(
    "request_class",
    [
        api.BluetoothGATTReadRequest,
        api.BluetoothGATTWriteRequest,
        api.BluetoothGATTReadDescriptorRequest,
        api.BluetoothGATTWriteDescriptorRequest,
        api.BluetoothGATTNotifyRequest,
    ],
    ids=lambda each: each.DESCRIPTOR.name,
)
def test_gatt_requests_are_answered_for_their_handle_with_not_connected(request_class: Any) -> None:
    refused = refuse(request_class(address=ADDRESS, handle=42))

    assert refused == api.BluetoothGATTErrorResponse(address=ADDRESS, handle=42, error=-1)


def test_no_list_of_services_is_given_because_it_would_be_kept_as_the_truth() -> None:
    refused = refuse(api.BluetoothGATTGetServicesRequest(address=ADDRESS))

    assert refused == api.BluetoothGATTErrorResponse(address=ADDRESS, error=-1)


def test_connection_parameters_are_refused() -> None:
    refused = refuse(api.BluetoothSetConnectionParamsRequest(address=ADDRESS))

    assert refused == api.BluetoothSetConnectionParamsResponse(address=ADDRESS, error=0x85)


def test_there_are_no_slots_and_this_is_said() -> None:
    refused = refuse(api.SubscribeBluetoothConnectionsFreeRequest())

    assert refused == api.BluetoothConnectionsFreeResponse(free=0, limit=0)


def test_every_request_about_connections_has_an_answer() -> None:
    about_connections = {
        getattr(api, name)
        for name in api.DESCRIPTOR.message_types_by_name
        if name.endswith("Request") and name.startswith(("BluetoothGATT", "BluetoothDevice", "BluetoothSet"))
    }

    assert about_connections == set(CONNECTION_REQUESTS)


# where one request fails, or is fulfilled


@pytest.mark.parametrize("code", [-1, 0x01, 0x85])
def test_a_refusal_gives_the_code_in_the_answer_to_its_request(code: int) -> None:
    for kind in CONNECTION_REQUESTS:
        refused: Any = refusal(kind(address=ADDRESS), code)

        assert (refused.address, refused.error) == (ADDRESS, code)


@pytest.mark.parametrize(
    ("kind", "done"),
    [
        ("PAIR", api.BluetoothDevicePairingResponse(address=ADDRESS, paired=True)),
        ("UNPAIR", api.BluetoothDeviceUnpairingResponse(address=ADDRESS, success=True)),
        ("CLEAR_CACHE", api.BluetoothDeviceClearCacheResponse(address=ADDRESS, success=True)),
    ],
)
def test_success_says_yes_in_the_answer_that_a_refusal_says_no_in(kind: str, done: Any) -> None:
    assert success(device(kind)) == done
    assert type(refusal(device(kind), 0x85)) is type(done)
