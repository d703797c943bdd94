import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.model.reading import DeviceType
from renogybt.protocols.advertising.summary import describe
from renogybt.protocols.renogy.identify import (
    SIGNS,
    is_renogy,
    kind_of_model,
    kind_of_name,
    likely_type,
)


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


NAMES = ("BT-TH-", "RNGRBP", "RNGPRO", "RNGC", "RNGRIU", "BTRIC", "RTMShunt300")
BASE = bytes.fromhex("fb349b5f8000008000100000")
SERVICES = (b"\xd0\xff", b"\xd0\xff\0\0", BASE + b"\xd0\xff\0\0")


def structure(kind: int, octets: bytes) -> bytes:
    return bytes((len(octets) + 1, kind)) + octets


padding = st.text(" \0", max_size=3)
names = st.builds(
    lambda kind, before, name, after: structure(kind, (before + name + after).encode()),
    st.sampled_from((8, 9)),
    padding,
    st.sampled_from(NAMES),
    st.one_of(padding, st.text(max_size=4)),
)
services = st.builds(
    lambda kind, more, uuid: structure(kind, len(uuid) * more + uuid),
    st.sampled_from((2, 3, 4, 5, 6, 7)),
    st.sampled_from((b"", b"\0")),
    st.sampled_from(SERVICES),
)


@given(st.lists(st.one_of(st.binary(max_size=40), names, services), max_size=4).map(b"".join))
def test_whatever_is_of_renogy_shows_signs_of_it(data: bytes) -> None:
    summary = describe(data)

    assert SIGNS.search(data) or not is_renogy(summary.name or "", summary.service_uuids)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_a_sign(name: str) -> None:
    assert SIGNS.search(structure(9, f"{name}1".encode()))


@pytest.mark.parametrize("uuid", SERVICES)
def test_the_service_is_a_sign_in_each_of_its_forms(uuid: bytes) -> None:
    data = structure({2: 3, 4: 5, 16: 7}[len(uuid)], uuid)

    assert is_renogy("", describe(data).service_uuids)
    assert SIGNS.search(data)


def test_most_advertisements_show_none() -> None:
    assert not SIGNS.search(structure(9, b"Thermometer") + structure(0xFF, bytes(range(26))))


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
