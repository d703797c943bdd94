"""What devices were found to be in earlier runs, so that nothing seems to vanish at a restart."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy.catalogue import quantity
from renogybt.protocols.renogy.errors import UnknownQuantityError
from renogybt.service.files import put_aside, write_atomically

_LOGGER = logging.getLogger(__name__)

FILE = "layout.json"
_LARGEST_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one device: names of its quantities, its model, its name in the air."""

    kind: str
    names: frozenset[str] = frozenset()
    model: str = ""
    name: str = ""


class Layout:
    """Known devices by key, in memory and in `<state_dir>/layout.json`, which is written when they change.

    The names of a device only ever become more while its type stays the same. A file that cannot be
    understood is put aside; one that cannot be written costs a line, not a reading.
    """

    def __init__(self, state_dir: Path | None = None) -> None:
        """Reads the file; None: there is none."""
        self._path = state_dir / FILE if state_dir is not None else None
        self._known: dict[str, Known] = {}
        self._failing = False
        if self._path is not None:
            self._known = _load(self._path)

    def of(self, key: str, device_type: DeviceType | None) -> Known:
        """What is known of a device; nothing if it was of another type. None: a bank."""
        kind = device_type.value if device_type is not None else "bank"
        known = self._known.get(key)
        return known if known is not None and known.kind == kind else Known(kind)

    def learn(
        self,
        key: str,
        device_type: DeviceType | None,
        names: Iterable[str],
        *,
        model: str = "",
        name: str = "",
    ) -> bool:
        """Add what a reading has shown; whether anything of it is new."""
        before = self.of(key, device_type)
        after = replace(
            before, names=before.names.union(names), model=model or before.model, name=name or before.name
        )
        if after == self._known.get(key):
            return False
        self._known[key] = after
        return True

    def save(self) -> bool:
        """Write the file; whether that is done. Never raises OSError, may be called from a thread."""
        if self._path is None:
            return True
        content = {
            key: {"type": each.kind, "model": each.model, "name": each.name, "quantities": sorted(each.names)}
            for key, each in sorted(self._known.copy().items())
        }
        try:
            write_atomically(self._path, json.dumps({"devices": content}, indent=1) + "\n")
        except OSError as error:
            if not self._failing:
                _LOGGER.warning("cannot keep the layout of devices in %s: %s", self._path, error.strerror)
            self._failing = True
        else:
            self._failing = False
        return not self._failing


def _load(path: Path) -> dict[str, Known]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST_BYTES + 1)
        return dict(_parsed(content))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        _LOGGER.warning("%s cannot be used (%s); devices are found out anew", path, error)
        put_aside(path)
        return {}


def _parsed(content: bytes) -> Iterable[tuple[str, Known]]:
    if len(content) > _LARGEST_BYTES:
        raise ValueError("it is too large")
    for key, entry in json.loads(content)["devices"].items():
        names = frozenset(name for name in entry["quantities"] if _is_quantity(name))
        yield key, Known(str(entry["type"]), names, str(entry["model"]), str(entry.get("name", "")))


def _is_quantity(name: object) -> bool:
    """Whether this version still knows it."""
    try:
        return isinstance(name, str) and bool(quantity(name))
    except UnknownQuantityError:
        return False
