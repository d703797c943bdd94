"""A peripheral with GATT services, as data, with faults on request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fakes.bluez_filter import full_uuid
from renogybt.model.gatt import AttCode, AttError


@dataclass(frozen=True, slots=True)
class DescriptorAttribute:
    """A descriptor; its value is known to the server of the peripheral."""

    uuid: str
    handle: int


@dataclass(frozen=True, slots=True)
class Attribute:
    """A characteristic. `handle` is that of its declaration; the value has the next one."""

    uuid: str
    handle: int
    flags: tuple[str, ...]
    value: bytes = b""
    descriptors: tuple[DescriptorAttribute, ...] = ()


@dataclass(frozen=True, slots=True)
class AttributeGroup:
    """A primary service."""

    uuid: str
    handle: int
    attributes: tuple[Attribute, ...]


Notifications = Sequence[tuple[int, bytes]]
"""Handle of the declaration, and what is notified."""


class Server(Protocol):
    """What is behind the attributes; by the handles of values and of descriptors. Raises AttError."""

    def read(self, handle: int, *, encrypted: bool) -> bytes:
        """The whole value."""
        ...

    def write(self, handle: int, value: bytes, *, encrypted: bool) -> Notifications:
        """What is notified thereupon."""
        ...


def _silent(handle: int, value: bytes) -> Notifications:
    return ()


def _nobody(handle: int, value: bytes) -> None:
    """There is no link."""


@dataclass(slots=True)
class FakePeripheral:
    """Serves one central, and advertises while it has none and is switched on.

    `hangs`: an attempt to connect is neither refused nor ever made. `failures` are the errors of the
    next attempts. `resolves`: whether services are ever found. Without a `server` values stay as they are,
    and `on_write` says what is notified. `encrypted`: whether the link is, as a bond makes it.
    """

    address: str
    services: tuple[AttributeGroup, ...]
    on_write: Callable[[int, bytes], Notifications] = _silent
    server: Server | None = None
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
    read_s: float = 0.0
    """How long a read takes."""
    connected: bool = False
    encrypted: bool = False
    paired: bool = False
    """Whether there is a bond, which outlives the link."""
    pairs: bool = True
    passkey: int | None = None
    """Who pairs has to give it."""
    pairing_s: float | None = 0.002
    """How long pairing takes before the passkey is due; None: it never comes so far."""
    written: list[tuple[int, bytes, str]] = field(default_factory=list)
    """Handle of the declaration, value, and `command` or `request`."""
    notify: Callable[[int, bytes], None] = _nobody
    """Notify whoever has subscribed, while there is a link."""

    @property
    def advertises(self) -> bool:
        """Whether it can be heard."""
        return self.present and not (self.connected or self.taken)

    def read(self, handle: int) -> bytes:
        """A value or a descriptor; raises AttError."""
        if self.server is not None:
            return self.server.read(handle, encrypted=self.encrypted)
        attribute = self._attribute(handle)
        if "read" not in attribute.flags:
            raise AttError("not for reading", AttCode.READ_NOT_PERMITTED)
        return attribute.value

    def write(self, handle: int, value: bytes, kind: str) -> None:
        """A value or a descriptor; raises AttError, which nobody is told of a `command`."""
        if self.server is not None:
            told = self.server.write(handle, value, encrypted=self.encrypted)
        else:
            attribute = self._attribute(handle)
            if {"write", "write-without-response"}.isdisjoint(attribute.flags):
                raise AttError("not for writing", AttCode.WRITE_NOT_PERMITTED)
            self.written.append((attribute.handle, value, kind))
            told = self.on_write(attribute.handle, value)
        for notifier, notification in told:
            self.notify(notifier, notification)

    def _attribute(self, handle: int) -> Attribute:
        for each in (each for group in self.services for each in group.attributes):
            if each.handle + 1 == handle:
                return each
        raise AttError("no such handle", AttCode.INVALID_HANDLE)


def short(uuid: int) -> str:
    """A 16-bit UUID in full."""
    return full_uuid(f"{uuid:04x}")
