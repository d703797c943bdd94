"""The controller of one adapter, as BlueZ needs it."""

import asyncio
from dataclasses import asdict, dataclass
from typing import Any

from bumble import hci, ll
from bumble.controller import Controller

from neighbourhood.air import Air
from neighbourhood.broadcast import Broadcast
from neighbourhood.duplicates import DuplicateFilter


@dataclass(slots=True)
class Ears:
    """What an adapter made of the advertisements that others sent while it was plugged in.

    Each number is a part of the one before it: `audible` reached a working receiver, `heard`
    while it was scanning, `reported` passed the duplicate filter on the way to the host.
    """

    audible: int = 0
    heard: int = 0
    reported: int = 0


class Adapter(Controller):
    """Bumble's controller, with the gaps filled that BlueZ stumbles over, and with faults."""

    # Bumble has no extended scan commands in its list of supported commands, so the kernel scans
    # the legacy way; the features must not promise more.
    le_features = Controller.le_features & ~(
        hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
        | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
        | hci.LeFeatureMask.LL_PRIVACY
    )

    def __init__(self, name: str, air: Air, address: str, transport: Any, ears: Ears) -> None:
        super().__init__(
            name,
            host_source=transport.source,
            host_sink=transport.sink,
            link=air,
            public_address=hci.Address(address, hci.Address.PUBLIC_DEVICE_ADDRESS),
        )
        self.hung = False
        self.mute = False
        self.link_limit: int | None = None
        self._air = air
        self._ears = ears
        self._duplicates = DuplicateFilter()

    @property
    def can_hear(self) -> bool:
        """Whether an advertisement reaches the receiver, scanning or not."""
        return not (self.hung or self.mute)

    def stats(self) -> dict[str, Any]:
        """The counters and the state of the scan, for JSON."""
        return asdict(self._ears) | {
            "scanning": self.le_scan_enable,
            "active": self.le_scan_type == 1,
            "filter_duplicates": self._duplicates.enabled,
            "links": len(self.le_connections),
        }

    def hear(self, broadcast: Broadcast) -> None:
        """An advertisement arrives."""
        if not self.can_hear:
            return
        self._ears.audible += 1
        if self.le_scan_enable:
            self._ears.heard += 1
            if self._duplicates.passes(broadcast):
                self._report(broadcast)
        pending = self.pending_le_connection
        if (
            pending is not None
            and pending.peer_address == broadcast.address
            and self._air.accepts_connection(broadcast.address)
        ):
            self.create_le_connection(broadcast.address)

    def _report(self, broadcast: Broadcast) -> None:
        self._ears.reported += 1
        loop = asyncio.get_running_loop()
        for packet in broadcast.reports(self.le_scan_type == 1, self._air.rssi_dbm):
            # through the loop, behind the answers to commands that were given before
            loop.call_soon(self.host.on_packet, packet)

    def forget(self) -> None:
        """Lose the scan and all links, as after a reset or without power."""
        self.le_scan_enable = False
        self.pending_le_connection = None
        for connection in tuple(self.le_connections.values()):
            connection.send_ll_control_pdu(ll.TerminateInd(hci.HCI_CONNECTION_TIMEOUT_ERROR))
        self.le_connections.clear()

    def on_packet(self, packet: bytes) -> None:
        if not self.hung:
            super().on_packet(packet)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if not self.hung:
            super().send_hci_packet(packet)

    def on_hci_reset_command(self, command: Any) -> Any:
        # Bumble goes on scanning, and refuses the scan parameters after the next power-on
        self.forget()
        return super().on_hci_reset_command(command)

    def on_hci_le_set_scan_enable_command(self, command: Any) -> Any:
        self._duplicates.start(bool(command.le_scan_enable and command.filter_duplicates))
        return super().on_hci_le_set_scan_enable_command(command)

    def on_hci_le_create_connection_command(self, command: Any) -> Any:
        if self.link_limit is not None and len(self.le_connections) >= self.link_limit:
            self._send_hci_command_status(hci.HCI_CONNECTION_LIMIT_EXCEEDED_ERROR, command.op_code)
            return None
        return super().on_hci_le_create_connection_command(command)

    def on_hci_le_create_connection_cancel_command(self, command: Any) -> Any:
        # Bumble says yes and goes on connecting, and refuses every later attempt
        pending, self.pending_le_connection = self.pending_le_connection, None
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        cancelled = hci.HCI_LE_Connection_Complete_Event(
            status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
            connection_handle=0,
            role=hci.Role.CENTRAL,
            peer_address_type=pending.peer_address_type,
            peer_address=pending.peer_address,
            connection_interval=0,
            peripheral_latency=0,
            supervision_timeout=0,
            central_clock_accuracy=0,
        )
        asyncio.get_running_loop().call_soon(self.send_hci_packet, cancelled)
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)
