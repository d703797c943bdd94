"""What is in the air as lines of JSON, for programs."""

import json
from collections.abc import Sequence
from typing import TextIO

from renogybt.model.advertisement import RSSI_UNKNOWN, AddressType, Advertisement, format_address
from renogybt.protocols.advertising.summary import describe
from renogybt.readers.candidates import renogy_in_words


def write_json_lines(batch: Sequence[Advertisement], now: float, out: TextIO) -> None:
    """One object per advertisement: `monotonic_s address address_type rssi name data`.

    Where it is probably of Renogy, `renogy` says what it may be.
    """
    for address, rssi, address_type, data in batch:
        summary = describe(data)
        line = {
            "monotonic_s": round(now, 3),
            "address": format_address(address),
            "address_type": AddressType(address_type).name.lower(),
            "rssi": None if rssi == RSSI_UNKNOWN else rssi,
            "name": summary.name,
            "data": data.hex(),
        }
        if renogy := renogy_in_words(summary.name or "", summary.service_uuids):
            line["renogy"] = renogy
        out.write(json.dumps(line) + "\n")
    out.flush()
