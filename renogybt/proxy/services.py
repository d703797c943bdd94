"""What a client session needs of the rest of the proxy."""

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from renogybt.model.errors import RenogyBTError
from renogybt.model.subscribers import Subscribers
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.feed import AdvertisementFeed
from renogybt.proxy.identity import (
    CONNECTING,
    CONNECTION_PARAMETERS,
    LISTENING,
    Identity,
    IdentityFile,
)
from renogybt.proxy.keys import KeyStore
from renogybt.proxy.relay import Relay

if TYPE_CHECKING:
    from renogybt.proxy.session import Session


class Clients(Protocol):
    """Who keeps account of the sessions."""

    def opened(self, session: "Session") -> None:
        """A connection was made; it has not said a word yet."""
        ...

    def admits(self, session: "Session") -> bool:
        """Whether there is a place for a client that wants to introduce itself."""
        ...

    def greeted(self, session: "Session") -> None:
        """The client has introduced itself."""
        ...

    def closed(self, session: "Session", error: Exception | None) -> None:
        """The connection is gone."""
        ...

    def complain(self, session: "Session", error: RenogyBTError) -> None:
        """The client is being closed for a reason that lies with it."""
        ...

    def wrong_key(self, session: "Session") -> float:
        """The client does not know the key; for how many seconds its answer is to wait."""
        ...

    def refuse(self, session: "Session", what: str) -> None:
        """The client wants something that it may not have; it stays connected."""
        ...

    def key_changed(self) -> None:
        """A client set or cleared the encryption key."""
        ...


@dataclass(frozen=True, slots=True)
class Services:
    """The parts that all sessions share."""

    identity: Identity
    identity_file: IdentityFile
    keys: KeyStore
    entities: EntityStore
    feed: AdvertisementFeed
    clients: Clients
    relay: Relay | None
    """Without one there are no connections."""
    logs: Subscribers[logging.LogRecord]
    server_info: str

    @property
    def features(self) -> int:
        """What this proxy can do, as flags of the API."""
        if self.relay is None:
            return LISTENING
        return LISTENING | CONNECTING | (CONNECTION_PARAMETERS if self.relay.tunes_links else 0)

    @property
    def scanner_address(self) -> int | None:
        """The address of the adapter in use, or of the one last used."""
        return self.identity_file.adapter
