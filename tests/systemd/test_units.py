"""What the units promise: how exposed they are, and that the program can do with that little."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from cli.program import ROOT, UNIFIED_PROXY, free_port, settings, started

UNIT = (ROOT / "systemd/renogy-bt-proxy.service").read_text()
DROP_IN = (ROOT / "systemd/renogy-bt-proxy.service.d/mgmt.conf").read_text()
PR_SET_MDWE, REFUSE_EXEC_GAIN = 65, 1


def setting(name: str, text: str = UNIT) -> list[str]:
    """All values of a setting."""
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
def test_the_exposure_is_as_low_as_promised() -> None:
    done = subprocess.run(
        [ROOT / "scripts/security.sh"], capture_output=True, text=True, timeout=60.0, check=False
    )
    print(done.stdout)

    assert done.returncode == 0, done.stdout + done.stderr
    assert len(re.findall(r"^renogy-bt-.* \d\.\d ", done.stdout, re.MULTILINE)) == 4


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("User", "renogybt"),
        ("NoNewPrivileges", "yes"),
        ("PrivateUsers", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "tmpfs"),
        ("PrivateTmp", "yes"),
        ("PrivateDevices", "yes"),
        ("MemoryDenyWriteExecute", "yes"),
        ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"),
    ],
)
def test_what_the_program_cannot_need_is_closed(name: str, value: str) -> None:
    """The figure alone would let one of them go."""
    assert setting(name) == [value]


def test_the_life_of_the_service() -> None:
    assert setting("Type") == ["notify"]
    assert setting("NotifyAccess") == ["main"]
    assert setting("WatchdogSec") == ["30"]
    assert setting("Restart") == ["on-failure"]
    assert setting("RestartSec") == ["2"]
    assert setting("MemoryMax") == ["256M"]
    assert setting("StartLimitBurst") == ["5"]
    # usage and configuration; 75 is what asks for another start
    assert setting("RestartPreventExitStatus") == ["64 78"]


def test_neither_the_network_nor_a_name_holds_the_start_up() -> None:
    before = " ".join(setting("After") + setting("Wants") + setting("Requires"))

    assert "network-online" not in before
    assert "nss-lookup" not in before


def test_nothing_is_killed_or_done_before_the_start() -> None:
    assert not re.findall(r"^Exec(?!Start=)", UNIT + DROP_IN, re.MULTILINE)


def test_port_trouble_is_waited_for_longer_than_systemd_counts_starts() -> None:
    """Else a port that is in use for a while would be the end: ten tries a second apart, then 75."""
    tries_s, pause_s = 9.0, float(setting("RestartSec")[0])

    assert int(setting("StartLimitBurst")[0]) * (tries_s + pause_s) > float(
        setting("StartLimitIntervalSec")[0]
    )


def test_the_capability_is_in_the_drop_in_only() -> None:
    for name in ("CapabilityBoundingSet", "AmbientCapabilities"):
        assert (setting(name), setting(name, DROP_IN)) == ([""], ["CAP_NET_ADMIN"])
    assert "AF_BLUETOOTH" not in " ".join(setting("RestrictAddressFamilies"))
    assert setting("RestrictAddressFamilies", DROP_IN) == ["AF_BLUETOOTH"]
    # a capability of another user namespace is none for the kernel's Bluetooth
    assert setting("PrivateUsers", DROP_IN) == ["no"]


def test_the_bluetooth_service_comes_back_after_a_crash() -> None:
    text = (ROOT / "systemd/bluetooth.service.d/renogy-bt-proxy.conf").read_text()

    assert setting("Restart", text) == ["on-failure"]


async def test_the_program_runs_without_memory_that_is_written_and_executed(tmp_path: Path) -> None:
    """MemoryDenyWriteExecute, as the kernel itself offers it since 6.3 (PR_SET_MDWE)."""
    forbid = (
        f"import ctypes; assert ctypes.CDLL(None).prctl({PR_SET_MDWE}, {REFUSE_EXEC_GAIN}, 0, 0, 0) == 0; "
    )
    if subprocess.run(
        [sys.executable, "-c", forbid], capture_output=True, timeout=10.0, check=False
    ).returncode:
        pytest.skip("this kernel does not know PR_SET_MDWE")
    become = "import os, sys; os.execv(sys.executable, [sys.executable, *sys.argv[1:]])"
    port = free_port()
    arguments = ("-c", forbid + become, *UNIFIED_PROXY[1:], "--demo", *settings(tmp_path, port))
    async with started(*arguments, cwd=tmp_path, command=(sys.executable,)) as program:
        await program.line("ready:")
        await program.line("reading RNG_BATT")
        assert (await program.stop()).code == 0


DUKTAPE = shutil.which("duk")
QUESTION = """
var rules = [];
var polkit = {Result: {YES: "yes", NOT_HANDLED: null}, addRule: function(rule) { rules.push(rule); }};
%s
var action = {id: "%s", lookup: function(key) { return {unit: "%s", verb: "%s"}[key]; }};
print(rules.length === 1 ? rules[0](action, {user: "%s"}) : "not one rule");
"""
MANAGE = "org.freedesktop.systemd1.manage-units"
RESTART, RESET = "renogy-bt-restart-bluetooth.service", "renogy-bt-reset-adapter@hci{}.service"


def answer(tmp_path: Path, action: str, unit: str, verb: str, user: str) -> str:
    """What the rule says, asked in polkit's own interpreter."""
    assert DUKTAPE is not None
    script = tmp_path / "question.js"
    rules = (ROOT / "systemd/polkit/renogy-bt-proxy.rules").read_text()
    script.write_text(QUESTION % (rules, action, unit, verb, user))
    done = subprocess.run([DUKTAPE, script], capture_output=True, text=True, timeout=10.0, check=True)
    return done.stdout.strip()


@pytest.mark.skipif(DUKTAPE is None, reason="duktape is not installed")
@pytest.mark.parametrize("unit", [RESTART, RESET.format(0), RESET.format(12)])
def test_polkit_lets_the_service_start_these_units(tmp_path: Path, unit: str) -> None:
    assert answer(tmp_path, MANAGE, unit, "start", "renogybt") == "yes"


@pytest.mark.skipif(DUKTAPE is None, reason="duktape is not installed")
@pytest.mark.parametrize(
    ("action", "unit", "verb", "user"),
    [
        (MANAGE, "ssh.service", "start", "renogybt"),
        (MANAGE, "renogy-bt-proxy.service", "start", "renogybt"),
        (MANAGE, RESET.format("/../x"), "start", "renogybt"),
        (MANAGE, RESET.format("0").replace("hci", ""), "start", "renogybt"),
        (MANAGE, RESET.format("0") + ".d", "start", "renogybt"),
        (MANAGE, RESET.format("0-x"), "start", "renogybt"),
        (MANAGE, RESET.format("1234"), "start", "renogybt"),
        (MANAGE, "x" + RESTART, "start", "renogybt"),
        (MANAGE, RESTART.replace(".", "x"), "start", "renogybt"),
        (MANAGE, RESTART, "stop", "renogybt"),
        (MANAGE, RESTART, "restart", "renogybt"),
        (MANAGE, RESTART, "start", "nobody"),
        ("org.freedesktop.systemd1.manage-unit-files", RESTART, "start", "renogybt"),
        ("org.freedesktop.login1.reboot", RESTART, "start", "renogybt"),
    ],
)
def test_polkit_lets_it_do_nothing_else(tmp_path: Path, action: str, unit: str, verb: str, user: str) -> None:
    assert answer(tmp_path, action, unit, verb, user) == "null"
