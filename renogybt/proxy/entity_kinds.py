"""The kinds of entities that this device shows: how each is listed, and how its state is told."""

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache
from typing import Any

from renogybt.protocols.esphome.messages import Message, api

State = float | str | bool | None
"""None: not known, which Home Assistant shows as such; numbers that are not finite count as None."""

TEXT_LIMIT = 255
"""Characters of a state that Home Assistant keeps; a longer one it would not show at all."""


class StateClass(IntEnum):
    """SensorStateClass of the API."""

    NONE = 0
    MEASUREMENT = 1
    TOTAL_INCREASING = 2
    TOTAL = 3


class Category(IntEnum):
    """EntityCategory of the API."""

    NONE = 0
    CONFIG = 1
    DIAGNOSTIC = 2


@lru_cache(maxsize=4096)
def fnv1a(text: str) -> int:
    """32-bit FNV-1a, which ESPHome makes its keys with."""
    value = 2_166_136_261
    for byte in text.encode():
        value = (value ^ byte) * 16_777_619 & 0xFFFF_FFFF
    return value


@dataclass(frozen=True, slots=True)
class SubDevice:
    """A device of its own in Home Assistant, behind this one; `device_id` is never 0."""

    device_id: int
    name: str

    def listing(self) -> Message:
        """DeviceInfo, a part of DeviceInfoResponse."""
        return api.DeviceInfo(device_id=self.device_id, name=self.name)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Entity(ABC):
    """What all entities have in common.

    Home Assistant builds its unique id from `device_id`, the kind and the name: a new name makes a new
    entity. `device_id` 0 is this device itself. Who wants a `disabled` one switches it on in Home Assistant.
    """

    object_id: str
    name: str
    icon: str = ""
    device_class: str = ""
    category: Category = Category.DIAGNOSTIC
    device_id: int = 0
    disabled: bool = False

    @property
    def key(self) -> int:
        """The number that ties a state to its entity: made of the object id."""
        return fnv1a(self.object_id)

    @abstractmethod
    def listing(self) -> Message:
        """The message that describes it."""

    def _listing(self, message: Any, **own: object) -> Message:
        return message(  # type: ignore[no-any-return]
            object_id=self.object_id,
            key=self.key,
            name=self.name,
            icon=self.icon,
            device_class=self.device_class,
            entity_category=int(self.category),
            device_id=self.device_id,
            disabled_by_default=self.disabled,
            **own,
        )


class StatefulEntity(Entity):
    """One that has a state."""

    __slots__ = ()

    @abstractmethod
    def state(self, value: State) -> Message:
        """The message that tells a state."""

    def missing(self, _last: Message) -> Message:
        """The message that the state is not known any more; `_last` is what was told before."""
        return self.state(None)

    def _state(self, message: Any, value: State) -> Message:
        if value is None:
            return message(key=self.key, device_id=self.device_id, missing_state=True)  # type: ignore[no-any-return]
        return message(key=self.key, device_id=self.device_id, state=value)  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class Sensor(StatefulEntity):
    """A number with its unit."""

    unit: str = ""
    decimals: int = 0
    state_class: StateClass = StateClass.MEASUREMENT

    def listing(self) -> Message:
        """ListEntitiesSensorResponse."""
        return self._listing(
            api.ListEntitiesSensorResponse,
            unit_of_measurement=self.unit,
            accuracy_decimals=self.decimals,
            state_class=int(self.state_class),
        )

    def state(self, value: State) -> Message:
        """SensorStateResponse."""
        finite = isinstance(value, (int, float)) and math.isfinite(value)
        return self._state(api.SensorStateResponse, value if finite else None)


@dataclass(frozen=True, slots=True)
class TextSensor(StatefulEntity):
    """A short text."""

    def listing(self) -> Message:
        """ListEntitiesTextSensorResponse."""
        return self._listing(api.ListEntitiesTextSensorResponse)

    def state(self, value: State) -> Message:
        """TextSensorStateResponse."""
        if value is None or (isinstance(value, float) and not math.isfinite(value)):
            return self._state(api.TextSensorStateResponse, None)
        text = str(value)
        if len(text) > TEXT_LIMIT:
            text = text[: TEXT_LIMIT - 1] + "…"
        return self._state(api.TextSensorStateResponse, text)


@dataclass(frozen=True, slots=True)
class BinarySensor(StatefulEntity):
    """Yes or no."""

    def listing(self) -> Message:
        """ListEntitiesBinarySensorResponse."""
        return self._listing(api.ListEntitiesBinarySensorResponse)

    def state(self, value: State) -> Message:
        """BinarySensorStateResponse."""
        return self._state(api.BinarySensorStateResponse, None if value is None else bool(value))


@dataclass(frozen=True, slots=True)
class Switch(StatefulEntity):
    """Something that clients may switch on and off."""

    def listing(self) -> Message:
        """ListEntitiesSwitchResponse."""
        return self._listing(api.ListEntitiesSwitchResponse)

    def state(self, value: State) -> Message:
        """SwitchStateResponse."""
        return self._state(api.SwitchStateResponse, None if value is None else bool(value))

    def missing(self, last: Message) -> Message:
        """With the position known last, for clients from before switches could be unknown."""
        position = last.state  # type: ignore[attr-defined]
        return api.SwitchStateResponse(  # type: ignore[no-any-return]
            key=self.key, device_id=self.device_id, state=position, missing_state=True
        )


@dataclass(frozen=True, slots=True)
class Button(Entity):
    """Something that clients may press; it has no state."""

    def listing(self) -> Message:
        """ListEntitiesButtonResponse."""
        return self._listing(api.ListEntitiesButtonResponse)
