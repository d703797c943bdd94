"""What the single keys take, what they refuse, and what they say then."""

from ipaddress import ip_address
from pathlib import Path

import pytest

from renogybt.config import (
    TABLE,
    AdvertisementSource,
    ConfigurationError,
    DeviceType,
    Effect,
    EntityNaming,
    TemperatureUnit,
)
from renogybt.config.values import parse_values
from renogybt.model.advertisement import parse_address
from renogybt.model.errors import RenogyBTError
from renogybt.model.radio import ScanMode

GOOD = [
    ("mdns", "ON", "mdns", True),
    ("mdns", "0", "mdns", False),
    ("native_api_port", "65535", "native_api_port", 65535),
    ("native_api_port", "+1", "native_api_port", 1),
    ("native_api_host", "", "native_api_host", None),
    ("native_api_host", "::", "native_api_host", "::"),
    ("native_api_host", "pi.local", "native_api_host", "pi.local"),
    ("use_native_api", "yes", "enabled", True),
    ("adapter", "HCI1", "adapter", "hci1"),
    ("adapter", "6c-b2-fd-86-82-4d", "adapter", "6C:B2:FD:86:82:4D"),
    ("adapter", "", "adapter", None),
    ("mac", "6c:b2:fd:86:82:4d", "mac", parse_address("6C:B2:FD:86:82:4D")),
    ("native_api_mac", "6c:b2:fd:86:82:4d", "mac", parse_address("6C:B2:FD:86:82:4D")),
    ("scan_mode", "", "scan_mode", None),
    ("scan_mode", "Passive", "scan_mode", ScanMode.PASSIVE),
    ("advertisement_source", "mgmt", "advertisement_source", AdvertisementSource.MGMT),
    ("connection_slots", "", "connection_slots", None),
    ("connection_slots", "1", "connection_slots", 1),
    ("connection_slots", "16", "connection_slots", 16),
    ("active_connections", "", "active_connections", True),
    ("active_connections", "no", "active_connections", False),
    ("connection_allow_list", "", "connection_allow_list", frozenset()),
    ("connection_allow_list", "6c-b2-fd-86-82-4d,", "connection_allow_list", frozenset({0x6CB2FD86824D})),
    (
        "connection_allow_list",
        "6C:B2:FD:86:82:4D, C4:4D:0A:10:5E:01 6c:b2:fd:86:82:4d",
        "connection_allow_list",
        frozenset({0x6CB2FD86824D, 0xC44D0A105E01}),
    ),
    ("connection_allow_list", "AA:BB:CC:DD:EE:FF", "connection_allow_list", frozenset({0xAABBCCDDEEFF})),
    ("pairing_passkeys", "", "pairing_passkeys", {}),
    ("pairing_passkeys", "c4-4d-0a-10-5e-01=000000", "pairing_passkeys", {0xC44D0A105E01: 0}),
    (
        "pairing_passkeys",
        "C4:4D:0A:10:5E:01 = 012345, 6C:B2:FD:86:82:4D=999999,",
        "pairing_passkeys",
        {0xC44D0A105E01: 12345, 0x6CB2FD86824D: 999999},
    ),
    ("mdns_ip", "", "mdns_addresses", ()),
    ("mdns_ip", "10.0.0.2, fd00::2", "mdns_addresses", (ip_address("10.0.0.2"), ip_address("fd00::2"))),
    ("renogy_read_interval", "2.5", "renogy_read_interval_s", 2.5),
    ("renogy_keep_connection", "", "keep_connection", True),
    ("renogy_keep_connection", "no", "keep_connection", False),
    ("entity_naming", "", "entity_naming", EntityNaming.MODERN),
    ("entity_naming", "Earlier", "entity_naming", EntityNaming.EARLIER),
    ("load_switch", "", "load_switch", False),
    ("load_switch", "on", "load_switch", True),
    ("scan_lock", "", "scan_lock", None),
    ("scan_lock", "~/lock", "scan_lock", Path("/home/pi/lock")),
]


@pytest.mark.parametrize(("key", "text", "field", "value"), GOOD)
def test_the_proxy_takes(load, key, text, field, value):
    configuration = load(f"[home_assistant_proxy]\n{key} = {text}\n")
    assert getattr(configuration.proxy, field) == value
    assert configuration.warnings == ()


