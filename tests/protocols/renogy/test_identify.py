import pytest

from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy.identify import is_renogy, kind_of_model, kind_of_name, likely_type


@pytest.mark.parametrize(
    ("name", "likely"),
    [
        ("RNGRBP4821", DeviceType.BATTERY_PRO),
        ("RNGPRO12", DeviceType.BATTERY),
        ("RNGC0012", DeviceType.BATTERY),
        ("RNGRIU30", DeviceType.INVERTER),
        ("BTRIC1234", DeviceType.INVERTER),
        ("RTMShunt30012345", DeviceType.SHUNT),
        ("BT-TH-FD86824D", None),
        ("  BT-TH-FD86824D   ", None),
        ("Kitchen", None),
        ("", None),
    ],
)
def test_a_name_gives_a_type_where_it_leaves_no_choice(name: str, likely: DeviceType | None) -> None:
    assert likely_type(name) is likely


def test_a_bluetooth_module_may_sit_on_anything() -> None:
    guess = kind_of_name("BT-TH-FD86824D      ")

    assert guess is not None
    assert set(guess.types) >= {DeviceType.BATTERY, DeviceType.CONTROLLER, DeviceType.INVERTER}
    assert {255, 48, 49, 50, 51} <= set(guess.unit_ids)


@pytest.mark.parametrize("name", ["bt-th-fd86824d", "XBT-TH-1", "RNG", "TH-FD86824D"])
def test_other_names_say_nothing(name: str) -> None:
    assert kind_of_name(name) is None


@pytest.mark.parametrize(
    ("name", "uuids", "expected"),
    [
        ("BT-TH-FD86824D", [], True),
        ("RNGRBP1", ["180f"], True),
        ("", ["ffd0"], True),
        ("other", ["180f", "0000FFD0-0000-1000-8000-00805F9B34FB"], True),
        ("other", ["f000ffd0-0451-4000-b000-000000000000"], False),
        ("other", ["ffd1", "ffd5"], False),
        ("", [], False),
    ],
)
def test_renogy_is_known_by_name_or_by_whole_service(name: str, uuids: list[str], expected: bool) -> None:
    assert is_renogy(name, uuids) is expected


@pytest.mark.parametrize(
    ("model", "device_type"),
    [
        ("RBT50LFP48S", DeviceType.BATTERY),
        ("RBT100LFP12-BT", DeviceType.BATTERY),
        ("RNG-CTRL-RVR40", DeviceType.CONTROLLER),
        ("DCC50S", DeviceType.DC_CHARGER),
        ("RBC50D1S-G6", DeviceType.DC_CHARGER),
        ("RIV4835CSH1S", DeviceType.INVERTER),
    ],
)
def test_a_model_gives_the_type(model: str, device_type: DeviceType) -> None:
    guess = kind_of_model(model)

    assert guess is not None
    assert guess.types[0] is device_type


def test_an_unknown_model_gives_nothing() -> None:
    assert kind_of_model("MT4830") is None
