"""[device] and [device:NAME]: which devices there are, and which cannot be read side by side."""

from pathlib import Path

import pytest

from renogybt.config import Device, DeviceType, default_configuration, load_configuration
from renogybt.config.structure import section_of

HUB = "6C:B2:FD:86:82:4D"
ROVER = "80:6F:B0:12:34:56"
ROW_OF_IDS = {"one": range(1, 2), "a bank": range(48, 52), "the most": range(48, 64)}


def section(name: str, address: str = HUB, type_: str = "RNG_BATT", **keys: object) -> str:
    lines = [f"[{name}]", f"mac_addr = {address}", f"type = {type_}"]
    return "\n".join([*lines, *(f"{key} = {value}" for key, value in keys.items()), ""])


def proxy(**keys: object) -> str:
    return "\n".join(["[home_assistant_proxy]", *(f"{key} = {value}" for key, value in keys.items()), ""])


def test_nothing_is_read_without_a_device(load):
    assert load("").devices == ()
    assert load("").device.device_ids == (255,)


def test_one_device_is_the_section_device(load):
    configuration = load(section("device", alias="house", adapter="hci1"))
    assert configuration.devices == (configuration.device,)
    assert configuration.device == Device(
        name="",
        adapter="hci1",
        mac_addr=0x6CB2FD86824D,
        alias="house",
        device_type=DeviceType.BATTERY,
        device_ids=(255,),
        read_interval_s=60.0,
    )
    assert configuration.warnings == ()


@pytest.mark.parametrize("ids", ROW_OF_IDS.values(), ids=ROW_OF_IDS)
def test_a_hub_has_up_to_sixteen_ids(load, ids):
    text = section("device", device_id=",".join(map(str, ids)))
    assert load(text).devices[0].device_ids == tuple(ids)


def test_devices_come_in_the_order_of_the_file(load):
    text = (
        section("device:solar", ROVER, "RNG_CTRL") + section("device") + section("device:b", "80" + HUB[2:])
    )
    configuration = load(text)
    assert [device.name for device in configuration.devices] == ["solar", "", "b"]
    assert configuration.device == configuration.devices[1]


def test_the_name_of_the_section_is_the_alias_where_there_is_no_other(load):
    text = section("device:my roof", ROVER) + section("device:b", alias="house")
    assert [device.alias for device in load(text).devices] == ["my roof", "house"]


def test_all_devices_have_the_adapter_of_the_first_section(load):
    text = section("device", adapter="hci1") + section("device:solar", ROVER)
    assert [device.adapter for device in load(text).devices] == ["hci1", "hci1"]


def test_a_shunt_has_no_id_whatever_is_written(load):
    assert load(section("device", type_="RNG_SHNT")).devices[0].device_ids == (0,)
    assert load(section("device", type_="RNG_SHNT", device_id="48,49")).devices[0].device_ids == (0,)


def test_the_path_of_the_file_is_known(tmp_path: Path):
    path = tmp_path / "my.ini"
    path.touch()
    assert load_configuration(path, (), {}).path == path
    assert default_configuration((), {}).path is None


@pytest.mark.parametrize(
    ("keys", "poll_interval", "own", "expected"),
    [
        ({}, "", "", 60.0),
        ({}, "180", "", 180.0),
        ({}, "0.5", "", 60.0),
        ({}, "1", "", 1.0),
        ({"renogy_read_interval": 30}, "180", "", 30.0),
        ({"renogy_read_interval": ""}, "180", "", 180.0),
        ({"renogy_read_interval": 30}, "180", "5", 5.0),
    ],
)
def test_the_pace_is_the_most_special_one(load, keys, poll_interval, own, expected):
    configuration = load(
        section("device", renogy_read_interval=own)
        + section("device:other", ROVER)
        + proxy(**keys)
        + f"[data]\npoll_interval = {poll_interval}\n"
    )
    device, other = configuration.devices
    assert device.read_interval_s == expected
    assert other.read_interval_s == configuration.proxy.renogy_read_interval_s
    assert own or other.read_interval_s == expected


def test_one_section_speaks_for_the_pace_of_its_address(load):
    text = (
        section("device", device_id=48)
        + section("device:solar", type_="RNG_CTRL", device_id=96, renogy_read_interval=10)
        + section("device:far", ROVER)
    )
    assert [device.read_interval_s for device in load(text).devices] == [10.0, 10.0, 60.0]


def test_two_paces_at_one_address_contradict_each_other(complaint):
    text = section("device", device_id=48, renogy_read_interval=20) + section(
        "device:solar", type_="RNG_CTRL", device_id=96, renogy_read_interval=10
    )
    (line,) = complaint(text)
    assert line == (
        "config.ini line 10, [device:solar] renogy_read_interval: differs from [device] line 5, which has the"
        " same mac_addr; both are read in one go, so keep one of them"
    )


