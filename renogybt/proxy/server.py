"""The listener, and the account of its clients."""

import asyncio
import contextlib
import errno
import logging
import os
import platform
import time
from collections import Counter

import renogybt
from renogybt.model.errors import RenogyBTError
from renogybt.model.radio import Radio, ScanMode, ScannerStatus, Unsubscribe
from renogybt.model.subscribers import Subscribers
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.feed import AdvertisementFeed
from renogybt.proxy.identity import Identity, IdentityFile
from renogybt.proxy.keys import KeyStore
from renogybt.proxy.port_holder import port_holder
from renogybt.proxy.relay import Relay
from renogybt.proxy.relisting import Relisting
from renogybt.proxy.services import Services
from renogybt.proxy.session import GOODBYE_S, Session
from renogybt.proxy.silent_peripherals import SilentPeripherals
from renogybt.proxy.wrong_keys import WrongKeys
from renogybt.service.logs import LogTap
from renogybt.service.repetition import Repetition

_LOGGER = logging.getLogger(__name__)

MAX_CLIENTS = 8
MAX_NEWCOMERS = 2 * MAX_CLIENTS
"""Connections that have not introduced themselves: more than there can be clients, because after a
restart all of them come back in one moment. A further one takes the place of the oldest of the host
that has most of them, so that no host can keep another one out."""
_KEY_GRACE_S = 0.1
"""Time for the answer to reach the client that set a key, before all have to come back with it."""


class PortInUseError(RenogyBTError):
    """Another process listens where we want to."""


class ListenError(RenogyBTError):
    """The address cannot be listened on."""


class AddressMissingError(ListenError):
    """The address is not one of this computer, or not yet."""


class CrowdedError(RenogyBTError):
    """One client more than there are places."""


