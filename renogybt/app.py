"""The composition root: ties the parts of a run together."""

import asyncio
import logging
import os
import platform
import signal
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from renogybt.assembly import build_radio, build_reader, reader_remarks
from renogybt.config import Configuration
from renogybt.model.radio import Radio, ScanMode, ScannerState, ScannerStatus
from renogybt.proxy.care_entities import ENTITIES as CARE_ENTITIES
from renogybt.proxy.care_entities import CareEntities
from renogybt.proxy.entities import EntityStore
from renogybt.proxy.identity import Identity, IdentityFile
from renogybt.proxy.keys import KeyStore
from renogybt.proxy.mdns import Announcer
from renogybt.proxy.relay import Relay, RelayRules
from renogybt.proxy.reset_button import ResetButton
from renogybt.proxy.server import ProxyServer
from renogybt.proxy.service_database import FILE as SERVICES_FILE
from renogybt.proxy.service_database import ServiceDatabase
from renogybt.proxy.silent_peripherals import SilentPeripherals
from renogybt.proxy.vitals import ENTITIES, PERIOD_S, Vitals
from renogybt.readers.candidates import CandidateWatch
from renogybt.service.lag import LagProbe
from renogybt.service.loop_errors import tell_loop_errors
from renogybt.service.notify import Notifier
from renogybt.service.pulse import Pulse
from renogybt.service.radio_control import RadioControl, control_path
from renogybt.service.repetition import Repetition
from renogybt.service.status_line import StatusLine
from renogybt.service.supervisor import Supervisor

# what reads devices is loaded where there are some
if TYPE_CHECKING:
    from renogybt.readers.reader import Reader

_LOGGER = logging.getLogger(__name__)

DEMO_MODEL = "Demo (no real Bluetooth)"
_BOARD = Path("/proc/device-tree/model")
_SETTLE_S = 5.0
"""How long the radio, which has the first turn, is waited for by the announcement and by the word to systemd
that this service is ready."""
_LISTEN_TRIES = 10
_VITALS_LIMIT_S = 3 * PERIOD_S + 10.0
"""Three looks that are missing are no chance any more."""


def _model() -> str:
    with suppress(OSError):
        return _BOARD.read_text(encoding="utf-8").rstrip("\0\n")
    return f"Linux {platform.machine()}"


