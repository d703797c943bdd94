"""The entities that this device shows, their states, and who wants to hear of changes."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

from renogybt.model.radio import Unsubscribe
from renogybt.model.subscribers import Subscribers
from renogybt.protocols.esphome.messages import Message, api

State = float | str | None
"""None: not known, which Home Assistant shows as such; numbers that are not finite count as None."""


class StateClass(IntEnum):
    """SensorStateClass of the API."""

    NONE = 0
    MEASUREMENT = 1
    TOTAL_INCREASING = 2


class Category(IntEnum):
    """EntityCategory of the API."""

    NONE = 0
    CONFIG = 1
    DIAGNOSTIC = 2


@dataclass(frozen=True, slots=True)
class Entity:
    """What sensors of numbers and of text have in common.

    Home Assistant builds its unique id from the name: a new name makes a new entity.
    """

    object_id: str
    name: str
    icon: str = ""
    device_class: str = ""
    category: Category = Category.DIAGNOSTIC

    @property
    def key(self) -> int:
        """The number that ties a state to its entity: 32-bit FNV-1a of the object id."""
        value = 2_166_136_261
        for byte in self.object_id.encode():
            value = (value ^ byte) * 16_777_619 & 0xFFFF_FFFF
        return value


@dataclass(frozen=True, slots=True)
class Sensor(Entity):
    """A number with its unit."""

    unit: str = ""
    decimals: int = 0
    state_class: StateClass = StateClass.MEASUREMENT

    def listing(self) -> Message:
        """ListEntitiesSensorResponse."""
        return api.ListEntitiesSensorResponse(  # type: ignore[no-any-return]
            object_id=self.object_id,
            key=self.key,
            name=self.name,
            icon=self.icon,
            unit_of_measurement=self.unit,
            accuracy_decimals=self.decimals,
            device_class=self.device_class,
            state_class=int(self.state_class),
            entity_category=int(self.category),
        )

    def state(self, value: State) -> Message:
        """SensorStateResponse."""
        if isinstance(value, (int, float)) and math.isfinite(value):
            return api.SensorStateResponse(key=self.key, state=value)  # type: ignore[no-any-return]
        return api.SensorStateResponse(key=self.key, missing_state=True)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class TextSensor(Entity):
    """A short text."""

    def listing(self) -> Message:
        """ListEntitiesTextSensorResponse."""
        return api.ListEntitiesTextSensorResponse(  # type: ignore[no-any-return]
            object_id=self.object_id,
            key=self.key,
            name=self.name,
            icon=self.icon,
            device_class=self.device_class,
            entity_category=int(self.category),
        )

    def state(self, value: State) -> Message:
        """TextSensorStateResponse."""
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return api.TextSensorStateResponse(key=self.key, missing_state=True)  # type: ignore[no-any-return]
        return api.TextSensorStateResponse(key=self.key, state=str(value))  # type: ignore[no-any-return]


AnyEntity = Sensor | TextSensor
StateListener = Callable[[Message], None]


class EntityStore:
    """All entities with their latest states; listeners get a message for every change."""

    def __init__(self, entities: Sequence[AnyEntity]) -> None:
        self._entities = {entity.object_id: entity for entity in entities}
        if len({entity.key for entity in entities}) != len(entities):
            raise ValueError("two entities with one key")
        self._states = {name: entity.state(None) for name, entity in self._entities.items()}
        self._changes: Subscribers[Message] = Subscribers()

    def publish(self, object_id: str, value: State) -> None:
        """Set a state; listeners hear of it when clients would see another one than before."""
        message = self._entities[object_id].state(value)
        if self._states[object_id] != message:
            self._states[object_id] = message
            self._changes.notify(message)

    def subscribe(self, listener: StateListener) -> Unsubscribe:
        """Every further change as a message."""
        return self._changes.add(listener)

    def listings(self) -> Iterator[Message]:
        """One message per entity, in the order of their definition."""
        return (entity.listing() for entity in self._entities.values())

    def states(self) -> Iterator[Message]:
        """One message per entity with its state of now."""
        return iter(self._states.values())
