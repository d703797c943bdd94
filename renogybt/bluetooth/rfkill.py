"""Whether a switch of the machine keeps Bluetooth off (Linux Documentation/driver-api/rfkill.rst)."""

from pathlib import Path


def bluetooth_block(adapter: str, root: Path = Path("/sys/class/rfkill")) -> str | None:
    """`hard`, `soft`, or None for the adapter of this name."""
    for switch in sorted(root.glob("rfkill*")):
        try:
            if (switch / "type").read_text().strip() != "bluetooth":
                continue
            if (switch / "name").read_text().strip() != adapter:
                continue
            if (switch / "hard").read_text().strip() == "1":
                return "hard"
            if (switch / "soft").read_text().strip() == "1":
                return "soft"
        except OSError:
            continue  # it went away while we were looking
    return None
