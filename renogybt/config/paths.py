"""Where the program keeps its state, told from the environment it was started with."""

from collections.abc import Mapping
from pathlib import Path

WITHOUT_HOME = Path("/var/lib/renogybt")
"""For services that have neither a state directory nor a home (Filesystem Hierarchy Standard 3.0, 5.8)."""


def expand(path: Path, environment: Mapping[str, str]) -> Path:
    """The path with its ~ replaced by $HOME, or unchanged where there is no home."""
    home = environment.get("HOME", "")
    if not home or path.parts[:1] != ("~",):
        return path
    return Path(home).joinpath(*path.parts[1:])


def state_directory(configured: Path | None, environment: Mapping[str, str]) -> Path:
    """The configured one, else the first of $STATE_DIRECTORY, else the one of the user."""
    if configured is not None:
        return expand(configured, environment)
    # systemd separates several by colons (systemd.exec, StateDirectory=)
    given = environment.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return Path(given)
    if environment.get("HOME"):
        return expand(Path("~/.local/state/renogybt"), environment)
    return WITHOUT_HOME
