"""The air: what one sends, the others hear at once and without loss."""

import asyncio
from collections import Counter
from typing import Any, Protocol

from bumble import ll
from bumble.core import PhysicalTransport
from bumble.hci import Address
from bumble.link import LocalLink

from neighbourhood.broadcast import Broadcast, Kind

DEFAULT_RSSI_DBM = -60


class Receiver(Protocol):
    """An adapter, as the air knows it."""

    @property
    def can_hear(self) -> bool:
        """Whether an advertisement reaches it, scanning or not."""

    def hear(self, broadcast: Broadcast) -> None:
        """An advertisement arrives."""


class Air(LocalLink):
    """Bumble's link between controllers, made fit for BlueZ, and for advertisers without a controller.

    `sent` counts advertisements by the name of their source; `audible` those that at least one
    adapter could hear, scanning or not.
    """

    def __init__(self) -> None:
        super().__init__()
        self.adapters: set[Receiver] = set()
        self.refusing: set[Address] = set()
        self.rssi_dbm = DEFAULT_RSSI_DBM
        self.sent: Counter[str] = Counter()
        self.audible = 0

    def broadcast(self, source: str, broadcast: Broadcast) -> None:
        """Let all adapters hear an advertisement."""
        self.sent[source] += 1
        self.audible += any(adapter.can_hear for adapter in self.adapters)
        for adapter in tuple(self.adapters):
            adapter.hear(broadcast)

    def accepts_connection(self, address: Address) -> bool:
        """Whether somebody advertises with this address now and lets others connect."""
        return address not in self.refusing and any(
            advertiser.enabled and advertiser.address == address
            for controller in self.controllers
            for advertiser in (controller.le_legacy_advertiser, *controller.advertising_sets.values())
        )

    def send_advertising_pdu(self, sender_controller: Any, packet: ll.AdvertisingPdu) -> None:
        if isinstance(packet, ll.ConnectInd):
            # takes effect at once: two adapters that wait for one device must not both get it
            for controller in tuple(self.controllers):
                if controller is not sender_controller:
                    controller.on_ll_advertising_pdu(packet)
        elif isinstance(packet, ll.AdvInd | ll.AdvExtInd):
            broadcast = Broadcast(packet.advertiser_address, Kind.CONNECTABLE, packet.data)
            # later, for a sender's timer does not expect to be connected while it runs
            asyncio.get_running_loop().call_soon(self.broadcast, sender_controller.name, broadcast)

    def send_acl_data(
        self, sender_controller: Any, destination_address: Address, transport: PhysicalTransport, data: bytes
    ) -> None:
        # Bumble names the sender's random address as the source. BlueZ connects with its public
        # one, and the data would belong to no connection.
        if transport != PhysicalTransport.LE:
            super().send_acl_data(sender_controller, destination_address, transport, data)
            return
        connection = sender_controller.le_connections.get(destination_address)
        receiver = self.find_le_controller(destination_address)
        if connection and receiver:
            asyncio.get_running_loop().call_soon(
                receiver.on_link_acl_data, connection.self_address, transport, data
            )
