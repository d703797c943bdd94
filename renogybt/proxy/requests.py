"""What a client may ask, and how it is answered: one row per message."""

import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from renogybt.model.radio import ScanMode
from renogybt.protocols.esphome.messages import api
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.identity import API_MAJOR, API_MINOR
from renogybt.proxy.refusals import CONNECTION_REQUESTS, refuse

if TYPE_CHECKING:
    from renogybt.proxy.session import Session

_LOGGER = logging.getLogger(__name__)

Answer = Callable[["Session", Any], None]

_ACTIVE = 1  # BluetoothScannerMode


def _hello(session: "Session", request: Any) -> None:
    if not session.introduce(request.client_info):
        return  # unanswered, so that the client takes it for a failure and waits before it tries again
    session.send(
        api.HelloResponse(
            api_version_major=API_MAJOR,
            api_version_minor=API_MINOR,
            server_info=session.services.server_info,
            name=session.services.identity.name,
        )
    )


def _authentication(session: "Session", _request: Any) -> None:
    session.send(api.AuthenticationResponse(invalid_password=False))  # passwords exist no more


def _ping(session: "Session", _request: Any) -> None:
    session.send(api.PingResponse())


def _disconnect(session: "Session", _request: Any) -> None:
    session.send(api.DisconnectResponse())
    session.leave()


def _disconnected(session: "Session", _response: Any) -> None:
    session.leave()


def _device_info(session: "Session", _request: Any) -> None:
    services = session.services
    session.send(
        services.identity.device_info(
            services.scanner_address,
            features=services.features,
            supported=services.keys.settable,
            provisionable=services.keys.provisionable,
            devices=services.entities.devices(),
        )
    )


def _capabilities(session: "Session", _request: Any) -> None:
    services = session.services
    session.send(services.identity.capabilities(services.scanner_address, services.features))


def _list_entities(session: "Session", _request: Any) -> None:
    entities = session.services.entities
    session.send_all((*entities.listings(), api.ListEntitiesDoneResponse()))
    session.listed = entities.layout


def _subscribe_states(session: "Session", _request: Any) -> None:
    session.send_all(session.services.entities.states())
    session.follow_states()


def _subscribe_logs(session: "Session", request: Any) -> None:
    session.follow_logs(request.level)


def _get_time(session: "Session", _request: Any) -> None:
    session.send(api.GetTimeResponse(epoch_seconds=int(time.time())))


def _set_key(session: "Session", request: Any) -> None:
    keys = session.services.keys
    before = keys.encryption
    # a connection from before the present key has not shown that it knows it
    success = not session.outdated and keys.set(request.key)
    session.send(api.NoiseEncryptionSetKeyResponse(success=success))
    if keys.encryption != before:
        _LOGGER.info("%s has %s the encryption key", session.label, "set" if request.key else "cleared")
        session.services.clients.key_changed()


def _subscribe_advertisements(session: "Session", _request: Any) -> None:
    session.services.feed.subscribe(session)


def _unsubscribe_advertisements(session: "Session", _request: Any) -> None:
    session.stop_advertisements()


def _set_scan_mode(session: "Session", request: Any) -> None:
    mode = ScanMode.ACTIVE if request.mode == _ACTIVE else ScanMode.PASSIVE
    session.services.feed.request_mode(session, mode)


def _command(carry_out: Callable[[EntityStore, Any], bool]) -> Answer:
    """The answer to commands that `carry_out` hands on; it says False for an entity that does not exist."""

    def answer(session: "Session", request: Any) -> None:
        entities = session.services.entities
        if not session.may_command:
            session.services.clients.refuse(session, "a command over a connection without a key of its own")
            if (state := entities.state(request.key)) is not None:
                session.send(state)  # so that the client shows again what is true
        elif not carry_out(entities, request):
            _LOGGER.debug("%s commands what does not exist", session.label)

    return answer


def _subscribe_slots(session: "Session", request: Any) -> None:
    if (relay := session.services.relay) is None:
        session.send(refuse(request))
    else:
        relay.slots.subscribe(session)


def _connection(session: "Session", request: Any) -> None:
    if (relay := session.services.relay) is None:
        session.send(refuse(request))
    else:
        relay.handle(session, request)


REQUESTS: dict[Any, Answer] = {
    api.HelloRequest: _hello,
    api.AuthenticationRequest: _authentication,
    api.PingRequest: _ping,
    api.DisconnectRequest: _disconnect,
    api.DisconnectResponse: _disconnected,
    api.DeviceInfoRequest: _device_info,
    api.DeviceCapabilitiesRequest: _capabilities,
    api.ListEntitiesRequest: _list_entities,
    api.SubscribeStatesRequest: _subscribe_states,
    api.SubscribeLogsRequest: _subscribe_logs,
    api.GetTimeRequest: _get_time,
    api.NoiseEncryptionSetKeyRequest: _set_key,
    api.SubscribeBluetoothLEAdvertisementsRequest: _subscribe_advertisements,
    api.UnsubscribeBluetoothLEAdvertisementsRequest: _unsubscribe_advertisements,
    api.BluetoothScannerSetModeRequest: _set_scan_mode,
    api.SwitchCommandRequest: _command(lambda entities, wish: entities.command(wish.key, wish.state)),
    api.ButtonCommandRequest: _command(lambda entities, wish: entities.press(wish.key)),
    api.SubscribeBluetoothConnectionsFreeRequest: _subscribe_slots,
    **dict.fromkeys(CONNECTION_REQUESTS, _connection),
}
"""Class of a request -> its answer. Other messages concern parts that this device does not have."""
