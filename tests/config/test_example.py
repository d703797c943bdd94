"""config.ini.example holds every row of the table, and nothing else."""

import dataclasses
import re
from pathlib import Path

import pytest

from renogybt.config import (
    TABLE,
    AdvertisementSource,
    DeviceType,
    Effect,
    Encryption,
    EntityNaming,
    Row,
    TemperatureUnit,
    default_configuration,
    load_configuration,
)
from renogybt.config.kinds import choice
from renogybt.config.structure import section_of
from renogybt.config.table import rows_of
from renogybt.model.radio import ScanMode

EXAMPLE = Path(__file__).parents[2] / "config.ini.example"
SETTING = re.compile(r"(?P<off># )?(?P<key>[a-z_]+) =(?: (?P<text>.*))?")
FURTHER_DEVICE = "device:solar"
ROWS_WITH_EFFECT = [row for row in (*TABLE, *rows_of(FURTHER_DEVICE)) if row.effect is not Effect.NONE]
ROWS_WITHOUT = [row for row in TABLE if row.effect is Effect.NONE]


@dataclasses.dataclass(frozen=True)
class Sample:
    """A key in the example: its text, whether it is switched off, and the comment of its paragraph."""

    text: str
    off: bool
    comment: str


def read_samples() -> dict[tuple[str, str], Sample]:
    samples: dict[tuple[str, str], Sample] = {}
    section = ""
    for paragraph in EXAMPLE.read_text().split("\n\n"):
        lines = paragraph.splitlines()
        section = next(filter(None, (section_of(line.removeprefix("# ")) for line in lines)), section)
        comment = " ".join(
            line[2:] for line in lines if line.startswith("# ") and not SETTING.fullmatch(line)
        )
        for match in filter(None, map(SETTING.fullmatch, lines)):
            place = (section, match["key"])
            assert place not in samples
            samples[place] = Sample(match["text"] or "", match["off"] is not None, comment)
    return samples


SAMPLES = read_samples()
CHOICES = {
    kind.allowed: kind.allowed.split(", ")
    for kind in map(
        choice, (AdvertisementSource, DeviceType, Encryption, EntityNaming, ScanMode, TemperatureUnit)
    )
}
rows = pytest.mark.parametrize("row", ROWS_WITH_EFFECT, ids=lambda row: f"{row.section}.{row.key}")


def test_the_example_holds_exactly_the_keys_that_have_an_effect():
    assert set(SAMPLES) == {(row.section, row.key) for row in ROWS_WITH_EFFECT}


@rows
def test_a_key_stands_with_its_default_or_switched_off_with_a_sample(row: Row):
    sample = SAMPLES[row.section, row.key]
    assert sample.text == row.default or (sample.off and not row.default)
    row.kind.parse(sample.text)
    assert not row.secret or sample.text in ("", "https://example.org/readings")


@rows
def test_a_key_has_a_reason_its_unit_and_says_when_it_is_planned(row: Row):
    comment = SAMPLES[row.section, row.key].comment
    assert len(comment.split()) >= 5
    assert row.unit in comment
    assert comment.startswith("Planned: ") == (row.effect is Effect.PLANNED)


@rows
def test_a_key_with_choices_names_them(row: Row):
    choices = CHOICES.get(row.kind.allowed.removesuffix(", or nothing"))
    if row.section == FURTHER_DEVICE:
        choices = None  # said at [device]
    assert choices is None or all(name in SAMPLES[row.section, row.key].comment for name in choices)


@pytest.mark.parametrize("row", ROWS_WITHOUT, ids=lambda row: row.key)
def test_a_key_without_effect_is_named_at_the_end(row: Row):
    last = EXAMPLE.read_text().split("\n\n")[-1]
    assert row.key in last
    assert f"[{row.section}]" in last


def test_the_example_gives_exactly_the_defaults_without_a_warning():
    configuration = load_configuration(EXAMPLE, (), {})
    assert dataclasses.replace(configuration, path=None) == default_configuration((), {})
    assert configuration.warnings == ()


def test_every_key_of_the_example_may_be_switched_on(tmp_path: Path):
    text = re.sub(r"(?m)^# (?=[a-z_]+ =|\[)", "", EXAMPLE.read_text())
    path = tmp_path / "config.ini"
    path.write_text(text)
    configuration = load_configuration(path, (), {})
    assert all("placeholder" in warning for warning in configuration.warnings)
    assert len(configuration.warnings) == 4


def read_whole_examples() -> list[str]:
    """The sections that stand indented in comments, one text for each piece of prose above them."""
    blocks = re.findall(r"(?m)(?:^#(?: {5}.*)?\n)+", EXAMPLE.read_text())
    return [block.replace("#     ", "").replace("#\n", "\n") for block in blocks if "#     " in block]


def test_the_examples_of_devices_can_be_read(load):
    configurations = [load(text) for text in read_whole_examples()]
    assert [configuration.warnings for configuration in configurations] == [(), (), ()]
    said = [
        [(device.alias, device.device_type, device.device_ids) for device in configuration.devices]
        for configuration in configurations
    ]
    batteries = ("house", DeviceType.BATTERY, (48, 49, 50, 51))
    assert said == [
        [("house", DeviceType.BATTERY, (255,))],
        [batteries, ("solar", DeviceType.CONTROLLER, (255,))],
        [batteries, ("solar", DeviceType.CONTROLLER, (96,))],
    ]


@rows
def test_a_default_is_a_value_of_its_kind(row: Row):
    row.kind.parse(row.default)


def test_no_key_stands_twice_in_the_table():
    places = [(row.section, row.key) for row in TABLE]
    assert len(set(places)) == len(places)


def test_a_key_without_effect_says_why_and_only_such_a_key():
    assert all(bool(row.why) == (row.effect is Effect.NONE) for row in TABLE)


def test_configurations_are_frozen():
    configuration = default_configuration((), {})
    with pytest.raises(dataclasses.FrozenInstanceError):
        configuration.proxy.native_api_port = 1
