"""The Renogy Bluetooth hub (BT-2) as it advertises."""

from random import Random

from renogybt.model.advertisement import parse_address
from renogybt.protocols.advertising.structures import Flags, complete_name, flags, service_uuids
from renogybt.simulator.payload import Payload, Source, payload

HUB_ADDRESS = parse_address("6C:B2:FD:86:82:4D")
HUB_NAME = "BT-TH-FD86824D"
HUB_SERVICE = "ffd0"
"""The service that takes the requests. As on the real hub it is all that is advertised of the services."""


def renogy_hub(rng: Random) -> Source:
    """Never changes what it says: everything is in the advertisement, there is no scan response."""
    constant = payload(
        flags(Flags.GENERAL_DISCOVERABLE | Flags.NO_BREDR),
        complete_name(HUB_NAME),
        *service_uuids([HUB_SERVICE], complete=False),
    )

    def source(now: float, address: int) -> Payload:
        return constant

    return source
