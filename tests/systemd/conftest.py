"""A system that does not run, to install into: folders, and systemd's own commands that work on them."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = "/opt/renogybt"
INSTALL_S = 30.0


@dataclass(frozen=True)
class Tree:
    """A system in a folder."""

    root: Path

    def path(self, name: str) -> Path:
        """Where an absolute path of that system is."""
        return self.root / name.lstrip("/")

    def text(self, name: str) -> str:
        return self.path(name).read_text()

    def write(self, name: str, text: str) -> None:
        self.path(name).parent.mkdir(parents=True, exist_ok=True)
        self.path(name).write_text(text)

    def names(self) -> dict[str, str]:
        """All that is no folder, with its content; a link with its target."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            if path.is_symlink():
                found[f"/{path.relative_to(self.root)}"] = f"-> {path.readlink()}"
            elif path.is_file():
                found[f"/{path.relative_to(self.root)}"] = path.read_text(errors="replace")
        return found

    def install(self, *options: str, yes: bool = True) -> subprocess.CompletedProcess[str]:
        """Run scripts/install.sh on it; nobody is there to be asked."""
        command = [ROOT / "scripts/install.sh", "--root", self.root, "--program", PROGRAM, *options]
        return self.run(*command, *(["--yes"] if yes else []))

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=INSTALL_S,
            check=False,
            env={**os.environ, "LC_ALL": "C.UTF-8"},
        )

    def systemctl(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run("systemctl", f"--root={self.root}", *arguments)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """An empty one. To give files to other users takes root."""
    if os.geteuid() != 0:
        pytest.skip("to install takes root")
    if shutil.which("systemctl") is None:
        pytest.skip("systemd is not installed")
    root = tmp_path / "system"
    (root / "etc/systemd/system").mkdir(parents=True)
    return Tree(root)