def test_equal_paces_at_one_address_are_good(load):
    text = section("device", device_id=48, renogy_read_interval=20) + section(
        "device:solar", type_="RNG_CTRL", device_id=96, renogy_read_interval=20.0
    )
    assert len(load(text).devices) == 2


@pytest.mark.parametrize("type_", ["", "type ="])
def test_an_address_without_a_type_is_not_read_and_all_types_are_named(load, type_):
    configuration = load(f"[device]\nmac_addr = {HUB}\n{type_}\n")
    assert configuration.devices == ()
    (line,) = configuration.warnings
    assert "config.ini line 2, [device] mac_addr: not read: it needs a type beside it" in line
    assert all(kind.value in line for kind in DeviceType)
    assert "; allowed: type = RNG_CTRL (charge controller), " in line


def test_a_refused_type_is_told_once(complaint):
    (line,) = complaint(section("device", type_="RNG_X"))
    assert "'RNG_X' is not one of the choices" in line


@pytest.mark.parametrize("ids", ["0", "48,255"])
def test_refused_ids_are_told_once_though_the_address_stands_twice(complaint, ids):
    (line,) = complaint(section("device", device_id=48) + section("device:b", device_id=ids))
    assert "[device:b] device_id: " in line


def test_an_id_twice_at_one_address_is_an_error_with_both_lines(complaint):
    text = section("device", device_id="48,49,50") + section("device:b", type_="RNG_CTRL", device_id="50,49")
    (line,) = complaint(text)
    assert line.startswith("config.ini line 8, [device:b] device_id: 49, 50 is in [device] line 4 too, ")


def test_the_same_id_at_two_addresses_is_two_devices(load):
    assert len(load(section("device", device_id=48) + section("device:b", ROVER, device_id=48)).devices) == 2


@pytest.mark.parametrize(("first", "second"), [("", "48"), ("48", ""), ("", ""), ("255", "48")])
def test_the_id_of_anyone_stands_beside_no_other_section_of_its_address(complaint, first, second):
    text = section("device", device_id=first) + section("device:b", type_="RNG_CTRL", device_id=second)
    (line,) = complaint(text)
    assert line.startswith(f"config.ini line {8 if second else 6}, [device:b] ")
    assert f"all devices there answer to 255, and [device] line {4 if first else 2} has" in line


@pytest.mark.parametrize("ids", ["255", "", "96", "16,17"])
def test_a_controller_and_its_history_are_one_device(load, ids):
    text = section("device", type_="RNG_CTRL", device_id=ids)
    configuration = load(text + section("device:history", type_="RNG_CTRL_HIST", device_id=ids))
    first, second = configuration.devices
    assert first.device_ids == second.device_ids
    assert configuration.warnings == ()


def test_a_controller_may_have_a_history_for_some_of_its_ids(load):
    text = section("device", type_="RNG_CTRL", device_id="96,97")
    text += section("device:history", type_="RNG_CTRL_HIST", device_id="96")
    assert len(load(text).devices) == 2


@pytest.mark.parametrize(("one", "other"), [("255", "96"), ("96", "255")])
def test_a_controller_and_its_history_do_not_mix_the_id_of_anyone_with_others(complaint, one, other):
    text = section("device", type_="RNG_CTRL", device_id=one)
    (line,) = complaint(text + section("device:history", type_="RNG_CTRL_HIST", device_id=other))
    assert "all devices there answer to 255" in line


def test_a_controller_is_not_read_twice(complaint):
    text = section("device", type_="RNG_CTRL", device_id=96)
    assert len(complaint(text + section("device:b", type_="RNG_CTRL", device_id=96))) == 1


@pytest.mark.parametrize(("first", "second"), [("RNG_SHNT", "RNG_BATT"), ("RNG_SHNT", "RNG_SHNT")])
def test_a_shunt_is_alone_at_its_address(complaint, first, second):
    (line,) = complaint(section("device", type_=first) + section("device:b", type_=second))
    assert "a shunt is alone at its address, but [device] line 2 has the same mac_addr" in line


CONTRADICTING = section("device", device_id=48) + section("device:b", device_id=48)


def test_a_mere_proxy_is_only_told_of_devices_that_contradict_each_other(load):
    configuration = load(CONTRADICTING + f"[device:c]\nmac_addr = {ROVER}\n" + proxy(with_renogy_client="no"))
    twice, typeless = configuration.warnings
    assert "[device:b] device_id: 48 is in [device] line 4 too" in twice
    assert "[device:c] mac_addr: not read: it needs a type beside it" in typeless
    assert all(", which is no matter while with_renogy_client = false" in line for line in (twice, typeless))
    assert [device.name for device in configuration.devices] == [""]


def test_a_mere_proxy_with_good_devices_has_nothing_to_tell(load):
    configuration = load(section("device") + proxy(with_renogy_client="no"))
    assert configuration.warnings == ()
    assert len(configuration.devices) == 1


