"""The numbers against the names that the clients of Home Assistant have for them."""

import pytest
from aioesphomeapi import ESP_CONNECTION_ERROR_DESCRIPTION, ESPHOME_GATT_ERRORS, BLEConnectionError
from bleak.exc import BleakError
from bleak_retry_connector import TRANSIENT_ERRORS, calculate_backoff_time

from renogybt.model.gatt import (
    AttCode,
    AttError,
    ConnectError,
    GattError,
    GattTimeoutError,
    LinkEnd,
    LinkLostError,
    NotHeardError,
    PairingError,
)
from renogybt.model.slots import NoSlotError
from renogybt.proxy.gatt_errors import connection_error_code, end_code, gatt_error_code

ERRORS = [
    GattError("?"),
    AttError("?"),
    GattTimeoutError("?"),
    LinkLostError("?"),
    PairingError("?"),
    ConnectError("?"),
    NotHeardError("?"),
    NoSlotError("?"),
]


def connection_text(code: int) -> str:
    """As Home Assistant shows it: first looked up among connections, then among operations."""
    if code in set(BLEConnectionError):
        reason = BLEConnectionError(code)
        return f"{reason.name} {ESP_CONNECTION_ERROR_DESCRIPTION[reason]}"
    return ESPHOME_GATT_ERRORS[code]


# operations


NAMED = sorted(set(AttCode) - {AttCode.VALUE_NOT_ALLOWED})
"""Clients have no name for the other one, which they get only when they have asked for parameters."""


@pytest.mark.parametrize("code", NAMED)
def test_what_the_peripheral_said_is_passed_on_and_has_a_name(code: AttCode) -> None:
    assert gatt_error_code(AttError("?", code)) == code
    assert code in ESPHOME_GATT_ERRORS


def test_the_names_mean_the_same() -> None:
    names = {code: ESPHOME_GATT_ERRORS[code].lower() for code in NAMED}
    same = {code for code in NAMED if names[code] == code.name.lower().replace("_", " ")}

    assert {code: names[code] for code in set(NAMED) - same} == {
        AttCode.INVALID_LENGTH: "invalid attribute length",
        AttCode.PROCEDURE_IN_PROGRESS: "procedure already in progress",
    }


@pytest.mark.parametrize("code", [0x80, 0x9F, 0xFF])
def test_the_peripherals_own_codes_are_passed_on(code: int) -> None:
    assert gatt_error_code(AttError("?", code)) == code


@pytest.mark.parametrize("code", [-1, 0, 0x100])
def test_a_number_that_is_no_att_code_neither_ends_the_link_nor_looks_like_success(code: int) -> None:
    assert gatt_error_code(AttError("?", code)) == AttCode.UNLIKELY_ERROR


@pytest.mark.parametrize("error", ERRORS)
def test_only_a_lost_link_is_told_as_one(error: GattError) -> None:
    assert (ESPHOME_GATT_ERRORS[gatt_error_code(error)] == "Not connected") == isinstance(
        error, LinkLostError
    )


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (GattTimeoutError("?"), "Error"),
        (PairingError("?"), "Insufficient authentication"),
        (ConnectError("?"), "Error"),
        (GattError("?"), "Error"),
    ],
)
def test_what_went_wrong_on_our_side_has_a_name(error: GattError, text: str) -> None:
    assert ESPHOME_GATT_ERRORS[gatt_error_code(error)] == text


# connections


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (NotHeardError("?"), "ESP_GATT_CONN_FAIL_ESTABLISH Connection failed to establish"),
        (ConnectError("?"), "ESP_GATT_CONN_FAIL_ESTABLISH Connection failed to establish"),
        (LinkLostError("?"), "ESP_GATT_CONN_FAIL_ESTABLISH Connection failed to establish"),
        (GattTimeoutError("?"), "ESP_GATT_CONN_TIMEOUT Connection failed due to timeout"),
        (NoSlotError("?"), "Insufficient resources"),
        (GattError("?"), "ESP_GATT_ERROR Connection failed due to GATT operation error"),
    ],
)
def test_a_connection_that_failed_has_a_text_that_fits(error: GattError, text: str) -> None:
    assert connection_text(connection_error_code(error)) == text


@pytest.mark.parametrize("error", ERRORS)
def test_no_failure_looks_like_success(error: GattError) -> None:
    assert connection_error_code(error) > 0
    assert gatt_error_code(error) != 0


@pytest.mark.parametrize(
    ("error", "transient", "pause_s"),
    [
        (NotHeardError("?"), True, 0.5),
        (ConnectError("?"), True, 0.5),
        (GattTimeoutError("?"), False, 0.5),
        # not for long: the next attempt waits for a slot itself, by what it was told of free ones
        (NoSlotError("?"), False, 0.1),
        (GattError("?"), False, 1.0),
    ],
)
def test_a_client_tries_again_as_it_should(error: GattError, transient: bool, pause_s: float) -> None:
    text = connection_text(connection_error_code(error))

    assert any(each in text for each in TRANSIENT_ERRORS) == transient
    assert calculate_backoff_time(BleakError(text)) == pause_s


# ends


@pytest.mark.parametrize(
    ("end", "reason"),
    [
        (LinkEnd.OURSELVES, BLEConnectionError.ESP_GATT_CONN_TERMINATE_LOCAL_HOST),
        (LinkEnd.PERIPHERAL, BLEConnectionError.ESP_GATT_CONN_TERMINATE_PEER_USER),
        (LinkEnd.RADIO, BLEConnectionError.ESP_GATT_ERROR),
        (None, BLEConnectionError.ESP_GATT_ERROR),
    ],
)
def test_a_client_is_told_who_ended_a_link(end: LinkEnd | None, reason: BLEConnectionError) -> None:
    assert end_code(end) == reason
