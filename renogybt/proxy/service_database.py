"""What clients were told of the services of peripherals, kept over restarts.

Home Assistant asks for services once and then goes by the handles that it was told.
"""

import asyncio
import json
import logging
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from renogybt.model.advertisement import format_address, parse_address
from renogybt.model.gatt import Characteristic, Descriptor, Property, Service
from renogybt.service.files import put_aside, write_atomically
from renogybt.service.logs import printable

_LOGGER = logging.getLogger(__name__)

FILE = "services.json"
SAVE_EVERY_S = 15.0
"""Memory cards wear out; what a power cut takes is read from the peripheral again."""
MOST_PERIPHERALS = 64

_VERSION = 1
_LARGEST = 1_000_000
"""In octets: 15,000 for each of 64 peripherals, where common ones need 1,000 to 3,000."""
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class ServiceDatabase:
    """Services by the address of a peripheral, in memory and in a file.

    Of more than `MOST_PERIPHERALS` the one that nobody has asked for longest goes. A file that cannot be
    understood is put aside; one that cannot be written costs a line, and is tried again.
    """

    def __init__(self, path: Path | None) -> None:
        """Reads the file; None: there is none."""
        self._path = path
        # the one that was asked for last stands last
        self._told: dict[int, tuple[Service, ...]] = {} if path is None else _load(path)
        self._written = _text(self._told)
        self._writing = threading.Lock()
        self._changed = asyncio.Event()
        self._failing = False

    def told(self, address: int) -> tuple[Service, ...]:
        """What clients were told last; nothing if they were not."""
        services = self._told.pop(address, ())
        if services:
            self._told[address] = services
        return services

    def keep(self, address: int, services: Sequence[Service]) -> None:
        """Clients are told this from now on."""
        kept = tuple(services)
        if self._told.pop(address, None) != kept:
            self._changed.set()
        self._told[address] = kept
        while len(self._told) > MOST_PERIPHERALS:
            del self._told[next(iter(self._told))]

    def forget(self, address: int) -> bool:
        """Clients are told anew; whether there was something to forget."""
        if self._told.pop(address, None) is None:
            return False
        self._changed.set()
        return True

    async def run(self) -> None:
        """Save what changes, at most every `SAVE_EVERY_S`, until cancelled, and then at once."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                # in a thread: a memory card may take a second
                if not await asyncio.to_thread(self._save):
                    self._changed.set()
                await asyncio.sleep(SAVE_EVERY_S)
        finally:
            self._save()

    def _save(self) -> bool:
        """Write the file, if it would be another one; whether that is done."""
        if self._path is None:
            return True
        with self._writing:  # the newest content last, also when a thread is still at it at the end
            text = _text(self._told.copy())
            if text == self._written:
                return True
            try:
                write_atomically(self._path, text)
            except OSError as error:
                self._complain(error)
                return False
            self._written = text
            self._recover()
            return True

    def _complain(self, error: OSError) -> None:
        if not self._failing:
            _LOGGER.warning(
                "cannot keep the services of peripherals in %s (%s): free some space, or set state_dir in"
                " config.ini to a folder that this user may write; until then a restart forgets what is new",
                self._path,
                error.strerror or error,
            )
        self._failing = True

    def _recover(self) -> None:
        if self._failing:
            _LOGGER.info("the services of peripherals are kept in %s again", self._path)
        self._failing = False


def _load(path: Path) -> dict[int, tuple[Service, ...]]:
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
        return dict(list(_parsed(content))[-MOST_PERIPHERALS:])
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        _LOGGER.warning(
            "%s cannot be used (%s): it is put aside, and services are read from the peripherals anew. If"
            " a device stays unavailable, restart Home Assistant, which remembers its services as well",
            path,
            printable(str(error)),
        )
        put_aside(path)
        return {}


def _parsed(content: bytes) -> Iterator[tuple[int, tuple[Service, ...]]]:
    if len(content) > _LARGEST:
        raise ValueError("it is too large")
    kept = json.loads(content)
    if kept["version"] != _VERSION:
        raise ValueError("another version of this program has written it")
    for address, rows in kept["peripherals"].items():
        yield parse_address(address), tuple(_services(rows))


def _services(rows: Iterable[Any]) -> Iterator[Service]:
    for uuid, handle, characteristics in rows:
        yield Service(_uuid(uuid), _handle(handle), tuple(_characteristics(characteristics)))


def _characteristics(rows: Iterable[Any]) -> Iterator[Characteristic]:
    for uuid, handle, properties, descriptors in rows:
        yield Characteristic(
            _uuid(uuid),
            _handle(handle),
            Property(_whole(properties, 0xFF)),
            tuple(Descriptor(_uuid(each), _handle(at)) for each, at in descriptors),
        )


def _uuid(text: object) -> str:
    if isinstance(text, str) and _UUID.fullmatch(text):
        return text
    raise ValueError("no UUID where one belongs")


def _handle(number: object) -> int:
    return _whole(number, 0xFFFF)


def _whole(number: object, largest: int) -> int:
    if isinstance(number, int) and not isinstance(number, bool) and 0 <= number <= largest:
        return number
    raise ValueError("no number where one belongs, or one out of range")


def _text(told: dict[int, tuple[Service, ...]]) -> str:
    """The file's content, without the longest unused where all would be larger than what is read again."""
    entries: list[str] = []
    size = 0
    for address, services in reversed(told.items()):
        entry = f"{_json(format_address(address))}:{_json([_service_row(each) for each in services])}"
        if size + len(entry) < _LARGEST - 100:
            size += len(entry) + 1
            entries.append(entry)
    return f'{{"version":{_VERSION},"peripherals":{{{",".join(reversed(entries))}}}}}\n'


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))


def _service_row(service: Service) -> list[object]:
    return [service.uuid, service.handle, [_characteristic_row(each) for each in service.characteristics]]


def _characteristic_row(characteristic: Characteristic) -> list[object]:
    descriptors = [[each.uuid, each.handle] for each in characteristic.descriptors]
    return [characteristic.uuid, characteristic.handle, int(characteristic.properties), descriptors]
