"""The demo's lamp as it advertises."""

from random import Random

from renogybt.protocols.advertising.structures import Flags, complete_name, flags, service_uuids
from renogybt.simulator.lamp import LAMP_NAME, LAMP_SERVICE
from renogybt.simulator.payload import Payload, Source, payload


def lamp_on_air(rng: Random) -> Source:
    """Never changes what it says. Beside flags and a 128-bit UUID there is no room for its name."""
    constant = payload(
        flags(Flags.GENERAL_DISCOVERABLE | Flags.NO_BREDR),
        *service_uuids([LAMP_SERVICE]),
        response=(complete_name(LAMP_NAME),),
    )

    def source(now: float, address: int) -> Payload:
        return constant

    return source
