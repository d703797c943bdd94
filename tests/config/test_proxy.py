"""Settings of the proxy that hang together: encryption, names, addresses, paths."""

import base64
from pathlib import Path

import pytest

from renogybt.config import Encryption, default_configuration

KEY = bytes(range(32))
KEY_TEXT = base64.b64encode(KEY).decode()


def proxy(*lines: str) -> str:
    return "\n".join(["[home_assistant_proxy]", *lines, ""])


def test_without_a_key_home_assistant_makes_one(load):
    assert load("").proxy.encryption is Encryption.PROVISION
    assert load("").proxy.encryption_key is None


def test_a_key_alone_is_used(load):
    configuration = load(proxy(f"encryption_key = {KEY_TEXT}"))
    assert (configuration.proxy.encryption, configuration.proxy.encryption_key) == (Encryption.KEY, KEY)
    assert configuration.warnings == ()


def test_a_key_named_as_such_is_used(load):
    assert load(proxy("encryption = KEY", f"encryption_key = {KEY_TEXT}")).proxy.encryption_key == KEY


def test_encryption_by_key_needs_the_key(complaint):
    (line,) = complaint(proxy("encryption = key", "encryption_key ="))
    assert line.startswith(
        "config.ini line 2, [home_assistant_proxy] encryption: needs an encryption_key; allowed: "
    )


def test_a_key_beside_provision_is_a_contradiction(complaint):
    (line,) = complaint(proxy("encryption = provision", f"encryption_key = {KEY_TEXT}"))
    assert "contradicts the encryption_key" in line
    assert KEY_TEXT not in line


def test_off_wins_over_a_key_and_says_so(load):
    configuration = load(proxy("encryption = off", f"encryption_key = {KEY_TEXT}"))
    assert (configuration.proxy.encryption, configuration.proxy.encryption_key) == (Encryption.OFF, None)
    (warning,) = configuration.warnings
    assert "encryption_key: not used, because encryption = off" in warning
    assert KEY_TEXT not in warning


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("hunter2!", "is not base64"),
        ("schlüssel", "is not base64"),
        (base64.b64encode(KEY[:31]).decode(), "holds 31 bytes instead of 32"),
        (base64.b64encode(bytes(32)).decode(), "the same byte over and over"),
        (base64.b64encode(b"0" * 32).decode(), "the same byte over and over"),
    ],
)
@pytest.mark.parametrize("setting", ["encryption = key", "# none"])
def test_a_bad_key_is_one_error_that_does_not_show_it(complaint, text, problem, setting):
    (line,) = complaint(proxy(setting, f"encryption_key = {text}"))
    assert line.startswith("config.ini line 3, [home_assistant_proxy] encryption_key: the value ")
    assert problem in line
    assert text not in line


def test_no_secret_is_in_the_text_of_a_configuration(load):
    configuration = load(
        proxy(f"encryption_key = {KEY_TEXT}")
        + "[mqtt]\npassword = hunter2\n[pvoutput]\napi_key = hunter2\n"
        + "[remote_logging]\nurl = http://me:hunter2@host\nauth_header = hunter2\n"
    )
    assert configuration.mqtt.password == "hunter2"
    assert "hunter2" not in repr(configuration)
    assert repr(KEY) not in repr(configuration)


def test_the_default_name_has_its_dot(load):
    assert (load("").proxy.device_name, load("").proxy.friendly_name) == ("renogy.proxy", "renogy.proxy")


@pytest.mark.parametrize(
    ("text", "announced"),
    [
        ("My Proxy", "My-Proxy"),
        ("Küche", "K-che"),
        (".a..b.", "-a.-b-"),
        ("a/b", "a-b"),
    ],
)
def test_a_name_that_mdns_cannot_have_is_changed_and_said(load, text, announced):
    configuration = load(proxy(f"device_name = {text}"))
    assert (configuration.proxy.device_name, configuration.proxy.friendly_name) == (announced, text)
    (warning,) = configuration.warnings
    assert f"line 2, [home_assistant_proxy] device_name: '{text}' has characters that" in warning
    assert warning.endswith(f"; announced as '{announced}'")


def test_a_name_of_31_characters_is_kept_as_it_is(load):
    name = "Van_1.roof-" + "x" * 20
    configuration = load(proxy(f"device_name = {name}"))
    assert configuration.proxy.device_name == name
    assert configuration.warnings == ()


@pytest.mark.parametrize("text", ["x" * 32, "...", "厨房", "a\x07b"])
def test_a_name_that_cannot_be_announced_is_refused(complaint, text):
    (line,) = complaint(proxy(f"device_name = {text}"))
    assert "device_name: " in line
    assert "allowed: 1 to 31 letters, digits, - _ and ." in line


def test_both_names_of_the_address_may_agree(load):
    configuration = load(proxy("mac = 6C:B2:FD:86:82:4D", "native_api_mac = 6c-b2-fd-86-82-4d"))
    assert configuration.proxy.mac == 0x6CB2FD86824D


def test_both_names_of_the_address_may_not_differ(complaint):
    (line,) = complaint(proxy("mac = 6C:B2:FD:86:82:4D", "native_api_mac = 6C:B2:FD:86:82:4E"))
    assert line.startswith("config.ini line 3, [home_assistant_proxy] native_api_mac: differs from mac")


