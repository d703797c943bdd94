import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.model.quantity import Value
from renogybt.protocols.renogy.catalogue import quantity
from renogybt.readers.bank import Member, combine

SOURCES = ("current", "power", "remaining_charge", "capacity", "energy_in_kwh", "energy_out_kwh")


def battery(unit_id: int, **changed: Value) -> Member:
    values: dict[str, Value] = {
        "cell_count": 16,
        "voltage": 52.8,
        "current": 1.5,
        "power": 79.2,
        "remaining_charge": 40.0,
        "capacity": 50.0,
        "energy_in_kwh": 12.5,
        "energy_out_kwh": 11.0,
        "cell_voltage_min": 3.2,
        "cell_voltage_max": 3.4,
        "temperature_min": 19.5,
        "temperature_max": 21.0,
    }
    return unit_id, values | changed


def without(member: Member, name: str) -> Member:
    unit_id, values = member
    return unit_id, {each: value for each, value in values.items() if each != name}


def test_the_bank_is_the_sum_of_its_batteries() -> None:
    combined = combine(
        [battery(48), battery(49, voltage=52.6, current=-0.5, power=-26.4, remaining_charge=10.0)]
    )
    assert combined == {
        "combined_voltage": pytest.approx(52.7),
        "combined_cell_count": 32,
        "combined_current": 1.0,
        "combined_power": pytest.approx(52.8),
        "combined_remaining_charge": 50.0,
        "combined_capacity": 100.0,
        "combined_energy_in_kwh": 25.0,
        "combined_energy_out_kwh": 22.0,
        "combined_charge_percentage": 50.0,
        **{
            f"battery_{unit_id}_{name}": value
            for unit_id in (48, 49)
            for name, value in (
                ("cell_voltage_min", 3.2),
                ("cell_voltage_max", 3.4),
                ("temperature_min", 19.5),
                ("temperature_max", 21.0),
            )
        },
    }


def test_a_large_battery_weighs_more_in_the_level() -> None:
    combined = combine(
        [battery(48, remaining_charge=50.0), battery(49, remaining_charge=0.0, capacity=150.0)]
    )
    assert combined["combined_charge_percentage"] == 25.0


@pytest.mark.parametrize("name", SOURCES)
def test_what_one_battery_lacks_the_bank_lacks(name: str) -> None:
    combined = combine([battery(48), without(battery(49), name), battery(50)])
    assert f"combined_{name}" not in combined
    assert len([each for each in combined if each.startswith("combined_")]) >= len(SOURCES) - 1


@pytest.mark.parametrize("name", ["remaining_charge", "capacity"])
def test_without_charge_or_capacity_of_one_there_is_no_level(name: str) -> None:
    assert "combined_charge_percentage" not in combine([battery(48), without(battery(49), name)])


def test_the_cells_of_one_battery_are_its_own_affair() -> None:
    combined = combine([battery(48), without(battery(49), "cell_voltage_min")])
    assert combined["battery_48_cell_voltage_min"] == 3.2
    assert "battery_49_cell_voltage_min" not in combined
    assert combined["battery_49_cell_voltage_max"] == 3.4


def test_no_batteries_are_no_bank() -> None:
    assert combine([]) == {}


def test_every_value_of_a_bank_is_a_quantity() -> None:
    for name in combine([battery(48), battery(51)]):
        assert quantity(name).name == name


@given(st.lists(st.tuples(st.floats(0, 400), st.floats(1, 400)), min_size=1, max_size=8))
def test_the_level_lies_between_the_fullest_and_the_emptiest(charges: list[tuple[float, float]]) -> None:
    members = [
        battery(unit_id, remaining_charge=remaining, capacity=capacity)
        for unit_id, (remaining, capacity) in enumerate(charges, 48)
    ]
    levels = [remaining / capacity * 100 for remaining, capacity in charges]
    level = combine(members)["combined_charge_percentage"]
    assert isinstance(level, float)
    assert min(levels) * (1 - 1e-9) <= level <= max(levels) * (1 + 1e-9)
