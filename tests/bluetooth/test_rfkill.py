from pathlib import Path

import pytest

from renogybt.bluetooth.rfkill import bluetooth_block


def switch(
    root: Path, number: int, name: str, kind: str = "bluetooth", soft: str = "0", hard: str = "0"
) -> Path:
    folder = root / f"rfkill{number}"
    folder.mkdir(parents=True)
    for file, text in (("name", name), ("type", kind), ("soft", soft), ("hard", hard)):
        (folder / file).write_text(text + "\n")
    return folder


@pytest.mark.parametrize(
    ("soft", "hard", "expected"),
    [("0", "0", None), ("1", "0", "soft"), ("0", "1", "hard"), ("1", "1", "hard")],
)
def test_a_hard_switch_counts_before_a_soft_one(
    tmp_path: Path, soft: str, hard: str, expected: str | None
) -> None:
    switch(tmp_path, 0, "hci0", soft=soft, hard=hard)
    assert bluetooth_block("hci0", tmp_path) == expected


def test_switches_of_other_adapters_and_of_wifi_do_not_count(tmp_path: Path) -> None:
    switch(tmp_path, 0, "phy0", kind="wlan", soft="1")
    switch(tmp_path, 1, "hci1", hard="1")
    switch(tmp_path, 2, "hci0")
    assert bluetooth_block("hci0", tmp_path) is None


def test_a_switch_that_goes_away_while_it_is_read_does_not_count(tmp_path: Path) -> None:
    (switch(tmp_path, 0, "hci0", soft="1") / "soft").unlink()
    switch(tmp_path, 1, "hci0", soft="1")
    assert bluetooth_block("hci0", tmp_path) == "soft"


def test_a_machine_without_rfkill_blocks_nothing(tmp_path: Path) -> None:
    assert bluetooth_block("hci0", tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("block", "advice"),
    [("soft", "rfkill unblock bluetooth"), ("hard", "hardware switch"), (None, "bluetoothctl power on")],
)
def test_an_adapter_without_power_comes_with_its_cure(
    monkeypatch: pytest.MonkeyPatch, block: str | None, advice: str
) -> None:
    from renogybt.bluetooth import faults

    monkeypatch.setattr(faults, "bluetooth_block", {"hci0": block}.get)
    assert advice in str(faults.powered_off("hci0"))