def test_a_section_with_a_refused_value_is_no_device_of_a_mere_proxy(load):
    configuration = load(section("device", device_id=0) + proxy(with_renogy_client="no"))
    assert configuration.devices == ()
    assert len(configuration.warnings) == 1


@pytest.mark.parametrize(
    "text", ["[device:b]\n", "[device:b]\ntype = RNG_BATT\n", "[device:b]\nmac_addr =\n"]
)
def test_a_section_without_an_address_is_told(load, text):
    configuration = load(f"# note\n{text}")
    (warning,) = configuration.warnings
    assert warning.endswith("config.ini line 2, [device:b]: has no mac_addr, so it is not read")
    assert configuration.devices == ()


def test_a_placeholder_is_no_address(load):
    configuration = load(section("device:b", "AA:BB:CC:DD:EE:FF") + section("device:c", ROVER))
    (warning,) = configuration.warnings
    assert "line 2, [device:b] mac_addr: 'AA:BB:CC:DD:EE:FF' is the placeholder of a sample file;" in warning
    assert [device.name for device in configuration.devices] == ["c"]


def test_two_addresses_with_one_alias_are_told(load):
    text = section("device", alias="house") + section("device:b", ROVER, alias="house")
    (warning,) = load(text).warnings
    assert "line 8, [device:b] alias: the alias is that of [device] line 4 too" in warning


def test_one_address_may_have_one_alias_and_several_none(load):
    text = section("device", alias="house", device_id=48) + section("device:b", alias="house", device_id=49)
    assert load(text).warnings == ()
    assert load(section("device") + section("device:b", ROVER)).warnings == ()


def test_an_unknown_key_of_a_device_is_told_with_the_nearest(load):
    (warning,) = load(section("device:b", mac_adr="x")).warnings
    assert warning.endswith("line 4, [device:b] mac_adr: unknown key, left out; did you mean mac_addr?")


def test_the_adapter_is_said_once_for_all_devices(load):
    (warning,) = load(section("device:b", adapter="hci1")).warnings
    assert warning.endswith(
        "adapter: unknown here, left out; it belongs into [device] and counts for all devices"
    )


def test_a_key_without_effect_has_none_in_further_devices(load):
    (warning,) = load(section("device:b", max_retry="3")).warnings
    assert "[device:b] max_retry: no longer needed and without effect" in warning


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("Device:solar", "device:solar"),
        ("device: solar", "device:solar"),
        (" device:solar ", "device:solar"),
        ("device solar", "device:solar"),
        ("device.my.solar", "device:my.solar"),
        ("devise:solar", "device:solar"),
        ("device2", "device:2"),
        ("device:", "device"),
        ("devices", "device"),
    ],
)
def test_a_section_that_looks_like_a_device_is_told_what_it_may_mean(load, name, meant):
    (warning,) = load(f"[{name}]\nmac_addr = {HUB}\n").warnings
    assert section_of(f"[{name}]") == name
    assert warning.endswith(f"unknown section, left out; did you mean [{meant}]?")


def test_a_section_whose_name_cannot_be_shown_is_unknown(load):
    (warning,) = load(f"[device:a\x07]\nmac_addr = {HUB}\n").warnings
    assert "unknown section, left out" in warning
    assert warning.isprintable()


def test_a_device_that_stands_twice_is_an_error(complaint):
    (line,) = complaint(section("device:b") + "[device:b]\n")
    assert line == (
        "config.ini line 4, [device:b]: this section stands already in line 1; put its keys there, and keep"
        " one of these two lines"
    )


def test_an_override_adds_a_device(load):
    overrides = [f"device:my.rover.mac_addr={ROVER}", "device:my.rover.type=rng_ctrl"]
    device, rover = load(section("device"), overrides).devices
    assert (device.name, rover.name, rover.alias) == ("", "my.rover", "my.rover")
    assert (rover.mac_addr, rover.device_type) == (0x806FB0123456, DeviceType.CONTROLLER)
    assert default_configuration(overrides, {}).devices == (rover,)


def test_an_override_changes_one_key_of_a_device(load):
    text = section("device:b", device_id=48)
    assert load(text, ["device:b.device_id=49"]).devices[0].device_ids == (49,)


def test_errors_and_warnings_name_the_override(complaint):
    assert default_configuration(["device:b.type=RNG_BATT"], {}).warnings == (
        "--set, [device:b]: has no mac_addr, so it is not read",
    )
    overrides = [f"device:b.mac_addr={HUB}", "device:b.type=RNG_BATT", "device:b.device_id=48"]
    (line,) = complaint(section("device", device_id=48), overrides)
    assert line.startswith("--set, [device:b] device_id: 48 is in [device] line 4 too, ")
    again = [override.replace(":b.", ":c.") for override in overrides]
    assert "is in [device:b] --set too" in complaint("", [*overrides, *again])[0]
