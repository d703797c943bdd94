"""scripts/install.sh on a system that does not run."""

import re
import stat
import subprocess
from pathlib import Path

import pytest
from systemd.conftest import PROGRAM, ROOT, Tree

UNITS = "/etc/systemd/system"
SERVICE = f"{UNITS}/renogy-bt-proxy.service"
MGMT = f"{UNITS}/renogy-bt-proxy.service.d/mgmt.conf"
RESTART = f"{UNITS}/renogy-bt-restart-bluetooth.service"
RESET = f"{UNITS}/renogy-bt-reset-adapter@.service"
RULES = "/etc/polkit-1/rules.d/50-renogy-bt-proxy.rules"
CONFIG = "/etc/renogybt/config.ini"
STATE = "/var/lib/renogy-bt-proxy"
BASE = {
    SERVICE,
    f"{UNITS}/bluetooth.service.d/renogy-bt-proxy.conf",
    f"{UNITS}/multi-user.target.wants/renogy-bt-proxy.service",
    "/etc/sysusers.d/renogy-bt-proxy.conf",
    CONFIG,
}
RECOVERY = {RESTART, RESET, RULES}
ACCOUNTS = {"/etc/passwd", "/etc/group", "/etc/shadow", "/etc/gshadow", "/etc/.pwd.lock"}
# passwd keeps a copy of what it changes
BACKUPS = {f"{each}-" for each in ACCOUNTS}


def installed(tree: Tree) -> set[str]:
    return set(tree.names()) - ACCOUNTS - BACKUPS


def account(tree: Tree) -> tuple[int, int]:
    fields = re.search(r"^renogybt:x:(\d+):(\d+):", tree.text("/etc/passwd"), re.MULTILINE)
    assert fields
    return int(fields[1]), int(fields[2])


def test_it_installs_and_enables_the_service(tree: Tree) -> None:
    done = tree.install()

    assert done.returncode == 0, done.stderr
    assert installed(tree) == BASE | {MGMT}
    assert tree.systemctl("is-enabled", "renogy-bt-proxy.service").stdout == "enabled\n"
    assert "/var/lib/renogy-bt-proxy" in done.stdout
    assert "backup" in done.stdout


def test_the_units_run_the_program_where_it_will_be(tree: Tree) -> None:
    tree.install("--with-recovery-units")

    assert f"ExecStart={PROGRAM}/.venv/bin/python {PROGRAM}/unified_proxy.py {CONFIG}\n" in tree.text(SERVICE)
    assert f"ExecStart={PROGRAM}/.venv/bin/renogybt reset-adapter --hardware" in tree.text(RESET)
    assert not [name for name, text in tree.names().items() if re.search(r"@[A-Z]+@", text)]


def test_the_user_is_a_system_user_in_the_group_bluetooth(tree: Tree) -> None:
    tree.install()

    user, _group = account(tree)
    assert user < 1000
    assert re.search(r"^bluetooth:x:\d+:renogybt$", tree.text("/etc/group"), re.MULTILINE)
    assert "nologin" in tree.text("/etc/passwd")


def test_the_configuration_is_for_root_and_the_service_only(tree: Tree) -> None:
    tree.install()

    status = tree.path(CONFIG).stat()
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o640, 0, account(tree)[1])


def test_a_second_time_changes_nothing(tree: Tree) -> None:
    tree.install("--with-recovery-units")
    before = tree.names()
    times = {name: tree.path(name).lstat().st_mtime_ns for name in before}
    done = tree.install("--with-recovery-units")

    assert done.returncode == 0
    assert "nothing: all is as it should be" in done.stdout
    assert tree.names() == before
    assert {name: tree.path(name).lstat().st_mtime_ns for name in before} == times


def test_what_was_changed_is_set_right(tree: Tree) -> None:
    tree.install()
    wanted = tree.text(SERVICE)
    tree.write(SERVICE, wanted.replace("WatchdogSec=30", "WatchdogSec=0"))
    done = tree.install()

    assert f"write {SERVICE}" in done.stdout
    assert tree.text(SERVICE) == wanted


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ((), {MGMT}),
        (("--with-mgmt",), {MGMT}),
        (("--without-mgmt",), set()),
        (("--with-recovery-units",), {MGMT} | RECOVERY),
        (("--without-mgmt", "--with-recovery-units"), RECOVERY),
    ],
    ids=["as usual", "with mgmt", "without mgmt", "with recovery", "with recovery alone"],
)
def test_an_update_keeps_the_parts_that_were_chosen(
    tree: Tree, options: tuple[str, ...], parts: set[str]
) -> None:
    tree.install(*options)
    assert installed(tree) == BASE | parts

    done = tree.install()
    assert "nothing: all is as it should be" in done.stdout
    assert installed(tree) == BASE | parts