BAD = [
    ("home_assistant_proxy", "native_api_port", "abc", "is not a whole number"),
    ("home_assistant_proxy", "native_api_port", "1_0", "is not a whole number"),
    ("home_assistant_proxy", "native_api_port", "٣", "is not a whole number"),
    ("home_assistant_proxy", "native_api_port", "9" * 5000, "is not a whole number"),
    ("home_assistant_proxy", "native_api_port", "0", "is too small"),
    ("home_assistant_proxy", "native_api_port", "65536", "is too large"),
    ("home_assistant_proxy", "native_api_host", "a b", "is neither an IP address nor a host name"),
    ("home_assistant_proxy", "mdns", "maybe", "is neither true nor false"),
    ("home_assistant_proxy", "use_native_api", "false", "there is no other"),
    ("home_assistant_proxy", "use_native_api", "x", "there is no other"),
    ("home_assistant_proxy", "adapter", "usb0", "is not a Bluetooth address"),
    ("home_assistant_proxy", "mac", "6C:B2:FD:86:82", "is not a Bluetooth address"),
    ("home_assistant_proxy", "mac", "AA: B:C :DD:EE:FF", "is not a Bluetooth address"),
    ("home_assistant_proxy", "scan_mode", "both", "is not one of the choices"),
    ("home_assistant_proxy", "active_connections", "some", "is neither true nor false"),
    ("home_assistant_proxy", "connection_slots", "0", "set active_connections = false"),
    ("home_assistant_proxy", "connection_slots", "17", "is too large"),
    ("home_assistant_proxy", "connection_slots", "many", "is not a whole number"),
    ("home_assistant_proxy", "connection_allow_list", "all", "not a Bluetooth address"),
    ("home_assistant_proxy", "connection_allow_list", ",", "holds no address"),
    ("home_assistant_proxy", "connection_allow_list", "6C:B2:FD:86:82:4D, 6C:B2", "not a Bluetooth address"),
    ("home_assistant_proxy", "connection_allow_list", "80:6F:B0:0F:XX:XX", "not a Bluetooth address"),
    ("home_assistant_proxy", "pairing_passkeys", ",", "holds no passkey"),
    ("home_assistant_proxy", "mdns_ip", "10.0.0.2, pi", "not an IP address"),
    ("home_assistant_proxy", "mdns_ip", "0.0.0.0", "nobody can connect to"),
    ("home_assistant_proxy", "health_check_interval", "0", "is too small"),
    ("home_assistant_proxy", "health_check_threshold", "never", "is not a number"),
    ("home_assistant_proxy", "health_reset_adapter", "sometimes", "is neither true nor false"),
    ("home_assistant_proxy", "health_reset_limit", "-1", "is too small"),
    ("home_assistant_proxy", "recovery_restart_bluetooth", "x", "is neither true nor false"),
    ("home_assistant_proxy", "state_dir", "~bob/x", "another user's home"),
    ("home_assistant_proxy", "state_dir", "a\0b", "a path should not have"),
]


@pytest.mark.parametrize(("section", "key", "text", "problem"), BAD)
def test_a_value_of_another_kind_is_refused(complaint, section, key, text, problem):
    (line,) = complaint(f"# note\n[{section}]\n\n{key} = {text}\n")
    assert line.startswith(f"config.ini line 4, [{section}] {key}: ")
    assert problem in line
    assert "; allowed: " in line
    assert len(line) < 300


OF_DEVICES = [
    ("home_assistant_proxy", "renogy_read_interval", "nan", "is not a number"),
    ("home_assistant_proxy", "renogy_read_interval", "0.5", "is too small"),
    ("home_assistant_proxy", "renogy_read_interval", "1e3", "is not a number"),
    ("home_assistant_proxy", "renogy_keep_connection", "x", "is neither true nor false"),
    ("home_assistant_proxy", "esphome_sensors", "x", "is neither true nor false"),
    ("home_assistant_proxy", "entity_naming", "old", "is not one of the choices"),
    ("home_assistant_proxy", "load_switch", "x", "is neither true nor false"),
    ("device", "mac_addr", "6C:B2:FD:86:82", "is not a Bluetooth address"),
    ("device", "device_id", ",", "is empty"),
    ("device", "device_id", "48, x", "not a whole number"),
    ("device", "device_id", "0", "no device can have"),
    ("device", "device_id", "248", "no device can have"),
    ("device", "device_id", "48, 48", "twice"),
    ("device", "device_id", "48, 255", "all devices answer at once"),
    ("device", "device_id", ",".join(map(str, range(48, 65))), "holds 17 ids"),
    ("device", "type", "RNG_X", "is not one of the choices"),
    ("device", "alias", "a\x1b[31m", "cannot be shown"),
    ("device", "renogy_read_interval", "86401", "is too large"),
    ("device:solar", "device_id", "0", "no device can have"),
    ("device:solar", "type", "RNG_X", "is not one of the choices"),
    ("device:solar", "mac_addr", "x", "is not a Bluetooth address"),
    ("data", "enable_polling", "x", "is neither true nor false"),
    ("data", "poll_interval", "-1", "is too small"),
    ("data", "temperature_unit", "K", "is not one of the choices"),
    ("data", "fields", "a-b", "other characters"),
    ("data", "renogy_read_timeout_seconds", "601", "is too large"),
]


