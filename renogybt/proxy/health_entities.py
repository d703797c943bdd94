"""The diagnostic entities of a power device: how reading it goes."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from renogybt.model.reading import DeviceHealth, LinkState
from renogybt.proxy.entity_kinds import BinarySensor, Entity, Sensor, State, StateClass, TextSensor
from renogybt.proxy.quantity_entities import NOTHING
from renogybt.proxy.shown import ShownHealth, Spot


def _last_good(health: DeviceHealth) -> State:
    if health.last_good is None:
        return None
    return datetime.fromtimestamp(health.last_good, UTC).isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class _Row:
    entity: Entity
    state: Callable[[DeviceHealth], State]


_ROWS = (
    _Row(TextSensor("last_good_reading", "Last good reading", device_class="timestamp"), _last_good),
    _Row(
        Sensor(
            "failed_readings",
            "Failed readings",
            icon="mdi:alert-outline",
            state_class=StateClass.TOTAL_INCREASING,
        ),
        lambda health: health.failed,
    ),
    _Row(
        Sensor(
            "values_held_back",
            "Values held back",
            icon="mdi:filter-outline",
            state_class=StateClass.TOTAL_INCREASING,
        ),
        lambda health: health.held_back,
    ),
    _Row(
        BinarySensor("link", "Link", device_class="connectivity"),
        lambda health: health.link is LinkState.CONNECTED,
    ),
    _Row(
        Sensor("signal_strength", "Signal strength", device_class="signal_strength", unit="dBm"),
        lambda health: health.rssi,
    ),
    _Row(
        TextSensor("trouble", "Trouble", icon="mdi:message-alert-outline"),
        lambda health: health.trouble or NOTHING,
    ),
)


def health_at(spot: Spot) -> tuple[ShownHealth, ...]:
    """The entities of one device."""
    return tuple(
        ShownHealth(
            replace(
                row.entity,
                object_id=spot.object_prefix + row.entity.object_id,
                name=spot.name_prefix + row.entity.name,
                device_id=spot.device_id,
            ),
            row.state,
        )
        for row in _ROWS
    )