def test_parts_can_be_taken_away_later(tree: Tree) -> None:
    tree.install("--with-recovery-units")
    tree.install("--without-recovery-units", "--without-mgmt")

    assert installed(tree) == BASE


def test_it_says_first_and_does_nothing_where_nobody_can_agree(tree: Tree) -> None:
    done = tree.install(yes=False)

    assert done.returncode == 64
    assert f"write {SERVICE}" in done.stdout
    assert "--yes" in done.stderr
    assert tree.names() == {}


def test_a_dry_run_says_what_the_installation_then_does(tree: Tree) -> None:
    said = tree.install("--dry-run", yes=False)
    assert said.returncode == 0
    assert tree.names() == {}

    tree.install()
    for name in BASE | {MGMT}:
        assert name in said.stdout or "wants" in name


@pytest.mark.parametrize("unit", ["renogy-bt.service", "renogy-bt-old.service", "renogy-bt-unified.service"])
def test_the_earlier_program_is_disabled_and_not_removed(tree: Tree, unit: str) -> None:
    text = "[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
    tree.write(f"{UNITS}/{unit}", text)
    tree.systemctl("enable", unit)
    done = tree.install()

    assert f"disable {unit}" in done.stdout
    assert tree.systemctl("is-enabled", unit).stdout == "disabled\n"
    assert tree.text(f"{UNITS}/{unit}") == text
    for setting in ("Conflicts", "After"):  # the earlier one is stopped, and has ended before ours starts
        assert re.search(rf"^{setting}=(.* )?{re.escape(unit)}( |$)", tree.text(SERVICE), re.MULTILINE)


def test_the_earlier_program_can_be_kept(tree: Tree) -> None:
    tree.write(f"{UNITS}/renogy-bt.service", "[Install]\nWantedBy=multi-user.target\n")
    tree.systemctl("enable", "renogy-bt.service")
    tree.install("--keep-earlier")

    assert tree.systemctl("is-enabled", "renogy-bt.service").stdout == "enabled\n"


def test_a_configuration_that_is_there_is_kept(tree: Tree) -> None:
    tree.write(CONFIG, "[data]\n")
    done = tree.install()

    assert tree.text(CONFIG) == "[data]\n"
    assert "copy" not in done.stdout


def test_settings_that_the_sandbox_forbids_are_named(tree: Tree) -> None:
    tree.write(CONFIG, "[home_assistant_proxy]\nstate_dir = /home/pi/state\n")

    assert "state_dir" in tree.install().stderr


def run_by_hand(folder: Path) -> Path:
    (folder / "demo").mkdir(parents=True)
    (folder / "demo" / "identity.json").write_text("of a demo")
    for name in ("noise.key", "identity.json", "layout.json"):
        (folder / name).write_text(f"of the run by hand: {name}")
    return folder


def test_key_and_identity_of_a_run_by_hand_are_taken_over(tree: Tree, tmp_path: Path) -> None:
    by_hand = run_by_hand(tmp_path / "by hand")
    done = tree.install("--state-from", str(by_hand))

    assert done.returncode == 0, done.stderr
    assert f"from {by_hand}" in done.stdout
    for name in ("noise.key", "identity.json", "layout.json"):
        status = tree.path(f"{STATE}/{name}").stat()
        assert tree.text(f"{STATE}/{name}") == f"of the run by hand: {name}"
        assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o600, *account(tree))
    assert stat.S_IMODE(tree.path(STATE).stat().st_mode) == 0o700
    assert not tree.path(f"{STATE}/demo").exists()
    assert (by_hand / "noise.key").exists()


def test_a_key_of_the_service_is_never_replaced(tree: Tree, tmp_path: Path) -> None:
    by_hand = run_by_hand(tmp_path / "by-hand")
    tree.write(f"{STATE}/noise.key", "of the service")
    done = tree.install("--state-from", str(by_hand))

    assert "identity" not in done.stdout.split("Configuration:")[0]
    assert tree.text(f"{STATE}/noise.key") == "of the service"
    assert not tree.path(f"{STATE}/identity.json").exists()


