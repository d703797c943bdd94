"""What is read from power devices, and the port to those who want to know."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from renogybt.model.quantity import Quantity, Value


class DeviceType(Enum):
    """The types of Renogy devices, by the names that existing files hold."""

    CONTROLLER = "RNG_CTRL"
    CONTROLLER_HISTORY = "RNG_CTRL_HIST"
    BATTERY = "RNG_BATT"
    BATTERY_PRO = "RNG_BATT_PRO"
    INVERTER = "RNG_INVT"
    DC_CHARGER = "RNG_DCC"
    SHUNT = "RNG_SHNT"


class Role(Enum):
    """What a power device is to its owner."""

    BATTERY = "battery"
    CONTROLLER = "controller"
    DC_CHARGER = "dc_charger"
    INVERTER = "inverter"
    SHUNT = "shunt"
    BANK = "bank"


class LinkState(Enum):
    """How the way to a device is."""

    DISCONNECTED = "disconnected"
    CONNECTING = "connecting"
    CONNECTED = "connected"


@dataclass(frozen=True, slots=True)
class PowerDevice:
    """One battery, charger or inverter, or all batteries of an alias together (Role.BANK).

    `key` is unique and the same after a restart: it names the device in files. `alias` is the
    configured name, may be empty. `unit_id` and `address` are None for a bank. `quantities` are
    those that the device is known to have, in the order to show them; `model` is empty until read.
    """

    key: str
    role: Role
    alias: str
    quantities: tuple[Quantity, ...]
    unit_id: int | None = None
    address: int | None = None
    model: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """The values of one device from one round that can be trusted, rounded, in the units of its quantities.

    `taken_at` is in monotonic seconds. A value that is missing was not read or not believed.
    """

    device: str
    taken_at: float
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class DeviceHealth:
    """How the reading of one device goes.

    `fresh` is false from 2.5 intervals after the last good reading on, and before the first: its
    values then say nothing. `last_good` is the wall time of the last good reading, in seconds since
    the epoch. `failed` and `held_back` count since the start: rounds without a good reading, values that
    were not believed. `trouble` is one line on what is wrong now, empty when nothing is. `rssi` is in dBm.
    """

    device: str
    fresh: bool = False
    link: LinkState = LinkState.DISCONNECTED
    last_good: float | None = None
    failed: int = 0
    held_back: int = 0
    rssi: int | None = None
    trouble: str = ""


class ReadingSink(Protocol):
    """Somebody who wants readings. All calls come from the event loop, must not block and must not raise."""

    def devices(self, devices: Sequence[PowerDevice]) -> None:
        """All devices there are, once before the first reading and again whenever one of them has changed."""
        ...

    def reading(self, reading: Reading) -> None:
        """A good reading."""
        ...

    def health(self, health: DeviceHealth) -> None:
        """How it goes with one device; after each round, and when `fresh` or `link` has changed."""
        ...


SwitchLoad = Callable[[str, bool], Awaitable[None]]
"""Switch the load output of the device with this key; raises a RenogyBTError that says why not."""
