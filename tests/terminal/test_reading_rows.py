"""One reading in a few rows."""

import pytest
from terminal.outcomes import BATTERY, CONTROLLER, outcome

from renogybt.model.quantity import Quantity, Value
from renogybt.model.reading import PowerDevice, Reading, Role
from renogybt.terminal.reading_rows import cell_bars, rows

BARS = "12345678"


def shown(values: dict[str, Value], *quantities: Quantity) -> list[tuple[str, str]]:
    device = PowerDevice("key", Role.BATTERY, "", quantities)
    return [(row.title, row.text) for row in rows(device, Reading("key", 1.0, values), BARS)]


def test_the_main_values_come_first_and_diagnostics_not_at_all() -> None:
    found = outcome(BATTERY)
    assert found.reading is not None

    assert [(row.title, row.text) for row in rows(found.device, found.reading, BARS)] == [
        ("Level", "99.6 %"),
        ("Battery", "50.4 V, 3.26 A, 164.3 W"),
        ("Charge", "49.796 Ah of 49.997 Ah"),
        (
            "4 cells",
            "4464  3.3 to 3.4 V, difference 0.1 V".replace("4464", cell_bars([3.3, 3.3, 3.4, 3.3], BARS)),
        ),
        ("Temperatures", "21.5, -3.0 °C"),
        ("Energy charged", "1.234 kWh"),
        ("Problems", "none"),
    ]


def test_a_controller_has_sun_and_load() -> None:
    found = dict(shown(CONTROLLER))

    assert found["Solar"] == "92.4 V, 4.07 A, 376 W"
    assert found["Load"] == "off"
    assert found["Charging"] == "mppt"
    assert found["Controller temperature"] == "31 °C"
    assert found["Energy generated today"] == "1754 Wh"
    assert "Problems" not in found


def test_every_value_that_is_not_diagnostic_is_shown_once() -> None:
    text = " ".join(f"{title} {each}" for title, each in shown(CONTROLLER))

    for value in CONTROLLER.values():
        assert text.count(str(value).removesuffix(".0")) == 1, value


def test_the_unit_is_that_of_the_device() -> None:
    fahrenheit = Quantity("temperature_0", "Temperature 1", "°F", "temperature", decimals=1)

    assert shown({"temperature_0": 70.7}, fahrenheit) == [("Temperatures", "70.7 °F")]


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"problem": True, "problems": ("short circuit", "cell 3 low")}, "short circuit, cell 3 low"),
        ({"problem": True}, "yes, without a name"),
        ({"error": "solar_over_voltage"}, "solar_over_voltage"),
    ],
)
def test_problems_are_named_and_alarming(values: dict[str, Value], text: str) -> None:
    device = PowerDevice("key", Role.BATTERY, "", ())
    (row,) = rows(device, Reading("key", 1.0, values), BARS)

    assert (row.title, row.text, row.alarming) == ("Problems", text, True)


@pytest.mark.parametrize(
    ("voltages", "bars"),
    [
        ([3.3, 3.3], "55"),  # alike: all in the middle
        ([3.3, 3.4], "46"),  # one step of the register shows, and does not alarm
        ([2.5, 3.0, 3.5], "158"),
        ([0.0], "5"),
        ([0.0, 65.535], "18"),
    ],
)
def test_bars_show_drift_and_not_the_level(voltages: list[float], bars: str) -> None:
    assert cell_bars(voltages, BARS) == bars
