"""What is in the air as lines of JSON, for programs."""

import json
from collections.abc import Sequence
from typing import TextIO

from renogybt.model.advertisement import RSSI_UNKNOWN, AddressType, Advertisement, format_address
from renogybt.protocols.advertising.summary import describe


def write_json_lines(batch: Sequence[Advertisement], now: float, out: TextIO) -> None:
    """One object per advertisement: `monotonic_s address address_type rssi name data`."""
    for address, rssi, address_type, data in batch:
        line = {
            "monotonic_s": round(now, 3),
            "address": format_address(address),
            "address_type": AddressType(address_type).name.lower(),
            "rssi": None if rssi == RSSI_UNKNOWN else rssi,
            "name": describe(data).name,
            "data": data.hex(),
        }
        out.write(json.dumps(line) + "\n")
    out.flush()
