"""Keys that are unknown or have no effect, and overrides."""

import pytest

from renogybt.config import TABLE, ConfigurationError, Effect, default_configuration

WITHOUT_EFFECT = {(row.section, row.key) for row in TABLE if row.effect is Effect.NONE}


def test_the_keys_without_effect_are_those_of_duty_cycles_and_retries():
    expected = {
        ("device", "max_retry"),
        ("data", "poll_after_proxy_cycle"),
        ("data", "poll_cycle_dwell_seconds"),
        ("data", "poll_cycle_timeout_seconds"),
        ("home_assistant_proxy", "renogy_poll_mode"),
        ("home_assistant_proxy", "pause_during_renogy"),
        ("home_assistant_proxy", "airtime_settle_seconds"),
        ("home_assistant_proxy", "airtime_window_seconds"),
        ("home_assistant_proxy", "scan_active_seconds"),
        ("home_assistant_proxy", "scan_idle_seconds"),
    }
    assert expected == WITHOUT_EFFECT


@pytest.mark.parametrize(("section", "key"), sorted(WITHOUT_EFFECT))
def test_a_key_without_effect_is_told_once_whatever_its_value(load, section, key):
    configuration = load(f"[{section}]\n{key} = (any\n thing)\n")
    (warning,) = configuration.warnings
    assert f"line 2, [{section}] {key}: no longer needed and without effect, because " in warning


def test_an_unknown_key_is_told_with_the_nearest_known_one(load):
    (warning,) = load("[home_assistant_proxy]\nnative_api_prot = 1\n").warnings
    assert warning.endswith(
        "line 2, [home_assistant_proxy] native_api_prot: unknown key, left out; did you mean native_api_port?"
    )


def test_an_unknown_key_like_no_other_is_only_told(load):
    (warning,) = load("[mqtt]\nzzz = 1\n").warnings
    assert warning.endswith("line 2, [mqtt] zzz: unknown key, left out")


def test_a_key_in_the_wrong_section_is_told_where_it_belongs(load):
    (warning,) = load("[device]\nnative_api_port = 1\n").warnings
    assert "it belongs into [home_assistant_proxy]" in warning


def test_a_key_that_several_sections_have_belongs_into_none_of_them(load):
    (warning,) = load("[data]\nenabled = 1\n").warnings
    assert "belongs" not in warning


@pytest.mark.parametrize("section", ["Home_Assistant_Proxy", " home_assistant_proxy ", "home_asistant_proxy"])
def test_an_unknown_section_is_told_once_with_the_nearest_known_one(load, section):
    (warning,) = load(f"[mqtt]\n[{section}]\na = 1\nb = 2\n").warnings
    assert "line 2, [" in warning
    assert warning.endswith("unknown section, left out; did you mean [home_assistant_proxy]?")


LATER = {
    "sending readings to MQTT": "[mqtt]\nenabled = true\n",
    "sending readings to PVOutput": "[pvoutput]\nenabled = true\n",
    "posting readings to a web address": "[remote_logging]\nenabled = true\n",
}


@pytest.mark.parametrize(("what", "text"), LATER.items(), ids=LATER)
def test_what_comes_later_is_told_once(load, what, text):
    (warning,) = load(text).warnings
    assert warning.endswith(f": {what} comes with a later version; the Bluetooth proxy works already")
    assert " line 2, [" in warning


SECRETS = [(row.section, row.key) for row in TABLE if row.secret]
SECRET_TEXTS = {"pairing_passkeys": "C4:4D:0A:10:5E:01=123456"}


@pytest.mark.parametrize(("section", "key"), SECRETS)
def test_a_secret_with_a_comment_behind_it_may_have_been_cut_off(load, section, key):
    text = SECRET_TEXTS.get(key, "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=")
    (warning,) = load(f"[{section}]\n{key} = {text} #tail\n").warnings
    assert f"line 2, [{section}] {key}: everything from # on is a comment and no part of the value" in warning
    assert "tail" not in warning
    assert text not in warning


@pytest.mark.parametrize("line", ["password = a#b", "password =#b", "# password = a #b", "topic = a #b"])
def test_only_what_looks_like_a_cut_secret_is_told(load, line):
    assert load(f"[mqtt]\n{line}\n").warnings == ()


def test_warnings_come_from_top_to_bottom(load):
    text = "[mqtt]\nzzz = 1\n[nothing]\n[home_assistant_proxy]\nenabled = no\nyyy = 2\n"
    lines = [warning.split(" line ")[1][0] for warning in load(text).warnings]
    assert lines == ["2", "3", "5", "6"]


def test_an_override_wins_over_the_file_and_the_last_over_the_others(load):
    overrides = ["mqtt.port=2", "mqtt.PORT = 3"]
    assert load("[mqtt]\nport = 1\n", overrides).mqtt.port == 3


def test_an_override_mends_a_bad_value_of_the_file(load):
    configuration = load("[mqtt]\nport = x\n", ["mqtt.port=2"])
    assert (configuration.mqtt.port, configuration.warnings) == (2, ())
    proxy = "home_assistant_proxy"
    assert not load(f"[{proxy}]\nmdns = x\n", [f"{proxy}.mdns=no"]).proxy.mdns


def test_the_text_of_an_override_is_taken_whole():
    configuration = default_configuration(["mqtt.topic=a.b=c # d", "mqtt.password= #%"], {})
    assert configuration.mqtt.topic == "a.b=c # d"
    assert configuration.mqtt.password == "#%"


def test_an_override_works_without_a_file():
    assert (
        default_configuration(["home_assistant_proxy.native_api_port=0016053"], {}).proxy.native_api_port
        == 16053
    )


def test_a_bad_value_of_an_override_names_it_instead_of_a_line():
    with pytest.raises(ConfigurationError) as caught:
        default_configuration(["home_assistant_proxy.native_api_port=abc"])
    assert str(caught.value) == (
        "--set, [home_assistant_proxy] native_api_port: 'abc' is not a whole number; allowed: 1 to 65535"
    )


@pytest.mark.parametrize(
    ("override", "shown"),
    [
        ("hunter2", "number 1"),
        ("", "number 1"),
        ("mqtt=hunter2", "'mqtt'"),
        ("mqtt.=hunter2", "'mqtt.'"),
        (".port=hunter2", "'.port'"),
        ("=hunter2", "''"),
    ],
)
def test_an_override_that_names_no_key_is_refused_without_its_value(override, shown):
    with pytest.raises(ConfigurationError) as caught:
        default_configuration([override])
    assert str(caught.value) == f"--set: {shown} does not name a key; allowed: section.key=value"


def test_an_unknown_key_of_an_override_is_told():
    assert default_configuration(["mqtt.prot=1", "mqqt.a=1"], {}).warnings == (
        "--set, [mqtt] prot: unknown key, left out; did you mean port?",
        "--set, [mqqt] a: unknown section, left out; did you mean [mqtt]?",
    )
