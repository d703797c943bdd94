"""A peripheral with GATT services, as data, with faults on request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fakes.bluez_filter import full_uuid


@dataclass(frozen=True, slots=True)
class Attribute:
    """A characteristic. `handle` is that of its declaration; the value has the next one."""

    uuid: str
    handle: int
    flags: tuple[str, ...]
    value: bytes = b""


@dataclass(frozen=True, slots=True)
class AttributeGroup:
    """A primary service."""

    uuid: str
    handle: int
    attributes: tuple[Attribute, ...]


Notifications = Sequence[tuple[int, bytes]]
"""Handle of the declaration, and what is notified."""


def _silent(handle: int, value: bytes) -> Notifications:
    return ()


@dataclass(slots=True)
class FakePeripheral:
    """Serves one central, and advertises while it has none and is switched on.

    `hangs`: an attempt to connect is neither refused nor ever made. `failures` are the errors of the
    next attempts. `resolves`: whether services are ever found.
    """

    address: str
    services: tuple[AttributeGroup, ...]
    on_write: Callable[[int, bytes], Notifications] = _silent
    address_type: str = "public"
    name: str = "BT-TH"
    mtu: int | None = 23
    present: bool = True
    taken: bool = False
    """Another central holds it."""
    hangs: bool = False
    resolves: bool = True
    failures: list[str] = field(default_factory=list)
    connect_s: float = 0.002
    resolve_s: float = 0.001
    disconnect_s: float = 0.002
    """BlueZ takes two seconds."""
    connected: bool = False
    written: list[tuple[int, bytes, str]] = field(default_factory=list)
    """Handle of the declaration, value, and `command` or `request`."""

    @property
    def advertises(self) -> bool:
        """Whether it can be heard."""
        return self.present and not (self.connected or self.taken)


def short(uuid: int) -> str:
    """A 16-bit UUID in full."""
    return full_uuid(f"{uuid:04x}")
