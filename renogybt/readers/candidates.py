"""Renogy devices in the air that nobody has configured, and what to write to have them read."""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from renogybt.model.advertisement import RSSI_UNKNOWN, Advertisement, format_address
from renogybt.model.reading import DeviceType
from renogybt.protocols.advertising.summary import Summary, describe
from renogybt.protocols.renogy.identify import SIGNS, Guess, is_renogy, kind_of_name
from renogybt.service.logs import printable

_LOGGER = logging.getLogger(__name__)

MOST = 32
"""Candidates that are remembered: more than a place has, and no gift to one who invents them."""
_MOST_LINES = 5
_NAME_WIDTH = 32
_NOBODY = (
    "no Renogy device was heard. Is it switched on and near? And does no app and no other program talk to"
    " it? A device that is connected does not advertise"
)
SOME_MODULE = "perhaps a Renogy Bluetooth module, by the service that it offers"
_USUAL_IDS = (48, 49, 50, 51)
_IDS_REMARK = "batteries behind a hub; 255: one device alone; 96: a controller behind a hub"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A device that is probably of Renogy; `rssi` is in dBm, None where the radio does not tell.

    `guess` is what its name tells, None where only the service that it offers speaks for it.
    """

    address: int
    name: str
    rssi: int | None
    guess: Guess | None = None

    def __str__(self) -> str:
        what = self.guess.what if self.guess else SOME_MODULE
        strength = "" if self.rssi is None else f", {self.rssi} dBm"
        return f"{self.name or 'without a name'} at {format_address(self.address)}{strength}: {what}"


def renogy_in_words(name: str, service_uuids: Iterable[str]) -> str:
    """What the sender of an advertisement probably is, nothing where it is not of Renogy."""
    guess = kind_of_name(name)
    if guess is not None:
        return guess.what
    return SOME_MODULE if is_renogy(name, service_uuids) else ""


def advice(candidate: Candidate, section: str = "device") -> str:
    """The lines that config.ini needs to have it read; without an end of line behind the last one."""
    types, ids = _types(candidate), _unit_ids(candidate)
    several = len(types) > 1
    lines = [
        f"[{section}]",
        f"mac_addr = {format_address(candidate.address)}",
        _line("type", types[0], f"or {', '.join(types[1:])}: what it is built into or plugged into", several),
    ]
    if ids:
        lines.append(_line("device_id", ids, _IDS_REMARK, several))
    return "\n".join(lines)


def _types(candidate: Candidate) -> list[str]:
    """The likeliest first."""
    if candidate.guess is None:
        return [each.value for each in (DeviceType.BATTERY, DeviceType.CONTROLLER, DeviceType.DC_CHARGER)]
    return [each.value for each in candidate.guess.types]


def _unit_ids(candidate: Candidate) -> str:
    """As in config.ini, nothing for a device that has none.

    A guess names ids to try one after the other; of a device with a radio of its own the first is enough.
    """
    if candidate.guess is None or len(candidate.guess.types) > 1:
        return ",".join(map(str, _USUAL_IDS))
    return "".join(map(str, candidate.guess.unit_ids[:1]))


def _line(key: str, value: str, remark: str, remarked: bool) -> str:
    return f"{key} = {value}  # {remark}" if remarked else f"{key} = {value}"


def advice_for_all(candidates: Sequence[Candidate]) -> str:
    """What to write, for people: a section for each candidate, or what to look at when there is none."""
    if not candidates:
        return _NOBODY
    parts = ["heard near here; to have one read, write in config.ini:"]
    for number, candidate in enumerate(candidates, start=1):
        section = "device" if number == 1 else f"device:{number}"
        parts.append(f"# {candidate}\n{advice(candidate, section)}")
    return "\n\n".join(parts)


def hint(candidates: Sequence[Candidate]) -> str:
    """One line on these: what to write for the first one, and how many others there are."""
    others = f"; {len(candidates) - 1} more heard" if len(candidates) > 1 else ""
    return f"{advice_in_a_line(candidates[0])}{others}"


def advice_in_a_line(candidate: Candidate) -> str:
    """The same as one line, for a log."""
    first, *others = _types(candidate)
    address = format_address(candidate.address)
    alternatives = f" (or {', '.join(others)})" if others else ""
    ids = f", device_id = {numbers}" if (numbers := _unit_ids(candidate)) else ""
    return (
        f"Renogy device {candidate.name} heard at {address}; to have it read, write in config.ini under"
        f" [device]: mac_addr = {address}, type = {first}{alternatives}{ids}"
    )


class Candidates:
    """The likely Renogy devices among all that is heard; `found` is called once for each whose name tells it.

    An advertisement without a sign of Renogy costs one search in its octets, as all of them pass here.
    """

    def __init__(self, found: Callable[[Candidate], None] = lambda _candidate: None) -> None:
        self._found = found
        self._candidates: dict[int, Candidate] = {}

    def hear(self, batch: Sequence[Advertisement]) -> None:
        """Take in a batch."""
        known, signs_in = self._candidates, SIGNS.search
        for advertisement in batch:
            if advertisement.address in known or signs_in(advertisement.data):
                self._judge(advertisement)

    def likeliest_first(self) -> list[Candidate]:
        """Those whose name tells what they are, then the others; the strongest first."""
        return sorted(self._candidates.values(), key=_doubt)

    def _judge(self, advertisement: Advertisement) -> None:
        known = self._candidates.get(advertisement.address)
        if known is not None and known.guess is not None:
            self._candidates[advertisement.address] = replace(known, rssi=_known(advertisement.rssi))
            return
        summary = describe(advertisement.data)
        if not is_renogy(summary.name or "", summary.service_uuids):
            return
        if known is None and len(self._candidates) >= MOST:
            return
        candidate = _candidate(advertisement, summary, known)
        self._candidates[advertisement.address] = candidate
        if candidate.guess is not None:
            self._found(candidate)


def _candidate(advertisement: Advertisement, summary: Summary, known: Candidate | None) -> Candidate:
    """With a name that it has told before, where this advertisement tells none."""
    name = printable((summary.name or "").strip(), _NAME_WIDTH) or (known.name if known else "")
    return Candidate(advertisement.address, name, _known(advertisement.rssi), kind_of_name(name))


def _known(rssi: int) -> int | None:
    return None if rssi == RSSI_UNKNOWN else rssi


def _doubt(candidate: Candidate) -> tuple[bool, bool, int]:
    return candidate.guess is None, candidate.rssi is None, -(candidate.rssi or 0)


class CandidateWatch:
    """Logs the first few candidates, each once: for a run that has nothing to read."""

    def __init__(self) -> None:
        self._lines = 0
        self.hear = Candidates(self._log).hear
        """Take in a batch."""

    def _log(self, candidate: Candidate) -> None:
        if self._lines < _MOST_LINES:
            self._lines += 1
            _LOGGER.info("%s", advice_in_a_line(candidate))