@pytest.mark.parametrize(("section", "key", "text", "problem"), OF_DEVICES)
def test_a_bad_value_about_devices_is_refused_where_devices_are_read(complaint, section, key, text, problem):
    (line,) = complaint(f"# note\n[{section}]\n\n{key} = {text}\n")
    assert line.startswith(f"config.ini line 4, [{section}] {key}: ")
    assert problem in line
    assert "; allowed: " in line
    assert len(line) < 300


@pytest.mark.parametrize(("section", "key", "text", "problem"), OF_DEVICES)
def test_a_bad_value_about_devices_does_not_stop_a_mere_proxy(load, section, key, text, problem):
    off = "home_assistant_proxy.with_renogy_client=no"
    warning = load(f"# note\n[{section}]\n\n{key} = {text}\n", [off]).warnings[-1]
    assert f"config.ini line 4, [{section}] {key}: " in warning
    assert problem in warning
    assert ", which is no matter while with_renogy_client = false; allowed: " in warning


def test_whether_devices_are_read_is_true_or_false(complaint):
    lines = complaint("[home_assistant_proxy]\nwith_renogy_client = maybe\n[device]\ntype = RNG_X\n")
    assert ["with_renogy_client: 'maybe' is neither" in line for line in lines] == [True, False]


NOT_YET_NEEDED = [
    ("mqtt", "port", "abc", "is not a whole number"),
    ("mqtt", "port", "1 ; 2", "is not a whole number"),
]


@pytest.mark.parametrize(("section", "key", "text", "problem"), NOT_YET_NEEDED)
def test_a_bad_value_of_a_planned_key_does_not_stop_the_program(load, section, key, text, problem):
    (warning,) = load(f"# note\n[{section}]\n\n{key} = {text}\n").warnings
    assert f"config.ini line 4, [{section}] {key}: " in warning
    assert problem in warning
    assert "; allowed: " in warning


def test_instead_of_a_bad_value_of_a_planned_key_its_default_counts(load):
    configuration = load("[mqtt]\nport = abc\npassword = a\x1bb\n")
    assert (configuration.mqtt.port, configuration.mqtt.password) == (1883, "")
    port, password = configuration.warnings
    assert port.endswith(": 'abc' is not a whole number, so 1883 counts; allowed: 1 to 65535")
    assert "password: the value has a line end" in password
    assert "so it is left out; allowed: " in password


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row.section}.{row.key}")
def test_an_empty_text_counts_as_the_default(load, row):
    configuration = load(f"[{row.section}]\n{row.key} =\n")
    if row.effect is Effect.NONE:
        assert "without effect" in configuration.warnings[0]
    else:
        assert configuration == load("")


@pytest.mark.parametrize("text", ['"hci0"', "'hci0'", '"'])
def test_quotes_around_a_refused_value_are_named(complaint, text):
    (line,) = complaint(f"[home_assistant_proxy]\nadapter = {text}\n")
    assert ("is not a Bluetooth address; take the quotes away; allowed: " in line) == (len(text) > 1)


@pytest.mark.parametrize("text", ["true ; text", "true\t;", "true;"])
def test_a_semicolon_in_a_refused_value_is_named_as_no_comment(complaint, text):
    (line,) = complaint(f"[home_assistant_proxy]\nmdns = {text}\n")
    said = "is neither true nor false; only # starts a comment after a value; allowed: " in line
    assert said == (text != "true;")


def test_an_error_says_place_value_problem_and_what_is_allowed(complaint):
    (line,) = complaint("[home_assistant_proxy]\nnative_api_port = abc # note\n")
    place, problem = line.split(": ", maxsplit=1)
    assert place == "config.ini line 2, [home_assistant_proxy] native_api_port"
    assert problem == "'abc' is not a whole number; allowed: 1 to 65535"


def test_what_is_allowed_comes_with_its_unit(complaint):
    (line,) = complaint("[data]\npoll_interval = x\n")
    assert line.endswith("allowed: 0 to 86400 seconds")


