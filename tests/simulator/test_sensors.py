"""Each format at its edges, read again by a decoder that knows the simulator not."""

import pytest
from simulator.decoders import Climate, bthome, govee_h5075, ruuvi_5, switchbot_meter

from renogybt.simulator.sensors import (
    Measurement,
    encode_bthome,
    encode_govee,
    encode_ruuvi,
    encode_switchbot,
)

EDGES = [
    Measurement(0, 21.5, 45.3, 87),
    Measurement(256, -0.3, 0.0, 0),
    Measurement(70_000, -12.4, 99.9, 100),
    Measurement(255, 0.0, 50.0, 50),
]


@pytest.mark.parametrize("measured", EDGES)
def test_bthome_carries_hundredths_and_a_packet_id_of_one_octet(measured: Measurement) -> None:
    packet_id, climate = bthome(encode_bthome(measured))

    assert packet_id == measured.number % 256
    assert climate == pytest.approx(measured[1:])


def test_the_example_of_the_bthome_specification() -> None:
    assert encode_bthome(Measurement(9, 25.06, 50.55, 97)).hex() == "400009016102ca0903bf13"


@pytest.mark.parametrize("measured", EDGES)
def test_govee_carries_tenths(measured: Measurement) -> None:
    assert govee_h5075(encode_govee(measured)) == pytest.approx(measured[1:])


def test_an_advertisement_that_a_real_h5075_sent() -> None:
    assert govee_h5075(bytes.fromhex("0003215d6400")) == Climate(20.5, 14.9, 100)
    assert encode_govee(Measurement(1, 20.5, 14.9, 100)).hex() == "0003215d6400"


@pytest.mark.parametrize("measured", EDGES)
def test_switchbot_carries_tenths_and_whole_percents(measured: Measurement) -> None:
    expected = (measured.temperature_c, round(measured.humidity_percent), measured.battery_percent)

    assert switchbot_meter(encode_switchbot(measured)) == pytest.approx(expected)


@pytest.mark.parametrize("measured", EDGES)
def test_ruuvi_carries_its_own_address(measured: Measurement) -> None:
    found = ruuvi_5(encode_ruuvi(measured, 0xCBB8334C884F))

    assert found.address == 0xCBB8334C884F
    assert found.sequence == measured.number % 65_536
    assert found.tx_power_dbm == 4
    assert found.pressure_pa == 101_325
    assert found.acceleration_mg == (4, -4, 1036)
    assert found.climate == pytest.approx(
        (measured.temperature_c, measured.humidity_percent, 2500 + 6 * measured.battery_percent)
    )