class Gateway:
    """One run of the proxy: everything that lives as long as the process."""

    def __init__(self, configuration: Configuration, *, demo: bool) -> None:
        """Raises KeyFileError or IdentityError for damaged files in the state folder."""
        proxy = configuration.proxy
        state_dir = proxy.state_dir / "demo" if demo else proxy.state_dir
        self._configuration = configuration
        self._proxy = proxy
        self._demo = demo
        self._state_dir = state_dir
        self._identity_file = IdentityFile(state_dir, "demo" if demo else proxy.adapter)
        self._identity = Identity(
            name=proxy.device_name,
            friendly_name=f"{proxy.friendly_name} (demo)" if demo else proxy.friendly_name,
            mac=self._identity_file.mac if proxy.mac is None else proxy.mac,
            model=DEMO_MODEL if demo else _model(),
        )
        self._keys = KeyStore(proxy.encryption, state_dir, proxy.encryption_key)
        if state_dir.is_relative_to("/root") and (user := os.environ.get("SUDO_USER")):
            _LOGGER.warning(
                "started by sudo: key and address are kept in %s, not where %s's own start keeps them, so"
                " that Home Assistant meets another device. README.md tells how to do without sudo",
                state_dir,
                user,
            )
        self._stop = asyncio.Event()
        self._notifier = Notifier()
        self._supervisor = Supervisor()

    async def run(self) -> None:
        """Until SIGTERM or SIGINT.

        Raises PortInUseError or ListenError; TaskFailedError or RestartNeededError, in groups, where another
        process may do better.
        """
        loop = asyncio.get_running_loop()
        tell_loop_errors(loop, Repetition(loop.time))
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop.set)
        radio = build_radio(
            self._proxy,
            demo=self._demo,
            mac=self._identity.mac,
            kept_adapter=self._identity_file.adapter,
            state_dir=self._state_dir,
            restart_program=self._notifier.wanted,
        )
        with self._notifier:
            server = self._build(radio)
            async with server, self._supervisor.running():
                self._say_ready(server)
                await self._stop.wait()
                _LOGGER.info("stopping")
                self._notifier.stopping()
                server.leave()  # while links are being closed, which takes its time

    def _build(self, radio: Radio) -> ProxyServer:
        """Everything around the radio; what has to run is handed to the supervisor."""
        add = self._supervisor.add
        entities = EntityStore((*ENTITIES, *CARE_ENTITIES))
        reader = build_reader(self._configuration, radio, demo=self._demo, state_dir=self._state_dir)
        relay = self._relay(radio, reader)
        silent = _silent(radio, None if relay is None else reader)
        server = self._server(radio, entities, relay, silent)
        vitals = Vitals(radio, entities, asyncio.get_running_loop().time, lambda: server.lost_advertisements)
        server.count_changes.add(vitals.on_clients)
        looks = Pulse("vitals", _VITALS_LIMIT_S)
        vitals.beats.add(looks.beat)
        sights = Pulse("the radio's watchdog", radio.care.look_limit_s)
        radio.care.looks.add(sights.beat)
        add("radio", radio.run, sights)
        add("vitals", vitals.run, looks)
        add("announcement", partial(self._announce, radio, server))
        self._read(radio, reader, entities)
        if relay is not None:
            add("relay", relay.run)
            add("silent peripherals", silent.run)
        now = asyncio.get_running_loop().time
        add("care entities", CareEntities(radio, entities).run)
        add("reset button", ResetButton(radio.care, entities, now).run)
        control = RadioControl(
            control_path(self._state_dir, os.environ), radio.care, lambda: radio.adapter_names
        )
        add("control", control.run)
        add("lag probe", LagProbe().run)
        self._notify(radio, server)
        return server

    def _server(
        self, radio: Radio, entities: EntityStore, relay: Relay | None, silent: SilentPeripherals
    ) -> ProxyServer:
        return ProxyServer(
            radio,
            self._identity,
            self._identity_file,
            self._keys,
            entities,
            host=self._proxy.native_api_host,
            port=self._proxy.native_api_port,
            scan_mode=self._proxy.scan_mode or ScanMode.ACTIVE,
            tries=_LISTEN_TRIES,
            relay=relay,
            silent=silent,
        )

    def _relay(self, radio: Radio, reader: "Reader | None") -> Relay | None:
        """What connects clients to devices, None where they may not."""
        proxy = self._proxy
        if not proxy.active_connections:
            return None
        rules = RelayRules(proxy.connection_allow_list, proxy.pairing_passkeys)
        database = ServiceDatabase(self._state_dir / SERVICES_FILE)
        return Relay(radio, database, rules=rules, tenant=reader)

    def _read(self, radio: Radio, reader: "Reader | None", entities: EntityStore) -> None:
        """What has to run for the readings; entities are defined before anybody can list them."""
        for remark in reader_remarks(self._configuration, demo=self._demo):
            _LOGGER.warning("%s", remark)
        if reader is None:
            if self._proxy.with_renogy_client:
                radio.listen(CandidateWatch().hear, patient=True)
            return
        if self._proxy.esphome_sensors:
            from renogybt.proxy.power import PowerEntities

            power = PowerEntities(
                entities,
                naming=self._proxy.entity_naming,
                switch_load=reader.switch_load if self._proxy.load_switch else None,
            )
            reader.add_sink(power)
            self._supervisor.add("load switches", power.run)
        self._supervisor.add("reader", reader.run)

    def _notify(self, radio: Radio, server: ProxyServer) -> None:
        """What has to run for systemd, if it wants to know how this service is."""
        if not self._notifier.wanted:
            return
        line = StatusLine(self._notifier.status, radio.status)
        radio.watch(line.on_radio)
        server.count_changes.add(line.on_clients)
        self._supervisor.add("start", partial(self._tell_ready, radio))
        self._supervisor.add("systemd", partial(self._notifier.run, self._supervisor.stuck))

    async def _tell_ready(self, radio: Radio) -> None:
        """Clients are served by now; a service without a radio is one that has started, too."""
        await _settled(radio)
        self._notifier.ready()

    def _say_ready(self, server: ProxyServer) -> None:
        host, port = server.addresses[0]
        if self._proxy.native_api_host is None:
            host = "*"
        _LOGGER.info(
            "ready: ESPHome API on %s:%d as %s (%s)%s",
            host,
            port,
            self._identity.name,
            _encryption_in_words(self._keys),
            " - DEMO, no real Bluetooth" if self._demo else "",
        )

    async def _announce(self, radio: Radio, server: ProxyServer) -> None:
        """After the radio and the API: nobody waits for the network."""
        if not self._proxy.mdns:
            return
        await _settled(radio)
        port = server.addresses[0][1]
        announcer = Announcer(self._identity, self._keys, port, self._proxy.mdns_addresses)
        leave = server.key_changes.add(lambda _: announcer.refresh())
        try:
            await announcer.run()
        finally:
            leave()


def _silent(radio: Radio, reader: "Reader | None") -> SilentPeripherals:
    """Those that are read; without connections nobody could ask for them."""
    if reader is None:
        return SilentPeripherals(radio, (), tuple)
    silent = SilentPeripherals(radio, reader.addresses, reader.linked)
    reader.add_sink(silent)
    return silent


def _encryption_in_words(keys: KeyStore) -> str:
    if keys.has_key:
        return f"encrypted, key in {keys.path}" if keys.settable else "encrypted"
    return "no key yet: the first Home Assistant sets one" if keys.settable else "not encrypted"


async def _settled(radio: Radio) -> None:
    """Until the radio runs, or has failed, or time is up."""
    settled = asyncio.Event()

    def look(status: ScannerStatus) -> None:
        if status.state in (ScannerState.RUNNING, ScannerState.FAILED):
            settled.set()

    stop = radio.watch(look)
    look(radio.status)
    try:
        async with asyncio.timeout(_SETTLE_S):
            await settled.wait()
    except TimeoutError:
        pass
    finally:
        stop()
