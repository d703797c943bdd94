"""Versions, and what is known of them."""

import sys
from pathlib import Path

import pytest
from doctor.place import Place

from renogybt.doctor import versions
from renogybt.doctor.bluez import version_of
from renogybt.doctor.findings import Verdict
from renogybt.doctor.versions import bluez, kernel, parse_version, python


@pytest.mark.parametrize(
    ("modalias", "version"),
    [
        ("usb:v1D6Bp0246d0542", (5, 66)),
        ("usb:v1D6Bp0246d0557", (5, 87)),
        ("usb:v05ACp8286d0100", None),
        ("bluetooth:v1D6Bp0246d0542", None),
        ("", None),
    ],
)
def test_an_adapter_tells_the_version_of_bluez_unless_it_says_that_it_is_something_else(
    modalias: str, version: tuple[int, int] | None
) -> None:
    assert version_of(modalias) == version


@pytest.mark.parametrize(
    ("text", "version"),
    [("5.66", (5, 66)), ("bluetoothctl: 5.72\n", (5, 72)), ("6.12.47+rpt-rpi-v8", (6, 12)), ("?", None)],
)
def test_a_version_is_the_first_two_numbers(text: str, version: tuple[int, int] | None) -> None:
    assert parse_version(text) == version


async def test_only_what_was_measured_is_said_of_a_version(bare: Place) -> None:
    tried, other = await bluez(bare.machine, (5, 66)), await bluez(bare.machine, (5, 72))

    assert (tried.verdict, other.verdict) == (Verdict.NOTE, Verdict.OK)
    assert "pairs by itself" in tried.text
    assert other.text == "BlueZ 5.72 (this program was tried with 5.66)"


async def test_a_program_is_asked_where_no_adapter_tells(
    bare: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    silent = await bluez(bare.machine, None)
    bare.write("usr/libexec/bluetooth/bluetoothd", "#!/bin/sh\necho 5.79\n").chmod(0o755)
    told = await bluez(bare.machine, None)

    assert silent.verdict is Verdict.UNKNOWN
    assert told.text.startswith("BlueZ 5.79")


async def test_a_program_that_hangs_is_not_waited_for(bare: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(versions, "_ASK_S", 0.05)
    bare.write("usr/libexec/bluetooth/bluetoothd", f"#!{sys.executable}\nimport sys\nsys.stdin.read(1)\n"
               "import threading; threading.Event().wait()\n").chmod(0o755)  # fmt: skip

    assert (await bluez(bare.machine, None)).verdict is Verdict.UNKNOWN


@pytest.mark.parametrize(
    ("release", "verdict"),
    [("5.4.0", Verdict.NOTE), ("5.10.0-1-arm64", Verdict.OK), ("6.12.1", Verdict.OK), ("?", Verdict.UNKNOWN)],
)
def test_a_kernel_without_advertisement_monitors_is_a_note(
    bare: Place, release: str, verdict: Verdict
) -> None:
    (row,) = kernel(bare.case(release=release))

    assert row.verdict is verdict


def test_python_tells_where_it_lives(bare: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    (own,) = python(bare.case())
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    (of_the_system,) = python(bare.case())

    assert own.verdict is Verdict.OK
    assert str(Path(sys.executable).parent.parent) in own.text
    assert of_the_system.verdict is Verdict.NOTE


def test_a_library_that_is_gone_is_named(
    bare: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    info = tmp_path / "first" / "renogybt-9.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: renogybt\nVersion: 9\n"
        "Requires-Dist: rich<16,>=13\nRequires-Dist: no-such-library>=1\n"
        "Requires-Dist: no-such-test; extra == 'test'\n"
    )
    monkeypatch.syspath_prepend(info.parent)
    (row,) = python(bare.case())

    assert row.verdict is Verdict.PROBLEM
    assert "lacks no-such-library" in row.text
    assert row.advice == f"{sys.executable} -m pip install --upgrade no-such-library"
