"""Power devices as entities: readings come in, states go out to Home Assistant."""

from collections.abc import Sequence
from typing import Protocol

from renogybt.config import EntityNaming
from renogybt.model.reading import DeviceHealth, PowerDevice, Reading, SwitchLoad
from renogybt.proxy.earlier_naming import show_earlier
from renogybt.proxy.entities import EntityStore, Layout, SwitchCommand
from renogybt.proxy.entity_kinds import Switch
from renogybt.proxy.load_switches import LoadSwitches
from renogybt.proxy.modern_naming import show_modern
from renogybt.proxy.shown import ShownDevice

_OWNER = "power devices"


class _Show(Protocol):
    def __call__(self, devices: Sequence[PowerDevice], *, switchable: bool) -> tuple[ShownDevice, ...]: ...


_NAMINGS: dict[EntityNaming, _Show] = {
    EntityNaming.MODERN: show_modern,
    EntityNaming.EARLIER: show_earlier,
}


class PowerEntities:
    """A ReadingSink that shows each device's values, and how reading it goes.

    Nothing is held: a value that is not in the latest reading is unknown, and all are while a device
    is not fresh. With `switch_load`, load outputs are switches; their commands are carried out while
    `run` runs.
    """

    def __init__(
        self, entities: EntityStore, *, naming: EntityNaming, switch_load: SwitchLoad | None = None
    ) -> None:
        self._entities = entities
        self._show = _NAMINGS[naming]
        self._loads = LoadSwitches(entities, switch_load) if switch_load is not None else None
        self._shown: dict[str, ShownDevice] = {}
        self._switches: dict[str, str] = {}
        """Object id -> key of the device."""
        entities.commands.add(self._on_command)

    def devices(self, devices: Sequence[PowerDevice]) -> None:
        """Define the entities of all devices; clients that have listed others have to connect anew."""
        shown = self._show(devices, switchable=self._loads is not None)
        self._shown = {each.key: each for each in shown}
        self._switches = {
            entity.object_id: each.key
            for each in shown
            for entity in each.entities
            if isinstance(entity, Switch)
        }
        layout = Layout(
            devices=tuple(each.device for each in shown if each.device is not None and each.entities),
            entities=tuple(entity for each in shown for entity in each.entities),
        )
        self._entities.define(_OWNER, layout)

    def reading(self, reading: Reading) -> None:
        """Publish the values of one device."""
        if (shown := self._shown.get(reading.device)) is not None:
            self._entities.publish_all(shown.states(reading.values))

    def health(self, health: DeviceHealth) -> None:
        """Publish how it goes with one device, and take back its values when they say nothing any more."""
        if (shown := self._shown.get(health.device)) is None:
            return
        states = shown.states_of_health(health)
        if not health.fresh:
            states |= shown.states({})
        self._entities.publish_all(states)

    async def run(self) -> None:
        """Carry out the commands of clients, until cancelled."""
        if self._loads is not None:
            await self._loads.run()

    def _on_command(self, command: SwitchCommand) -> None:
        device = self._switches.get(command.object_id)
        if device is not None and self._loads is not None:
            self._loads.ask(command.object_id, device, command.on)
