"""The form of the file: comments, line ends, encodings, and what breaks it."""

from pathlib import Path

import pytest

from renogybt.config import ConfigurationError, load_configuration


def test_a_hash_counts_as_a_comment_only_after_white_space(load):
    text = "[mqtt]\ntopic = a#b # note\nuser = c\t# note\npassword =#d\n"
    mqtt = load(text).mqtt
    assert (mqtt.topic, mqtt.user, mqtt.password) == ("a#b", "c", "#d")


def test_a_percent_sign_is_only_a_percent_sign(load):
    assert load("[mqtt]\npassword = 100%(x)s%\n").mqtt.password == "100%(x)s%"


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_lines_may_end_as_on_any_system(load, complaint, newline):
    lines = ["# mine", "[home_assistant_proxy]", "native_api_port = 6054", "mdns = no", ""]
    configuration = load(newline.join(lines))
    assert configuration.proxy.native_api_port == 6054
    assert not configuration.proxy.mdns
    assert complaint(newline.join([*lines, "mdns_ip = x"]))[0].startswith("config.ini line 6, ")


def test_a_byte_order_mark_is_no_part_of_the_text(load):
    assert load(b"\xef\xbb\xbf[mqtt]\r\nport = 1884\r\n").mqtt.port == 1884


def test_keys_may_be_in_capitals_and_with_colons(load, complaint):
    assert load("[mqtt]\nPort: 1884\n").mqtt.port == 1884
    assert complaint("[device]\n\nADAPTER: x\n")[0].startswith("config.ini line 3, [device] adapter: ")


def test_keys_may_be_indented_alike(load):
    configuration = load("[mqtt]\n  port = 1884\n  user = x\n")
    assert (configuration.mqtt.port, configuration.mqtt.user) == (1884, "x")


def test_a_list_may_go_on_in_indented_lines(load):
    assert load("[device]\ndevice_id = 48,\n  49\n# note\n  50\n").device.device_ids == (48, 49, 50)


def test_a_line_number_is_right_after_a_continued_value(complaint):
    assert complaint("[device]\ndevice_id = 48,\n  49\nadapter = x\n")[0].startswith(
        "config.ini line 4, [device] adapter"
    )


@pytest.mark.parametrize("swallowed", ["port = 1", "[mqtt]", "[device:solar]"])
def test_a_key_that_its_indent_makes_part_of_another_value_is_reported(complaint, swallowed):
    problems = complaint(f"[data]\nmax = 3\n  {swallowed}\n")
    assert len(problems) == 1
    assert problems[0].startswith("config.ini line 3: is indented and so belongs to the value above it")


def test_one_line_of_text_does_not_go_on_in_the_next(complaint):
    assert "line end" in complaint("[home_assistant_proxy]\ndevice_name = my\n  house\n")[0]


def test_a_file_without_a_section_is_reported_once_and_judged_on(complaint):
    problems = complaint("port = 1\nuser = 2\n[device]\nadapter = x\n")
    assert len(problems) == 2
    assert problems[0].startswith("config.ini line 1: stands above the first section")
    assert problems[1].startswith("config.ini line 4, [device] adapter: 'x' is not a Bluetooth address")


def test_a_line_that_is_no_setting_is_reported_without_its_text(complaint):
    problems = complaint("[mqtt]\nhunter2\n= hunter2\n")
    assert [problem.split(":")[0] for problem in problems] == ["config.ini line 2", "config.ini line 3"]
    assert "hunter2" not in "".join(problems)


@pytest.mark.parametrize(
    "text", ["[home_assistant_proxy\nmdns = maybe\n", "[mqtt]\n[home_assistant_proxy\nmdns = maybe\n"]
)
def test_a_section_without_its_second_bracket_is_told_and_judged_on(complaint, text):
    section, key = complaint(text)
    assert section.endswith(
        ": ] is missing at the end of the section's name; allowed: [home_assistant_proxy]"
    )
    assert "[home_assistant_proxy] mdns: 'maybe' is neither true nor false" in key


def test_a_device_without_its_second_bracket_is_told_and_judged_on(complaint):
    section, device_type = complaint("[device]\ntype = RNG_BATT\n[device:solar # mine\ntype = x\n")
    assert section.endswith("line 3: ] is missing at the end of the section's name; allowed: [device:solar]")
    assert "line 4, [device:solar] type: " in device_type


def test_a_name_that_is_no_section_is_not_shown(complaint):
    assert complaint("[hunter2\n") == [
        "config.ini line 1: ] is missing at the end of the section's name; allowed: [section]"
    ]


def test_a_section_without_its_second_bracket_makes_no_duplicates(complaint):
    assert len(complaint("[device]\nadapter = hci0\n[home_assistant_proxy # mine\nadapter = hci1\n")) == 1


@pytest.mark.parametrize("text", ["[mqtt]\n{}", "{}"])
@pytest.mark.parametrize(
    ("line", "key"), [("device_name", "device_name"), ("Password hunter2", "password"), ("port  1", "port")]
)
def test_a_known_key_without_an_equals_sign_is_told_so(complaint, text, line, key):
    (problem,) = complaint(text.format(line))
    assert f": = is missing after {key}; allowed: {key} = value" in problem
    assert "hunter2" not in problem


@pytest.mark.parametrize("key", ["encryption_key", "Encryption_Key"])
def test_a_secret_whose_own_equals_sign_makes_it_a_key_is_not_shown(load, key):
    (warning,) = load(f"[home_assistant_proxy]\n{key} SGVsbG8gd29ybGQ=\n").warnings
    assert warning.endswith(
        "line 2, [home_assistant_proxy] encryption_key: = is missing after it, so it is left out"
    )


def test_all_duplicates_are_reported_with_both_lines(complaint):
    assert complaint("[mqtt]\nport = 1\nPort = 2\nport = 3\n[data]\n[mqtt]\n") == [
        "config.ini line 3, [mqtt] port: this key stands already in line 2; keep one of them",
        "config.ini line 4, [mqtt] port: this key stands already in line 2; keep one of them",
        (
            "config.ini line 6, [mqtt]: this section stands already in line 1; put its keys there, and keep"
            " one of these two lines"
        ),
    ]


def test_default_is_a_section_like_others(load):
    configuration = load("[DEFAULT]\nport = 1\n[mqtt]\nserver = x\n")
    assert configuration.mqtt.port == 1883
    assert "[DEFAULT]: unknown section" in configuration.warnings[0]


def test_a_text_in_another_encoding_is_reported_with_its_line(complaint):
    assert complaint("[device]\nalias = Küche\n".encode("latin-1")) == [
        "config.ini line 2: is not UTF-8 text; save the file with the encoding UTF-8"
    ]


def test_an_endless_file_is_refused(complaint):
    assert "too large" in complaint(b"#" * 1_000_001)[0]


def test_a_missing_file_tells_to_copy_the_example(tmp_path: Path):
    with pytest.raises(ConfigurationError, match=r"copy config\.ini\.example"):
        load_configuration(tmp_path / "config.ini")


@pytest.mark.parametrize("name", ["", "nul\0"])
def test_a_file_that_cannot_be_read_is_reported(tmp_path: Path, name):
    with pytest.raises(ConfigurationError, match="cannot be read: "):
        load_configuration(tmp_path / name)


def test_an_empty_file_gives_the_defaults(load):
    configuration = load("")
    assert configuration.warnings == ()
    assert configuration.proxy.native_api_port == 6053
