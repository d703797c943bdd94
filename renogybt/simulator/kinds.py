"""Who lives in the neighbourhood: one row for each kind of device."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from itertools import chain, cycle, islice
from random import Random

from renogybt.simulator.crowd import (
    android_phone,
    apple_earbuds,
    apple_nearby,
    fast_pair_earbuds,
    fitness_band,
    laptop,
    television,
    unknown_vendor,
)
from renogybt.simulator.hub import HUB_ADDRESS, renogy_hub
from renogybt.simulator.lamp import LAMP_ADDRESS
from renogybt.simulator.lamp_on_air import lamp_on_air
from renogybt.simulator.payload import Source
from renogybt.simulator.proximity import eddystone, ibeacon, tracker
from renogybt.simulator.sensors import bthome_thermometer, govee_thermometer, ruuvi_tag, switchbot_meter


class Identity(Enum):
    """The kind of address: Core Specification vol 6 part B 1.3."""

    PUBLIC = auto()
    STATIC = auto()
    """Random static: the two highest bits are 11."""
    PRIVATE = auto()
    """Resolvable private: the two highest bits are 01, and the address rotates."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One row.

    `share` is how many of the default crowd are of this kind, `oui` or `address` is for a public
    address, `rssi_dbm` is how well it is heard on average where that is not left to chance.
    """

    make: Callable[[Random], Source]
    identity: Identity
    interval_s: tuple[float, float]
    share: int = 1
    oui: int = 0
    address: int | None = None
    rssi_dbm: float | None = None


_TELINK = 0xA4C138

KINDS = (
    Kind(renogy_hub, Identity.PUBLIC, (0.5, 0.5), address=HUB_ADDRESS, rssi_dbm=-62),
    Kind(bthome_thermometer, Identity.PUBLIC, (0.9, 1.2), share=3, oui=_TELINK),
    Kind(ibeacon, Identity.STATIC, (0.13, 0.35), share=3),
    Kind(apple_nearby, Identity.PRIVATE, (0.35, 1.0), share=6),
    Kind(govee_thermometer, Identity.PUBLIC, (1.5, 1.7), share=2, oui=_TELINK),
    Kind(ruuvi_tag, Identity.STATIC, (1.285, 1.285), share=2),
    Kind(switchbot_meter, Identity.STATIC, (0.9, 1.1), share=2),
    Kind(eddystone, Identity.STATIC, (0.7, 1.0), share=2),
    Kind(android_phone, Identity.PRIVATE, (0.5, 1.0), share=3),
    Kind(apple_earbuds, Identity.PRIVATE, (0.3, 0.6), share=2),
    Kind(laptop, Identity.PRIVATE, (0.6, 1.2), share=2),
    Kind(unknown_vendor, Identity.STATIC, (0.4, 1.5), share=2),
    Kind(fast_pair_earbuds, Identity.PRIVATE, (0.5, 1.0)),
    Kind(television, Identity.PUBLIC, (0.4, 0.8), oui=0x641CAE),
    Kind(fitness_band, Identity.STATIC, (0.8, 1.2)),
    Kind(tracker, Identity.STATIC, (1.4, 1.7)),
)
"""The intervals are those that such devices are seen with, the shares make about 50 advertisements a
second."""
LAMP = Kind(lamp_on_air, Identity.STATIC, (0.5, 0.5), address=LAMP_ADDRESS, rssi_dbm=-55)
"""Comes in addition to the crowd."""
DEFAULT_ADVERTISERS = sum(kind.share for kind in KINDS)


def line_up(count: int) -> list[Kind]:
    """The kinds of `count` devices: first one of each, then by share; there is only one hub."""
    rest = [kind for kind in KINDS for _ in range(kind.share - 1)]
    everyone = [kind for kind in KINDS if kind.address is None for _ in range(kind.share)]
    return list(islice(chain(KINDS, rest, cycle(everyone)), count))