def test_uninstall_leaves_what_is_the_users(tree: Tree, tmp_path: Path) -> None:
    tree.write(f"{UNITS}/renogy-bt-proxy.service.d/override.conf", "[Service]\nNice=5\n")
    tree.write(f"{UNITS}/bluetooth.service.d/mine.conf", "[Service]\nNice=5\n")
    tree.install("--with-recovery-units", "--state-from", str(run_by_hand(tmp_path / "by-hand")))
    done = tree.install("--uninstall")

    assert done.returncode == 0
    assert installed(tree) == {
        CONFIG,
        *(f"{STATE}/{name}" for name in ("noise.key", "identity.json", "layout.json")),
        f"{UNITS}/renogy-bt-proxy.service.d/override.conf",
        f"{UNITS}/bluetooth.service.d/mine.conf",
    }
    assert "renogybt" in tree.text("/etc/passwd")
    assert CONFIG in done.stdout
    assert STATE in done.stdout


def test_uninstall_leaves_no_empty_folders_of_its_own(tree: Tree) -> None:
    tree.install("--with-recovery-units")
    tree.install("--uninstall")

    assert [path.name for path in tree.path(UNITS).iterdir()] == []


def test_uninstall_without_an_installation_does_nothing(tree: Tree) -> None:
    done = tree.install("--uninstall")

    assert done.returncode == 0
    assert "nothing: all is as it should be" in done.stdout
    assert tree.names() == {}


def test_a_file_of_somebody_else_is_never_overwritten_or_removed(tree: Tree) -> None:
    tree.write(SERVICE, "[Service]\nExecStart=/usr/bin/mine\n")
    done = tree.install()
    assert (done.returncode, installed(tree)) == (1, {SERVICE})
    assert SERVICE in done.stderr

    assert tree.install("--uninstall").returncode == 0
    assert tree.text(SERVICE) == "[Service]\nExecStart=/usr/bin/mine\n"


@pytest.mark.parametrize("place", ["file", "folder above"])
def test_nothing_that_others_can_change_is_run_as_root(tree: Tree, place: str) -> None:
    tree.write(f"{PROGRAM}/.venv/bin/renogybt", "")
    loose = tree.path(f"{PROGRAM}/.venv/bin/renogybt" if place == "file" else "/opt")
    loose.chmod(0o777)
    done = tree.install("--with-recovery-units")

    assert done.returncode == 1
    assert str(loose) in done.stderr
    assert not installed(tree) & RECOVERY

    loose.chmod(0o755)
    done = tree.install("--with-recovery-units")
    assert done.returncode == 0, done.stderr
    assert installed(tree) >= RECOVERY


@pytest.mark.parametrize("program", ["/opt/my program", "relative/path", "/opt/50%", "/opt/a:b"])
def test_a_path_that_units_would_misread_is_refused(tree: Tree, program: str) -> None:
    done = tree.install("--program", program)

    assert done.returncode == 1
    assert program in done.stderr
    assert tree.names() == {}


@pytest.mark.parametrize("options", [("--nonsense",), ("--state-from",)])
def test_wrong_options_are_a_usage_error(tree: Tree, options: tuple[str, ...]) -> None:
    done = tree.run(ROOT / "scripts/install.sh", "--root", str(tree.root), *options)

    assert done.returncode == 64
    assert options[0] in done.stderr


def test_without_root_it_says_sudo(tree: Tree) -> None:
    done = tree.run(
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
        "bash", str(ROOT / "scripts/install.sh"), "--yes",
    )  # fmt: skip

    assert done.returncode == 1
    assert "sudo" in done.stderr
    assert "--yes" in done.stderr


def test_the_help_is_the_head_of_the_script(tree: Tree) -> None:
    done = tree.run(ROOT / "scripts/install.sh", "--help")

    assert done.returncode == 0
    assert "--with-recovery-units" in done.stdout
    assert "lib.sh" not in done.stdout


def test_systemd_finds_nothing_to_complain_about(tree: Tree) -> None:
    """As far as it can tell without running: unknown settings, bad values, missing programs."""
    tree.install("--with-recovery-units")
    tree.systemctl("enable", "renogy-bt-proxy.service")
    for name in ("python", "renogybt"):
        tree.write(f"{PROGRAM}/.venv/bin/{name}", "#!/bin/sh\n")
        tree.path(f"{PROGRAM}/.venv/bin/{name}").chmod(0o755)
    tree.write("/usr/bin/systemctl", "#!/bin/sh\n")
    tree.path("/usr/bin/systemctl").chmod(0o755)
    (tree.root / "usr/lib").mkdir(exist_ok=True)
    subprocess.run(["cp", "-r", "--parents", "/usr/lib/systemd/system", tree.root], check=True, timeout=30.0)
    units = ("renogy-bt-proxy", "renogy-bt-restart-bluetooth", "renogy-bt-reset-adapter@hci0")
    names = [f"{unit}.service" for unit in units]
    done = tree.run("systemd-analyze", "verify", f"--root={tree.root}", "--man=no", *names)

    assert [line for line in done.stderr.splitlines() if "renogy" in line] == []
