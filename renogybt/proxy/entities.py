"""The entities that this device shows, their states, and who wants to hear of changes."""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from renogybt.model.radio import Unsubscribe
from renogybt.model.subscribers import Subscribers
from renogybt.protocols.esphome.messages import Message
from renogybt.proxy.entity_kinds import Button, Entity, State, StatefulEntity, SubDevice, Switch

_LOGGER = logging.getLogger(__name__)

StateListener = Callable[[Sequence[Message]], None]

_OWN = "this device"


@dataclass(frozen=True, slots=True)
class Layout:
    """What one part of the program shows."""

    devices: tuple[SubDevice, ...] = ()
    entities: tuple[Entity, ...] = ()


@dataclass(frozen=True, slots=True)
class SwitchCommand:
    """What a client wants of the switch `object_id`."""

    object_id: str
    on: bool


@dataclass(frozen=True, slots=True)
class ButtonPress:
    """A client presses the button `object_id`."""

    object_id: str


class EntityStore:
    """All entities with their latest states; listeners get the messages of every change."""

    def __init__(self, entities: Sequence[Entity]) -> None:
        """With the entities of this device itself; ValueError when two of them have one key."""
        if len({entity.key for entity in entities}) != len(entities):
            raise ValueError("two entities with one key")
        self._parts: dict[str, Layout] = {}
        self._entities: dict[str, Entity] = {}
        self._stateful: dict[str, StatefulEntity] = {}
        self._by_key: dict[int, Entity] = {}
        self._states: dict[str, Message] = {}
        self._changes: Subscribers[Sequence[Message]] = Subscribers()
        self.layout = 0
        """Grows whenever other entities or devices are listed than before."""
        self.layout_changes: Subscribers[int] = Subscribers()
        """Told the new `layout`."""
        self.commands: Subscribers[SwitchCommand] = Subscribers()
        """Told what clients want switched."""
        self.presses: Subscribers[ButtonPress] = Subscribers()
        """Told what clients press."""
        self.define(_OWN, Layout(entities=tuple(entities)))

    def define(self, owner: str, layout: Layout) -> None:
        """Show these instead of what the owner has defined before; states of entities that stay are kept.

        An entity whose key is taken is left out, with a line in the log.
        """
        if self._parts.get(owner) == layout:
            return
        self._parts[owner] = layout
        before = self._stateful
        self._entities, self._stateful, self._by_key = {}, {}, {}
        for part in self._parts.values():
            for entity in part.entities:
                self._add(entity)
        self._states = {
            name: self._states[name] if _alike(before.get(name), entity) else entity.state(None)
            for name, entity in self._stateful.items()
        }
        self.layout += 1
        self.layout_changes.notify(self.layout)

    def _add(self, entity: Entity) -> None:
        if (other := self._by_key.get(entity.key)) is not None:
            _LOGGER.warning("%s is not shown: %s has its key", entity.object_id, other.object_id)
            return
        self._by_key[entity.key] = self._entities[entity.object_id] = entity
        if isinstance(entity, StatefulEntity):
            self._stateful[entity.object_id] = entity

    def publish(self, object_id: str, value: State) -> None:
        """Set a state; listeners hear of it when clients would see another one than before.

        KeyError where nothing of this object id has a state.
        """
        self._tell([object_id] if self._set(object_id, value) else [])

    def publish_all(self, values: Mapping[str, State]) -> None:
        """Set several states, and tell what has changed at once; unknown object ids are passed over."""
        known = self._stateful.keys()
        self._tell([name for name, value in values.items() if name in known and self._set(name, value)])

    def repeat_all(self, object_ids: Iterable[str]) -> None:
        """Tell states once more, for clients that expected others; unknown object ids are passed over."""
        self._tell([name for name in object_ids if name in self._stateful])

    def _set(self, object_id: str, value: State) -> bool:
        entity, last = self._stateful[object_id], self._states[object_id]
        message = entity.missing(last) if value is None else entity.state(value)
        self._states[object_id] = message
        return message != last

    def _tell(self, object_ids: Sequence[str]) -> None:
        if object_ids:
            self._changes.notify(tuple(self._states[name] for name in object_ids))

    def command(self, key: int, on: bool) -> bool:
        """Hand a client's command on; False when no switch has this key."""
        entity = self._by_key.get(key)
        if not isinstance(entity, Switch):
            return False
        self.commands.notify(SwitchCommand(entity.object_id, on))
        return True

    def press(self, key: int) -> bool:
        """Hand a client's press on; False when no button has this key."""
        entity = self._by_key.get(key)
        if not isinstance(entity, Button):
            return False
        self.presses.notify(ButtonPress(entity.object_id))
        return True

    def subscribe(self, listener: StateListener) -> Unsubscribe:
        """Every further change, as the messages that belong together."""
        return self._changes.add(listener)

    def devices(self) -> Iterator[SubDevice]:
        """The devices behind this one."""
        return (device for part in self._parts.values() for device in part.devices)

    def listings(self) -> Iterator[Message]:
        """One message per entity, in the order of their definition."""
        return (entity.listing() for entity in self._entities.values())

    def states(self) -> Iterator[Message]:
        """The state of now of each entity that has one."""
        return iter(self._states.values())

    def state(self, key: int) -> Message | None:
        """The state of the entity with this key, None where it has none."""
        entity = self._by_key.get(key)
        return None if entity is None else self._states.get(entity.object_id)


def _alike(before: StatefulEntity | None, after: StatefulEntity) -> bool:
    """Whether a state of the one is a state of the other."""
    return type(before) is type(after) and before is not None and before.device_id == after.device_id
