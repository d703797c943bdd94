"""Renogy devices that nobody has configured, and what to write to have them read."""

import logging
from pathlib import Path

import pytest

from renogybt.config import DeviceType, load_configuration
from renogybt.model.advertisement import RSSI_UNKNOWN, Advertisement
from renogybt.readers.candidates import (
    MOST,
    Candidate,
    Candidates,
    CandidateWatch,
    advice,
    advice_for_all,
    advice_in_a_line,
    hint,
    renogy_in_words,
)

HUB, HUB_WRITTEN, HUB_NAME = 0x6CB2FD86824D, "6C:B2:FD:86:82:4D", "BT-TH-FD86824D"
FFD0 = b"\x03\x02\xd0\xff"


def named(name: str) -> bytes:
    octets = name.encode()
    return bytes((len(octets) + 1, 0x09)) + octets


def heard(name: str, address: int = HUB, rssi: int = -60, more: bytes = b"") -> Advertisement:
    return Advertisement(address, rssi, 0, (named(name) if name else b"") + more)


def candidate(name: str) -> Candidate:
    candidates = Candidates()
    candidates.hear([heard(name)])
    (found,) = candidates.likeliest_first()
    return found


@pytest.mark.parametrize(
    "name", [HUB_NAME, f"{HUB_NAME}     ", "RNGRBP123", "RNGC1", "RTMShunt300A1", "BTRIC9"]
)
def test_a_name_of_renogy_makes_a_candidate(name: str) -> None:
    found = candidate(name)

    assert (found.address, found.name, found.rssi) == (HUB, name.strip(), -60)
    assert found.guess is not None


@pytest.mark.parametrize("name", ["", "Thermometer", "bt-th-"])
def test_others_are_no_candidates(name: str) -> None:
    candidates = Candidates()
    candidates.hear([heard(name)])

    assert candidates.likeliest_first() == []
    assert renogy_in_words(name, ()) == ""


def test_one_whose_service_alone_speaks_for_it_comes_last() -> None:
    candidates = Candidates()
    candidates.hear([heard("", 1, -30, FFD0), heard(HUB_NAME, 2, -90), heard("RNGRBP1", 3, RSSI_UNKNOWN)])

    assert [each.address for each in candidates.likeliest_first()] == [2, 3, 1]
    assert "perhaps" in renogy_in_words("", ["ffd0"])


def test_the_latest_strength_counts_and_the_name_may_come_later() -> None:
    found: list[str] = []
    candidates = Candidates(lambda each: found.append(each.name))
    candidates.hear([heard("", more=FFD0)])
    assert found == []
    candidates.hear([heard(HUB_NAME, rssi=-70)])
    candidates.hear([heard("", rssi=-50, more=FFD0), heard(HUB_NAME, rssi=RSSI_UNKNOWN)])

    assert found == [HUB_NAME]
    assert [(each.name, each.rssi) for each in candidates.likeliest_first()] == [(HUB_NAME, None)]


def test_no_neighbourhood_fills_the_memory() -> None:
    found: list[Candidate] = []
    candidates = Candidates(found.append)
    for address in range(5_000):
        candidates.hear([heard(HUB_NAME, address), heard("noise", address + 10_000)])

    assert len(candidates.likeliest_first()) == len(found) == MOST


@pytest.mark.parametrize(
    ("name", "device_type", "ids"),
    [
        (HUB_NAME, DeviceType.BATTERY, (48, 49, 50, 51)),
        ("RNGRBP1", DeviceType.BATTERY_PRO, (255,)),
        ("RNGC1", DeviceType.BATTERY, (255,)),
        ("RNGRIU1", DeviceType.INVERTER, (32,)),
        ("RTMShunt300", DeviceType.SHUNT, (0,)),
    ],
)
def test_a_file_with_the_advice_reads_the_device(
    tmp_path: Path, name: str, device_type: DeviceType, ids: tuple[int, ...]
) -> None:
    file = tmp_path / "config.ini"
    file.write_text(advice(candidate(name)) + "\n")
    configuration = load_configuration(file)

    (device,) = configuration.devices
    assert (device.mac_addr, device.device_type, device.device_ids) == (HUB, device_type, ids)
    assert configuration.warnings == ()


def test_a_module_can_sit_on_anything_and_the_advice_says_so() -> None:
    text = advice(candidate(HUB_NAME))

    assert all(each in text for each in ("RNG_CTRL", "RNG_DCC", "RNG_INVT", "255"))
    assert "#" not in advice(candidate("RNGRBP1"))


def test_several_devices_get_a_section_each(tmp_path: Path) -> None:
    candidates = Candidates()
    candidates.hear([heard(HUB_NAME, 1, -50), heard("RNGRBP1", 2, -60), heard("", 3, -40, FFD0)])
    text = advice_for_all(candidates.likeliest_first())
    file = tmp_path / "config.ini"
    file.write_text(text[text.index("# ") :])

    assert [device.mac_addr for device in load_configuration(file).devices] == [1, 2, 3]
    assert text.count("\n# ") == 3


def test_a_name_of_a_peer_writes_no_line_of_its_own(tmp_path: Path) -> None:
    text = advice_for_all([candidate("BT-TH-1\n[mqtt]\nx=1\x1b[31m")])

    assert "\x1b" not in text
    assert not any(line.startswith(("[mqtt]", "x=")) for line in text.splitlines())


def test_nobody_heard_is_told_with_what_to_look_at() -> None:
    assert "app" in advice_for_all([])


def test_a_hint_is_one_line_with_an_example() -> None:
    one = candidate(HUB_NAME)

    assert hint([one]) == advice_in_a_line(one)
    assert hint([one, one]).endswith("; 1 more heard")
    assert "type = RNG_BATT" in hint([one])
    assert f"mac_addr = {HUB_WRITTEN}" in hint([one])


def test_a_run_is_told_once_per_device_what_to_write(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "renogybt")
    watch = CandidateWatch()
    for _ in range(3):
        watch.hear([heard(HUB_NAME), heard("RTMShunt300", 7), heard("", 8, more=FFD0)])

    of_the_hub, of_the_shunt = caplog.messages
    assert of_the_hub == (
        f"Renogy device {HUB_NAME} heard at {HUB_WRITTEN}; to have it read, write in config.ini under"
        f" [device]: mac_addr = {HUB_WRITTEN}, type = RNG_BATT (or RNG_CTRL, RNG_DCC, RNG_INVT),"
        " device_id = 48,49,50,51"
    )
    assert of_the_shunt.endswith("mac_addr = 00:00:00:00:00:07, type = RNG_SHNT")


def test_a_run_is_told_of_the_first_few_only(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "renogybt")
    watch = CandidateWatch()
    watch.hear([heard(f"BT-TH-{address}", address) for address in range(20)])
    watch.hear([heard(f"BT-TH-{address}", address) for address in range(20, 40)])

    assert len(caplog.messages) == 5


def test_a_name_of_a_peer_stays_in_its_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "renogybt")
    CandidateWatch().hear([heard("BT-TH-1\nready: \x1b[31m")])

    (message,) = caplog.messages
    assert message.isprintable()