def test_all_errors_of_a_file_come_together_from_top_to_bottom(load):
    text = "[device]\nadapter = x\nadapter = y\n[home_assistant_proxy]\nmdns = x\nencryption = key\n"
    with pytest.raises(ConfigurationError) as caught:
        load(text, ["nonsense", "home_assistant_proxy.enabled=?"])
    findings = caught.value.findings
    assert [(finding.section, finding.key, finding.line) for finding in findings] == [
        ("device", "adapter", 3),
        ("device", "adapter", 3),
        ("home_assistant_proxy", "mdns", 5),
        ("home_assistant_proxy", "encryption", 6),
        ("", "", None),
        ("home_assistant_proxy", "enabled", None),
    ]
    assert [finding.file for finding in findings[4:]] == ["--set", "--set"]


def test_the_error_is_of_the_house_and_a_value_error():
    assert issubclass(ConfigurationError, RenogyBTError)
    assert issubclass(ConfigurationError, ValueError)


def test_battery_keys_are_kept_typed(load):
    configuration = load(
        "[device]\nmac_addr = 6C:B2:FD:86:82:4D\nalias = hub\ntype = rng_batt_pro\ndevice_id = 48,49, 50\n"
        "[data]\ntemperature_unit = f\nfields = voltage, current\npoll_interval = 180 # text\n"
    )
    device, data = configuration.device, configuration.data
    assert device.mac_addr == parse_address("6C:B2:FD:86:82:4D")
    assert (device.alias, device.device_type, device.device_ids) == (
        "hub",
        DeviceType.BATTERY_PRO,
        (48, 49, 50),
    )
    assert (data.temperature_unit, data.fields) == (TemperatureUnit.FAHRENHEIT, ("voltage", "current"))
    assert data.poll_interval_s == 180.0


def test_the_proxy_takes_the_adapter_of_the_device_where_it_has_none(load):
    assert load("[device]\nadapter = hci1\n").proxy.adapter == "hci1"
    assert load("[device]\nadapter = hci1\n[home_assistant_proxy]\nadapter = hci2\n").proxy.adapter == "hci2"
    assert load("").proxy.adapter is None


EARLIER_FILE = """\
[device]
adapter = hci0
mac_addr = 80:6F:B0:0F:XX:XX
alias = BT-TH-B00FXXXX
type = RNG_BATT
device_id = 48,49,50,51 # hub mode
max_retry = 3
[data]
enable_polling = true
poll_interval = 180 # seconds
temperature_unit = F
fields =
poll_after_proxy_cycle = true
poll_cycle_dwell_seconds = 40.0
poll_cycle_timeout_seconds = 60.0
renogy_read_timeout_seconds = 45
[remote_logging]
enabled = false
url = https://example.org/
auth_header = 123456
[mqtt]
enabled = true
server = 192.168.0.1
port = 1883
topic = solar/state
user =
password =
homeassistant_discovery = true
[pvoutput]
enabled = false
api_key =
system_id =
[home_assistant_proxy]
enabled = true
use_native_api = true
with_renogy_client = true
native_api_port = 6053
device_name = renogy.proxy
mdns_ip =
mac =
native_api_mac =
adapter = hci0
esphome_sensors = true
renogy_poll_mode = scheduled
renogy_read_interval = 30
scan_mode =
scan_active_seconds = 0
scan_idle_seconds = 0
pause_during_renogy = false
airtime_settle_seconds = 0.1
airtime_window_seconds = 60
health_check_interval = 60
health_check_threshold = 120
health_reset_adapter = true
health_reset_limit = 3
"""


def test_a_file_of_the_earlier_program_is_taken_as_it_is(load):
    configuration = load(EARLIER_FILE)
    without_effect = [warning for warning in configuration.warnings if "without effect" in warning]
    placeholders = [warning for warning in configuration.warnings if "placeholder" in warning]
    assert (len(without_effect), len(placeholders)) == (10, 1)
    (later,) = set(configuration.warnings) - {*without_effect, *placeholders}
    assert "[mqtt] enabled: " in later
    assert configuration.device.device_ids == (48, 49, 50, 51)
    assert configuration.devices == ()
    assert configuration.proxy.health.threshold_s == 120.0


def test_a_file_of_the_earlier_program_with_a_real_address_is_read_as_it_was(load):
    (device,) = load(EARLIER_FILE.replace("XX:XX", "12:34")).devices
    assert (device.alias, device.device_type) == ("BT-TH-B00FXXXX", DeviceType.BATTERY)
    assert (device.device_ids, device.read_interval_s) == ((48, 49, 50, 51), 30.0)


def test_a_value_taken_as_another_type_than_its_own_is_an_error_of_the_program():
    values, *_ = parse_values(())
    with pytest.raises(TypeError, match=r"\[mqtt\] port is int, not str"):
        values.take("mqtt", "port", str)