class ProxyServer:
    """Listens for clients of the native API and serves them from one radio; connections go through `relay`,
    and peripherals that do not advertise while they are read are known to `silent`.

    `async with` opens the port, and says goodbye to all clients at the end.
    Raises PortInUseError or ListenError on the way in, after so many `tries`, a second apart, where that may
    help: another process may be leaving, and at a boot an address may come late.
    """

    def __init__(
        self,
        radio: Radio,
        identity: Identity,
        identity_file: IdentityFile,
        keys: KeyStore,
        entities: EntityStore,
        *,
        host: str | None,
        port: int,
        scan_mode: ScanMode,
        tries: int = 1,
        relay: Relay | None = None,
        silent: SilentPeripherals | None = None,
    ) -> None:
        self._radio = radio
        self._host = host
        self._port = port
        self._tries = tries
        self._listener: asyncio.Server | None = None
        self._open: set[Session] = set()
        self._newcomers: dict[Session, None] = {}
        self._clients: dict[Session, None] = {}
        self._closing = False
        self._all_gone = asyncio.Event()
        self._all_gone.set()
        self._visits = Repetition(time.monotonic)
        self._complaints = Repetition(time.monotonic, first=1)
        self._wrong_keys = WrongKeys(time.monotonic)
        self._logs: Subscribers[logging.LogRecord] = Subscribers()
        self._tap = LogTap(self._logs.notify)
        self._rejoin: asyncio.TimerHandle | None = None
        self._unwatch: Unsubscribe | None = None
        self._lost = 0
        self._feed = AdvertisementFeed(radio, scan_mode, silent)
        self._relisting = Relisting(entities, lambda: tuple(self._clients))
        self._services = Services(
            identity=identity,
            identity_file=identity_file,
            keys=keys,
            entities=entities,
            feed=self._feed,
            clients=self,
            relay=relay,
            logs=self._logs,
            server_info=f"renogybt {renogybt.__version__} (Python {platform.python_version()})",
        )
        self.key_changes: Subscribers[None] = Subscribers()
        """Told after the key was set or cleared, for those who announce it."""
        self.count_changes: Subscribers[int] = Subscribers()
        """Told the number of clients whenever it changes."""

    @property
    def addresses(self) -> list[tuple[str, int]]:
        """Where the server listens: host and port."""
        sockets = self._listener.sockets if self._listener else ()
        return [sock.getsockname()[:2] for sock in sockets]

    @property
    def connections(self) -> int:
        """Open connections, of clients and of those who have not introduced themselves."""
        return len(self._open)

    @property
    def lost_advertisements(self) -> int:
        """Advertisements that slow clients lost, since the start."""
        return self._lost + sum(session.dropped for session in self._clients)

    async def __aenter__(self) -> "ProxyServer":
        try:
            await self._listen()
        except BaseException:
            self._feed.close()
            raise
        self._on_status(self._radio.status)
        self._unwatch = self._radio.watch(self._on_status)
        self._tap.__enter__()
        self._relisting.start()
        return self

    async def _listen(self) -> None:
        """Raises PortInUseError, AddressMissingError or ListenError, after several tries if that may help."""
        loop = asyncio.get_running_loop()
        for left in reversed(range(self._tries)):
            try:
                # never SO_REUSEPORT: two daemons would share the clients between them by lot
                self._listener = await loop.create_server(
                    lambda: Session(self._services, loop), self._host, self._port, reuse_port=False
                )
            except OSError as error:
                trouble = self._listen_error(error)
                if not left or not isinstance(trouble, (PortInUseError, AddressMissingError)):
                    raise trouble from error
                if left == self._tries - 1:
                    _LOGGER.warning("%s. Trying again for %d s", trouble, left)
                await asyncio.sleep(1.0)
            else:
                return

    def _listen_error(self, error: OSError) -> RenogyBTError:
        where = f"{self._host or '*'}:{self._port}"
        if error.errno != errno.EADDRINUSE:
            cure = (
                "choose a native_api_port above 1023"
                if error.errno == errno.EACCES
                else "check native_api_host"
            )
            # from Python 3.12.3 on asyncio tells no number
            missing = error.errno in (errno.EADDRNOTAVAIL, None)
            kind = AddressMissingError if missing else ListenError
            return kind(f"cannot listen on {where}: {os.strerror(error.errno or 0)}; {cure} in config.ini")
        holder = port_holder(self._port)
        who = f"by {holder}" if holder else "by a process of another user (try again with sudo to see which)"
        return PortInUseError(
            f"port {where} is in use {who}. Stop it, or choose another native_api_port in config.ini"
        )

    def leave(self) -> None:
        """Take no more clients, and send those there are away; the end of the `async with` waits for it."""
        if self._closing:
            return
        self._closing = True
        if self._listener is not None:
            self._listener.close()
        self._all_goodbye()

    async def __aexit__(self, *_exception: object) -> None:
        self.leave()
        if self._unwatch is not None:
            self._unwatch()
        if self._rejoin is not None:
            self._rejoin.cancel()
        self._tap.__exit__()
        self._relisting.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._all_gone.wait()
        for session in tuple(self._open):
            session.drop()
        await self._all_gone.wait()
        self._feed.close()

    def _all_goodbye(self) -> None:
        for session in tuple(self._open):
            session.goodbye()

    # the radio's side

    def _on_status(self, status: ScannerStatus) -> None:
        """Clients learn the scanner's address when they connect; if it changes they have to come back."""
        if status.adapter is not None and self._services.identity_file.remember_adapter(status.adapter):
            for session in tuple(self._clients):
                session.goodbye()

    # the sessions' side

    def opened(self, session: Session) -> None:
        """A new connection: make room, so that silent ones cannot keep a real client out."""
        self._all_gone.clear()
        self._open.add(session)
        if self._closing:  # it was accepted a moment before the listener closed
            session.drop()
            return
        self._newcomers[session] = None
        if len(self._newcomers) > MAX_NEWCOMERS:
            hosts = Counter(newcomer.peer for newcomer in self._newcomers)
            most = max(hosts.values())
            oldest = next(newcomer for newcomer in self._newcomers if hosts[newcomer.peer] == most)
            del self._newcomers[oldest]  # at once: it closes only in the next turn of the loop
            oldest.drop()

    def admits(self, session: Session) -> bool:
        """Whether there is a place for a client that wants to introduce itself."""
        if len(self._clients) < MAX_CLIENTS:
            return True
        self.complain(session, CrowdedError(f"there are {MAX_CLIENTS} clients already"))
        return False

    def greeted(self, session: Session) -> None:
        """A client has introduced itself."""
        self._newcomers.pop(session, None)
        self._clients[session] = None
        how = " (encrypted)" if session.encrypted else ""
        self._visits.log(_LOGGER, logging.INFO, f"{session.label} is connected{how}")
        self.count_changes.notify(len(self._clients))

    def closed(self, session: Session, error: Exception | None) -> None:
        """A connection is gone."""
        self._open.discard(session)
        self._newcomers.pop(session, None)
        if session in self._clients:
            del self._clients[session]
            self._lost += session.dropped
            why = f" ({error})" if error else ""
            lost = f"; it was slow and lost {session.dropped} advertisements" if session.dropped else ""
            self._visits.log(
                _LOGGER, logging.INFO, f"{session.label} is gone{why}{lost}", f"{session.label} is gone"
            )
            self.count_changes.notify(len(self._clients))
        if not self._open:
            self._all_gone.set()

    def complain(self, session: Session, error: RenogyBTError) -> None:
        """Log why a peer is closed."""
        topic = f"{session.peer} {type(error)}"
        self._complaints.log(_LOGGER, logging.WARNING, f"{session.label} is closed: {error}", topic)

    def wrong_key(self, session: Session) -> float:
        """For how many seconds the answer is to wait."""
        return self._wrong_keys.wait_s(session.peer)

    def refuse(self, session: Session, what: str) -> None:
        """Log what a client may not have."""
        self._complaints.log(_LOGGER, logging.WARNING, f"{what} is refused to {session.label}")

    def key_changed(self) -> None:
        """Everybody has to come back under the new rules."""

        def rejoin() -> None:
            self._all_goodbye()
            self.key_changes.notify(None)

        self._rejoin = asyncio.get_running_loop().call_later(_KEY_GRACE_S, rejoin)
