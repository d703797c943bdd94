"""What went wrong with a link, in the numbers that clients of the API know."""

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

NOT_CONNECTED = -1
"""Home Assistant then takes its link for gone, so that this may be said of nothing else (bleak-esphome)."""
GENERIC_ERROR = 0x85
"""GATT_ERROR of the ESP-IDF, "Error" to clients: what an ESPHome proxy gives for want of something better."""

TIMEOUT = 0x08
ENDED_BY_PEER = 0x13
ENDED_BY_US = 0x16
NOT_ESTABLISHED = 0x3E
"""Reasons of the controller, Core Specification, volume 1 part F 1.3, as the ESP-IDF passes them on
(esp_gatt_conn_reason_t). A message about a connection is first looked up among these by a client, then among
the codes of operations; bleak-retry-connector tells by their names how often to try again."""

_LARGEST_CODE = 0xFF
"""An ATT error code is one octet; Core Specification, volume 3 part F 3.4.1.1."""

_OPERATIONS: tuple[tuple[type[GattError], int], ...] = (
    (LinkLostError, NOT_CONNECTED),
    # not 0x0E "Unlikely error", which is what a peripheral answers, and this one has not answered
    (GattTimeoutError, GENERIC_ERROR),
    # what the peripheral says to those who have no bond with it
    (PairingError, AttCode.INSUFFICIENT_AUTHENTICATION),
)

_CONNECTIONS: tuple[tuple[type[GattError], int], ...] = (
    # "Insufficient resources" to a client; 0x80, GATT_NO_RESOURCES of the ESP-IDF, would be an "Application
    # error" and 0x09, the controller's own code, a "Prepare queue full". Whoever gets it tries up to four
    # times, and waits for a free slot before each
    (NoSlotError, AttCode.INSUFFICIENT_RESOURCES),
    # both transient to bleak-retry-connector, which tries up to nine times, half a second apart
    (NotHeardError, NOT_ESTABLISHED),
    (ConnectError, NOT_ESTABLISHED),
    # to a client that has not been told of a link, none was established
    (LinkLostError, NOT_ESTABLISHED),
    (GattTimeoutError, TIMEOUT),
)

_ENDS = {
    # "Connection Terminated by Local Host"
    LinkEnd.OURSELVES: ENDED_BY_US,
    # "Remote User Terminated Connection"; whether it hung up or is out of range nobody tells
    LinkEnd.PERIPHERAL: ENDED_BY_PEER,
    # no reason of a controller says that the controller is gone; a client that is about to connect waits a
    # second after this one (bleak-retry-connector, TRANSIENT_ERRORS_LONG_BACKOFF)
    LinkEnd.RADIO: GENERIC_ERROR,
}


def gatt_error_code(error: GattError) -> int:
    """For BluetoothGATTErrorResponse and the other answers about one operation; never 0."""
    if isinstance(error, AttError):
        # a number that is no ATT code could mean to a client that all is well, or that the link is gone
        return error.code if 0 < error.code <= _LARGEST_CODE else AttCode.UNLIKELY_ERROR
    return _code(error, _OPERATIONS)


def connection_error_code(error: GattError) -> int:
    """For BluetoothDeviceConnectionResponse when no link came about; never 0."""
    return _code(error, _CONNECTIONS)


def end_code(end: LinkEnd | None) -> int:
    """For BluetoothDeviceConnectionResponse when a link has ended; None: nobody knows why."""
    return GENERIC_ERROR if end is None else _ENDS[end]


def _code(error: GattError, rows: tuple[tuple[type[GattError], int], ...]) -> int:
    return next((int(code) for kind, code in rows if isinstance(error, kind)), GENERIC_ERROR)
