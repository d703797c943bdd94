"""The energy totals of all devices, kept over restarts."""

import json
import logging
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from renogybt.readers.energy import EnergyTotals
from renogybt.readers.energy_entries import NAMES, as_list, as_object, load_object, totals_of
from renogybt.service.files import write_atomically
from renogybt.service.logs import printable

_LOGGER = logging.getLogger(__name__)

SAVE_EVERY_S = 60.0
"""Memory cards wear out, and after a power cut a minute of energy is missed by nobody."""

_LONGEST_LIST = 200
_COMBINED = "_combined"
"""The earlier program's name for all batteries together, which are added up here."""


class EnergyLedger:
    """Totals by device key, in memory and in a file that is written at most once a minute.

    Nothing is ever lost in the file's place: one that cannot be understood is put aside under another
    name before a new one is written. While it cannot be written, counting goes on in memory.
    """

    def __init__(self, path: Path | None, *, wall: Callable[[], float]) -> None:
        """Reads the file; None: there is none. `wall` tells seconds since the epoch."""
        self._path = path
        self._wall = wall
        self._totals: dict[str, EnergyTotals] = {}
        self._imported: dict[str, list[str]] = {}
        self._changed = False
        self._put_aside = self._unsure = False
        self._failing = False
        self._tried_at: float | None = None
        self._writing = threading.Lock()
        if path is not None:
            self._load(path)

    def totals(self, key: str) -> EnergyTotals:
        """Of one device; zero for one that is not known."""
        return self._totals.get(key, EnergyTotals())

    def put(self, key: str, totals: EnergyTotals) -> None:
        """The totals of one device from now on."""
        if self._totals.get(key) != totals:
            self._totals[key] = totals
            self._changed = True

    def save(self, now: float, *, force: bool = False) -> None:
        """Write what has changed, if the last attempt was a minute ago; `force`: in any case, as at the exit.

        `now` in monotonic seconds. Never raises OSError; that the disk is full is said once. May be called
        from a thread, because a memory card can take its time.
        """
        with self._writing:
            self._save(now, force=force)

    def _save(self, now: float, *, force: bool) -> None:
        if self._path is None or not self._changed:
            return
        if not force and self._tried_at is not None and now - self._tried_at < SAVE_EVERY_S:
            return
        self._tried_at = now
        self._changed = False
        try:
            self._write(self._path)
        except OSError as error:
            self._changed = True
            self._complain(error)
        else:
            self._recover()

    def import_once(self, source: Path, keys: Mapping[str, str]) -> None:
        """Take over the totals of the earlier program, which is left as it is.

        `source` is its `energy_totals.json`; `keys` leads from its names, `<alias>_<unit id>`, to
        device keys. A name is taken once, and added to what was counted here meanwhile.
        """
        entries = _entries_of(source)
        if entries is None:
            return
        if self._unsure:
            # what was taken over before stands in the damaged file: twice would be wrong
            _LOGGER.warning("%s is not taken over, because the totals kept here were damaged", source)
            return
        place = str(source.absolute())
        first_time = place not in self._imported
        self._imported.setdefault(place, [])
        for name, key in keys.items():
            if name in entries and not any(name in names for names in self._imported.values()):
                self._import(source, name, key, entries[name])
        if first_time:
            self._changed = True
            _tell_of_others(source, entries, keys)

    def _import(self, source: Path, name: str, key: str, entry: object) -> None:
        totals = totals_of(entry)
        if totals is None:
            _LOGGER.warning("%s: %s holds no usable totals, its energy starts at zero", source, name)
            return
        # what was counted here before, as under another alias, comes on top
        counted = self.totals(key)
        totals = EnergyTotals(totals.in_kwh + counted.in_kwh, totals.out_kwh + counted.out_kwh)
        self.put(key, totals)
        self._imported[str(source.absolute())].append(name)
        text = "%s: %s goes on from %.3f kWh in and %.3f kWh out"
        _LOGGER.info(text, source, name, totals.in_kwh, totals.out_kwh)

    def _load(self, path: Path) -> None:
        try:
            content = load_object(path)
            kept, imported = as_object(content.get("totals")), as_object(content.get("imported", {}))
            read = {key: totals_of(entry) for key, entry in kept.items()}
            self._imported = {
                place: [str(name) for name in as_list(names)] for place, names in imported.items()
            }
        except FileNotFoundError:
            return
        except (OSError, ValueError, RecursionError) as error:
            self._put_aside = self._unsure = True
            _LOGGER.warning(
                "%s cannot be read (%s): energy starts at zero, the file is kept aside", path, error
            )
            return
        self._totals = {key: totals for key, totals in read.items() if totals is not None}
        if len(self._totals) < len(read):
            self._put_aside = True
            lost = printable(", ".join(key for key, totals in read.items() if totals is None), _LONGEST_LIST)
            _LOGGER.warning(
                "%s: no usable totals of %s, which start at zero; a copy is kept aside", path, lost
            )

    def _write(self, path: Path) -> None:
        totals = {
            key: dict(zip(NAMES, (each.in_kwh, each.out_kwh), strict=True))
            for key, each in sorted(self._totals.copy().items())
        }
        content = {"written_at": self._wall(), "totals": totals, "imported": self._imported}
        if self._put_aside:
            _keep_aside(path)
            self._put_aside = False
        write_atomically(path, json.dumps(content, indent=1) + "\n")

    def _complain(self, error: OSError) -> None:
        if not self._failing:
            text = "cannot keep energy totals in %s (%s); counting goes on, a restart would lose what is new"
            _LOGGER.warning(text, self._path, error.strerror or error)
        self._failing = True

    def _recover(self) -> None:
        if self._failing:
            _LOGGER.info("energy totals are kept in %s again", self._path)
        self._failing = False


def _keep_aside(path: Path) -> None:
    """Give a file a free name beside its own; raises OSError."""
    aside = path.with_name(f"{path.name}.damaged")
    number = 1
    while aside.exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{number}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    _LOGGER.warning("kept aside as %s", aside)


def _entries_of(source: Path) -> dict[str, object] | None:
    """What a file of the earlier program holds; None if it is not there or not usable."""
    try:
        return load_object(source)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        _LOGGER.warning("%s cannot be read (%s), no earlier energy totals are taken over", source, error)
        return None


def _tell_of_others(source: Path, entries: Mapping[str, object], keys: Mapping[str, str]) -> None:
    others = [name for name in entries if name not in keys and not name.endswith(_COMBINED)]
    if others:
        _LOGGER.warning(
            "%s also holds energy totals of %s, which no device here is called: the names there are"
            " <alias>_<unit id>, those of this configuration %s",
            source,
            printable(", ".join(others), _LONGEST_LIST),
            ", ".join(keys) or "none",
        )