@pytest.mark.parametrize(
    "text", ["AA:BB:CC:DD:EE:FF", "80:6F:B0:0F:XX:XX", "xx-xx-xx-xx-xx-xx", "00:00:00:00:00:00"]
)
def test_a_placeholder_counts_as_not_set_and_is_told(load, text):
    configuration = load(f"[device]\nmac_addr = {text}\n" + proxy(f"mac = {text}"))
    assert configuration.device.mac_addr is None
    assert configuration.proxy.mac is None
    assert ["placeholder" in warning for warning in configuration.warnings] == [True, True]


LAMP = "C4:4D:0A:10:5E:01"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (f"{LAMP}=31415", f"has no passkey of six digits for {LAMP}"),
        (f"{LAMP}=3141592", f"has no passkey of six digits for {LAMP}"),
        (f"{LAMP}=-31415", f"has no passkey of six digits for {LAMP}"),
        (f"{LAMP}=٣١٤١٥٩", f"has no passkey of six digits for {LAMP}"),
        (f"{LAMP}=", f"has no passkey of six digits for {LAMP}"),
        (LAMP, f"has no passkey of six digits for {LAMP}"),
        ("314159", "has no Bluetooth address before the = of pair 1"),
        (f"314159={LAMP}", "has no Bluetooth address before the = of pair 1"),
        ("6C:B2:FD:86:82:4D=000000, lamp=314159", "has no Bluetooth address before the = of pair 2"),
        (f"{LAMP}=000000 6C:B2:FD:86:82:4D=314159", f"has no passkey of six digits for {LAMP}"),
        (f"{LAMP}=000000, {LAMP.lower()}=314159", f"holds two passkeys for {LAMP}"),
        (f'"{LAMP}=314159"', "has no Bluetooth address before the = of pair 1; take the quotes away"),
    ],
)
def test_a_bad_passkey_is_one_error_that_does_not_show_it(complaint, text, problem):
    (line,) = complaint(proxy(f"pairing_passkeys = {text}"))
    start = "config.ini line 2, [home_assistant_proxy] pairing_passkeys: the value "
    assert line.startswith(f"{start}{problem}")
    assert line.endswith(
        "; allowed: pairs like 6C:B2:FD:86:82:4D=123456 with commas between them, or nothing"
    )
    assert "3141" not in line
    assert "٣" not in line


def test_no_passkey_is_in_the_text_of_a_configuration(load):
    configuration = load(proxy(f"pairing_passkeys = {LAMP}=314159"))
    assert configuration.proxy.pairing_passkeys == {0xC44D0A105E01: 314159}
    assert "314159" not in repr(configuration)


def test_passkeys_cannot_be_changed(load):
    passkeys = load(proxy(f"pairing_passkeys = {LAMP}=314159")).proxy.pairing_passkeys
    with pytest.raises(TypeError):
        passkeys[1] = 1


def test_no_connections_at_all_are_wished_for_in_another_way(complaint):
    (line,) = complaint(proxy("connection_slots = 0"))
    place, problem = line.split(": ", maxsplit=1)
    assert place == "config.ini line 2, [home_assistant_proxy] connection_slots"
    advice = "to have no connections, set active_connections = false"
    assert problem == f"'0' is too small; {advice}; allowed: 1 to 16, or nothing"


def test_more_resets_than_are_ever_done_are_told(load):
    configuration = load(proxy("health_reset_limit = 11"))
    (warning,) = configuration.warnings
    assert "health_reset_limit: is more than is ever done within an hour, so 10 counts" in warning
    assert configuration.proxy.health.reset_limit == 10
    assert load(proxy("health_reset_limit = 3")).proxy.health.reset_limit == 3


def test_harsher_steps_where_no_reset_is_allowed_are_told(load):
    lines = proxy("health_reset_adapter = false", "recovery_reset_hardware = true")
    (warning,) = load(lines).warnings
    assert "recovery_reset_hardware: without effect, because health_reset_adapter = false" in warning


def test_an_allow_list_without_connections_is_told(load):
    lines = proxy("active_connections = false", f"connection_allow_list = {LAMP}, {LAMP}")
    (warning,) = load(lines).warnings
    assert "line 3, [home_assistant_proxy] connection_allow_list: without effect, because " in warning
    assert load(lines, ["home_assistant_proxy.active_connections=yes"]).warnings == ()


def test_a_proxy_that_is_switched_off_is_told(load):
    configuration = load(proxy("enabled = false"))
    assert not configuration.proxy.enabled
    assert "switched off" in configuration.warnings[0]


@pytest.mark.parametrize(
    ("configured", "environment", "expected"),
    [
        ("", {"STATE_DIRECTORY": "/var/lib/a:/var/lib/b", "HOME": "/h"}, "/var/lib/a"),
        ("", {"STATE_DIRECTORY": "", "HOME": "/h"}, "/h/.local/state/renogybt"),
        ("", {}, "/var/lib/renogybt"),
        ("/srv/state", {"STATE_DIRECTORY": "/var/lib/a"}, "/srv/state"),
        ("~/state", {"HOME": "/h"}, "/h/state"),
        ("~", {"HOME": "/h"}, "/h"),
        ("~/state", {}, "~/state"),
        ("state", {"HOME": "/h"}, "state"),
    ],
)
def test_the_state_directory_is_told_from_the_environment(configured, environment, expected):
    configuration = default_configuration([f"home_assistant_proxy.state_dir={configured}"], environment)
    assert configuration.proxy.state_dir == Path(expected)


def test_the_environment_is_that_of_the_process_where_none_is_given(monkeypatch):
    monkeypatch.setenv("STATE_DIRECTORY", "/var/lib/of-the-process")
    assert default_configuration().proxy.state_dir == Path("/var/lib/of-the-process")
