from protocols.renogy.vectors import words

from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy.decode import decode


def test_the_charging_current_of_an_inverter_has_a_sign() -> None:
    values = decode(DeviceType.INVERTER, 4327, words(90, -105, 505, 21, 106, 2, 54))

    assert values == {
        "battery_percentage": 90,
        "charging_current": -10.5,
        "solar_voltage": 50.5,
        "solar_current": 2.1,
        "solar_power": 106,
        "charging_status": "constant voltage",
        "charging_power": 54,
    }


def test_the_load_current_of_an_inverter_has_its_old_name_too() -> None:
    assert decode(DeviceType.INVERTER, 4408, words(31, 350, 400, 0, 12, 10)) == {
        "load_current": 3.1,
        "load_curent": 3.1,
        "load_active_power": 350,
        "load_apparent_power": 400,
        "line_charging_current": 1.2,
        "load_percentage": 10,
    }
