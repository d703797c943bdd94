"""What a name tells about the device that has it; not much, as one module is built into all kinds."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from renogybt.model.reading import DeviceType

SERVICE = "ffd0"
"""Advertised by Renogy's Bluetooth modules; so are others' things, as the number is nobody's."""

_BATTERY_IDS = (48, 49, 50, 51)
_CONTROLLER_IDS = (255, 17, 16, 1, 96, 97)


@dataclass(frozen=True, slots=True)
class Guess:
    """What a device probably is, in words; its likely types and the unit ids to try, likeliest first."""

    what: str
    types: tuple[DeviceType, ...]
    unit_ids: tuple[int, ...]


_NAMES = (
    (
        "BT-TH-",
        Guess(
            "Renogy Bluetooth module or hub, on any kind of device",
            (
                DeviceType.BATTERY,
                DeviceType.CONTROLLER,
                DeviceType.DC_CHARGER,
                DeviceType.INVERTER,
            ),
            (255, 48, 49, 50, 51, 96, 97, 32, 33, 34, 35, 16, 17),
        ),
    ),
    ("RNGRBP", Guess("Renogy Pro battery", (DeviceType.BATTERY_PRO,), (255,))),
    ("RNGPRO", Guess("Renogy Pro battery", (DeviceType.BATTERY,), (255,))),
    ("RNGC", Guess("Renogy Pro battery", (DeviceType.BATTERY,), (255,))),
    ("RNGRIU", Guess("Renogy inverter", (DeviceType.INVERTER,), (32, 255))),
    ("BTRIC", Guess("Renogy inverter", (DeviceType.INVERTER,), (32, 255))),
    ("RTMShunt300", Guess("Renogy Smart Shunt 300", (DeviceType.SHUNT,), ())),
)
"""Beginnings of advertised names."""

_MODELS = (
    ("RBT", Guess("battery", (DeviceType.BATTERY, DeviceType.BATTERY_PRO), _BATTERY_IDS)),
    ("RNG-CTRL", Guess("charge controller", (DeviceType.CONTROLLER,), _CONTROLLER_IDS)),
    ("RNG-DCC", Guess("DC charger", (DeviceType.DC_CHARGER,), _CONTROLLER_IDS)),
    ("DCC", Guess("DC charger", (DeviceType.DC_CHARGER,), _CONTROLLER_IDS)),
    ("RBC", Guess("DC charger", (DeviceType.DC_CHARGER,), _CONTROLLER_IDS)),
    ("RIV", Guess("inverter", (DeviceType.INVERTER,), (32, 255))),
)
"""Beginnings of the models that devices tell in their registers."""


SIGNS = re.compile(
    b"|".join(re.escape(start.encode()) for start, _ in _NAMES) + b"|" + bytes.fromhex(SERVICE)[::-1]
)
"""Begins of names and the service's number, anywhere in advertising data: without one `is_renogy` is never
true of it. A search for them takes a thirtieth of the time that describing it does."""


def kind_of_name(name: str) -> Guess | None:
    """What an advertised name says, None for names that are not Renogy's. Padding does not matter."""
    return _first(_NAMES, name)


def kind_of_model(model: str) -> Guess | None:
    """What a model says that was read from a device, None for models that are not known."""
    return _first(_MODELS, model)


def likely_type(name: str) -> DeviceType | None:
    """The type that an advertised name gives, None where it leaves several open."""
    guess = kind_of_name(name)
    return guess.types[0] if guess is not None and len(guess.types) == 1 else None


def is_renogy(name: str, service_uuids: Iterable[str]) -> bool:
    """Whether an advertisement is probably of a Renogy device: by its name or a service, short or whole."""
    if kind_of_name(name) is not None:
        return True
    return any(uuid.lower() in _SERVICE_FORMS for uuid in service_uuids)


_SERVICE_FORMS = frozenset({SERVICE, f"0000{SERVICE}", f"0000{SERVICE}-0000-1000-8000-00805f9b34fb"})


def _first(table: tuple[tuple[str, Guess], ...], text: str) -> Guess | None:
    stripped = text.strip(" \0")
    return next((guess for start, guess in table if stripped.startswith(start)), None)
