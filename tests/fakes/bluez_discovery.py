"""Who discovers on an adapter: one session per D-Bus sender (bluez src/adapter.c)."""

import asyncio
from collections.abc import Mapping

from dbus_fast import Variant

from fakes.bluez_errors import failed, in_progress
from fakes.bluez_filter import DiscoveryFilter, MergedFilter, parse_filter


class DiscoverySessions:
    """The sessions of an adapter, the filters of senders, and what a crash left in the kernel."""

    def __init__(self) -> None:
        self._senders: list[str] = []
        self._filters: dict[str, DiscoveryFilter] = {}
        self._orphaned_until_s = 0.0

    @property
    def active(self) -> bool:
        """Whether anybody discovers."""
        return bool(self._senders)

    @property
    def orphaned(self) -> bool:
        """Whether the kernel still discovers for a bluetoothd that is gone."""
        return asyncio.get_running_loop().time() < self._orphaned_until_s

    @property
    def owners(self) -> dict[str, DiscoveryFilter | None]:
        """Each sender that discovers, with its filter."""
        return {sender: self._filters.get(sender) for sender in self._senders}

    @property
    def filters(self) -> dict[str, DiscoveryFilter]:
        """Each sender that has set a filter, discovering or not."""
        return dict(self._filters)

    @property
    def merged(self) -> MergedFilter:
        """What the sessions want together."""
        return MergedFilter(tuple(self.owners.values()))

    def start(self, sender: str) -> None:
        """Begin a session; raises CallError."""
        if sender in self._senders or self.orphaned:
            raise in_progress()
        self._senders.append(sender)

    def stop(self, sender: str) -> None:
        """End the session of the caller, whose filter stays; raises CallError."""
        if sender not in self._senders:
            raise failed("No discovery started")
        self._senders.remove(sender)

    def set_filter(self, sender: str, arguments: Mapping[str, Variant]) -> None:
        """Set or, with no arguments, remove the filter of the caller; raises CallError."""
        parsed = parse_filter(arguments)
        if parsed is None:
            self._filters.pop(sender, None)
        else:
            self._filters[sender] = parsed

    def vanish(self, sender: str) -> None:
        """The connection of a sender is gone, and its session and filter with it."""
        self._filters.pop(sender, None)
        if sender in self._senders:
            self._senders.remove(sender)

    def power_off(self) -> None:
        """Every session and every filter goes, and the discovery in the kernel too."""
        self._senders.clear()
        self._filters.clear()
        self._orphaned_until_s = 0.0

    def lose_daemon(self, orphan_s: float) -> None:
        """bluetoothd is gone; the kernel goes on discovering for `orphan_s`."""
        orphaned_until_s = self._orphaned_until_s
        if self._senders and orphan_s > 0:
            orphaned_until_s = asyncio.get_running_loop().time() + orphan_s
        self.power_off()
        self._orphaned_until_s = orphaned_until_s

    def end_orphan(self) -> None:
        """The kernel ends a discovery that has no bluetoothd any more."""
        self._orphaned_until_s = 0.0
