"""Builds the parts of a run from the configuration: the radio and the reader."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from renogybt.config import Configuration, Device, HomeAssistantProxy
from renogybt.model.advertisement import format_address, parse_address
from renogybt.model.radio import Radio, ScanMode
from renogybt.model.slots import DEFAULT_SLOTS, ConnectionSlots
from renogybt.proxy.identity import derived_address
from renogybt.service.supervisor import Work

if TYPE_CHECKING:
    from renogybt.readers.reader import Reader

_EARLIER_ENERGY = "energy_totals.json"
"""Where the earlier program has its totals: beside config.ini."""


def demo_adapter(mac: int) -> int:
    """The address of the demo's adapter: Home Assistant needs another one for each scanner it knows.

    Made from the device's own, so that it stays the same; marked as locally administered.
    """
    address = derived_address(f"demo adapter {mac:012x}")
    return address if address != mac else address ^ 1


def build_radio(
    proxy: HomeAssistantProxy,
    *,
    demo: bool,
    mac: int = 0,
    kept_adapter: int | None = None,
    state_dir: Path | None = None,
    restart_program: bool = False,
) -> Radio:
    """The radio of this run, of the device `mac`; `kept_adapter` is the address of the adapter used last.

    In `state_dir` it keeps what recovery has spent; without one it never resets the adapter by itself.
    `restart_program`: somebody starts the program again when it ends. Each room is imported only where it
    is used.
    """
    mode = proxy.scan_mode or ScanMode.ACTIVE
    slots = ConnectionSlots(proxy.connection_slots or DEFAULT_SLOTS)
    if demo:
        from renogybt.simulator.radio import DemoRadio

        radio = DemoRadio(demo_adapter(mac), slots=slots)
        radio.set_mode(mode)
        return radio
    from renogybt.bluetooth.budget import FILE, Budget, Limits
    from renogybt.bluetooth.radio import BlueZRadio
    from renogybt.bluetooth.rungs import Permissions
    from renogybt.bluetooth.watchdog import CareSettings

    adapter, health = proxy.adapter, proxy.health
    path = None if state_dir is None else state_dir / FILE
    return BlueZRadio(
        adapter=parse_address(adapter) if adapter and ":" in adapter else adapter,
        kept_adapter=kept_adapter,
        source=proxy.advertisement_source,
        mode=mode,
        lock_path=proxy.scan_lock,
        slots=slots,
        budget=Budget(path, Limits(resets=health.reset_limit)),
        permissions=Permissions(
            resets=health.reset_adapter and state_dir is not None,
            reset_hardware=health.reset_adapter and health.reset_hardware,
            restart_bluetoothd=health.reset_adapter and health.restart_bluetooth,
            restart_program=restart_program,
        ),
        care=CareSettings(ceiling_s=health.threshold_s, look_s=health.check_interval_s),
    )


def build_reader(
    configuration: Configuration, radio: Radio, *, demo: bool, state_dir: Path | None = None
) -> "Reader | None":
    """The reader of this run, None where there is nothing to read; without `state_dir` it keeps nothing."""
    data, proxy = configuration.data, configuration.proxy
    devices = devices_to_read(configuration, demo=demo)
    if not devices:
        return None
    from renogybt.readers.reader import Reader
    from renogybt.readers.settings import ReaderSettings

    path = configuration.path
    reader = Reader(
        radio,
        devices,
        ReaderSettings(
            read_timeout_s=data.read_timeout_s,
            temperature_unit=data.temperature_unit,
            fields=data.fields,
            keep_connection=proxy.keep_connection,
            load_switch=proxy.load_switch,
            once=not data.enable_polling,
        ),
        state_dir=state_dir,
        import_energy_from=None if demo or path is None else path.parent / _EARLIER_ENERGY,
    )
    if demo:
        from renogybt.simulator.renogy import demo_layout

        reader.seed(demo_layout())
    return reader


def reader_remarks(configuration: Configuration, *, demo: bool) -> Iterator[str]:
    """What of the configuration does not lead where its author thinks; a line each."""
    devices = devices_to_read(configuration, demo=demo)
    if not devices:
        return
    from renogybt.readers.present import unknown_fields

    for unknown in unknown_fields(configuration.data.fields):
        nearest = f"; did you mean {' or '.join(unknown.nearest)}?" if unknown.nearest else ""
        yield f"[data] fields: no device has a value {unknown.name!r}, left out{nearest}"
    if demo and (absent := [each for each in configuration.devices if each not in devices]):
        names = ", ".join(format_address(each.mac_addr) for each in absent if each.mac_addr is not None)
        yield f"the demo has no device at {names}; it shows its own hub instead"


def devices_to_read(configuration: Configuration, *, demo: bool) -> tuple[Device, ...]:
    """What the configuration names; in the demo its hub, as configured if it is."""
    if not configuration.proxy.with_renogy_client:
        return ()
    if not demo:
        return configuration.devices
    from renogybt.simulator.hub import HUB_ADDRESS
    from renogybt.simulator.renogy import READ_INTERVAL_S, demo_devices

    there = tuple(device for device in configuration.devices if device.mac_addr == HUB_ADDRESS)
    return there or demo_devices(min(configuration.proxy.renogy_read_interval_s, READ_INTERVAL_S))


@asynccontextmanager
async def background(work: Sequence[Work]) -> AsyncIterator[None]:
    """Runs these beside the body; the first failure of one ends all, the end of the body too."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(each()) for each in work]
        yield
        for task in tasks:
            task.cancel()
