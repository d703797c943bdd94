"""How a power device is shown: its entities, and where each takes its state from."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceHealth
from renogybt.proxy.entity_kinds import Entity, State, SubDevice

Values = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Spot:
    """Where an entity goes: the device, and what its object id and its name begin with."""

    device_id: int
    object_prefix: str
    name_prefix: str = ""


@dataclass(frozen=True, slots=True)
class ShownValue:
    """An entity whose state comes from the values of a reading."""

    entity: Entity
    state: Callable[[Values], State]


@dataclass(frozen=True, slots=True)
class ShownHealth:
    """An entity that tells how reading goes."""

    entity: Entity
    state: Callable[[DeviceHealth], State]


@dataclass(frozen=True, slots=True)
class ShownDevice:
    """`key` is that of the power device; `device` is None when its entities are on this device itself."""

    key: str
    device: SubDevice | None
    values: tuple[ShownValue, ...]
    health: tuple[ShownHealth, ...]

    @property
    def entities(self) -> tuple[Entity, ...]:
        """All of them, in the order to show them."""
        return (*(each.entity for each in self.values), *(each.entity for each in self.health))

    def states(self, values: Values) -> dict[str, State]:
        """The states after a reading; what it does not hold is not known."""
        return {shown.entity.object_id: shown.state(values) for shown in self.values}

    def states_of_health(self, health: DeviceHealth) -> dict[str, State]:
        """The states of what tells how reading goes."""
        return {shown.entity.object_id: shown.state(health) for shown in self.health}
