"""The demo's devices as the rest of the program sees them, by its own decoders."""

import pytest

from renogybt.model.quantity import Value
from renogybt.model.reading import DeviceType
from renogybt.protocols.modbus.replies import parse_reply
from renogybt.protocols.modbus.requests import ReadRequest
from renogybt.protocols.renogy.catalogue import is_raw, ordered
from renogybt.protocols.renogy.decode import decode
from renogybt.protocols.renogy.derive import derive
from renogybt.simulator.hub import HUB_ADDRESS
from renogybt.simulator.renogy import demo_devices, demo_layout
from renogybt.simulator.renogy_bus import RenogyBus

BLOCKS = {
    DeviceType.BATTERY: ((5000, 34), (5042, 11), (5100, 10), (5110, 22), (5223, 1)),
    DeviceType.CONTROLLER: ((0x0100, 34), (0x000C, 8), (0xE004, 1), (0x0014, 7)),
}
METERED = {"energy_in_kwh", "energy_out_kwh"}
UNITS = [(unit, device.device_type) for device in demo_devices() for unit in device.device_ids]


def reading(bus: RenogyBus, unit: int, device_type: DeviceType, now: float) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for register, count in BLOCKS[device_type]:
        request = ReadRequest(unit, register, count)
        reply = parse_reply(request, bus.truth(request.encode(), now))
        values.update(decode(device_type, register, reply.data))
    return derive(device_type, values)


def test_the_demo_has_four_batteries_and_a_controller_on_one_hub() -> None:
    batteries, controller = demo_devices(read_interval_s=5.0)

    assert batteries.device_ids == (48, 49, 50, 51)
    assert controller.device_ids == (96,)
    assert {batteries.mac_addr, controller.mac_addr} == {HUB_ADDRESS}
    assert {batteries.read_interval_s, controller.read_interval_s} == {5.0}
    assert batteries.alias != controller.alias


@pytest.mark.parametrize(("unit", "device_type"), UNITS)
def test_the_layout_names_all_that_a_reading_yields(unit: int, device_type: DeviceType) -> None:
    values = reading(RenogyBus(), unit, device_type, 100.0)
    layout = demo_layout()[f"{HUB_ADDRESS:012x}-{unit}"]

    shown = {name for name in values if not is_raw(name)}
    assert set(layout) - METERED == shown
    assert len(ordered(layout)) == len(layout)


def test_the_layout_has_every_unit_and_no_other() -> None:
    assert set(demo_layout()) == {f"6cb2fd86824d-{unit}" for unit, _ in UNITS}


@pytest.mark.parametrize("now", [60.0, 400.0, 1110.0, 2500.0])
@pytest.mark.parametrize("unit", [48, 51])
def test_the_decoders_read_the_physics_of_the_house(unit: int, now: float) -> None:
    bus = RenogyBus()
    values = reading(bus, unit, DeviceType.BATTERY, now)
    pack = bus.house.packs[unit - 48]

    assert values["current"] == pytest.approx(pack.current_a, abs=0.005)
    assert values["voltage"] == pytest.approx(pack.voltage_v, abs=0.05)
    assert values["remaining_charge"] == pytest.approx(pack.remaining_ah, abs=0.0005)
    assert values["battery_level"] == pytest.approx(100 * pack.share, abs=0.05)
    cells = pack.cell_voltages(bus.house.now)
    assert [values[f"cell_voltage_{number}"] for number in range(16)] == pytest.approx(cells, abs=0.05)
    assert [values[f"temperature_{number}"] for number in range(4)] == pytest.approx(
        pack.temperatures(), abs=0.05
    )
    assert values["problem"] is False


@pytest.mark.parametrize("now", [60.0, 400.0, 700.0, 1110.0])
def test_the_decoders_read_the_controller_of_the_house(now: float) -> None:
    bus = RenogyBus()
    values = reading(bus, 96, DeviceType.CONTROLLER, now)
    controller = bus.house.controller

    assert values["battery_voltage"] == pytest.approx(controller.voltage_v, abs=0.05)
    assert values["battery_current"] == pytest.approx(controller.charge_a, abs=0.005)
    assert values["pv_power"] == pytest.approx(controller.panel_w, abs=0.5)
    assert values["load_power"] == pytest.approx(controller.load_w, abs=0.5)
    assert values["power_generation_total"] == pytest.approx(controller.generated_wh, abs=0.5)
    assert values["charging_status"] == controller.stage.name.lower()
    assert values["load_status"] == "on"
    assert values["battery_type"] == "lithium"
