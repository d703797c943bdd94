"""A Device1 object: how reports change its properties (bluez src/device.c)."""

from typing import Any

from dbus_fast import Variant

from fakes.bluez_errors import (
    CallError,
    does_not_exist,
    failed,
    no_such_method,
    not_connected,
    not_writable,
)
from fakes.bluez_filter import Advert
from fakes.bluez_later import Later
from fakes.bluez_link import FakeLink

DEVICE = "org.bluez.Device1"
RSSI_STEP_DB = 8
Properties = dict[str, Variant]
Answer = tuple[str, list[Any]]

# an advertiser without a peripheral behind it
_REFUSALS = {
    "Connect": failed("le-connection-abort-by-local"),
    "Disconnect": not_connected(),
    "Pair": failed("le-connection-abort-by-local"),
    "CancelPairing": does_not_exist(),
}


class FakeDevice:
    """A device; temporary while it is known from its advertisements only. `link` where one can be made."""

    def __init__(self, adapter_path: str, address: str, address_type: str) -> None:
        self.path = f"{adapter_path}/dev_{address.replace(':', '_')}"
        self.address = address
        self.connectable = True
        self.temporary = True
        self.link: FakeLink | None = None
        self._adapter_path = adapter_path
        self._address_type = address_type
        self._name: str | None = None
        self._rssi: int | None = None
        self._tx_power: int | None = None
        self._flags: int | None = None
        self._uuids: list[str] = []
        self._manufacturer_data: dict[int, bytes] = {}
        self._service_data: dict[str, bytes] = {}

    @property
    def paired(self) -> bool:
        """Whether there is a bond."""
        return self.link is not None and self.link.peripheral.paired

    def properties(self) -> Properties:
        """Device1 as a client sees it: absent properties are absent."""
        properties: Properties = {
            "Address": Variant("s", self.address),
            "AddressType": Variant("s", self._address_type),
            "Alias": Variant("s", self._name or self.address.replace(":", "-")),
            "Paired": Variant("b", self.paired),
            "Bonded": Variant("b", self.paired),
            "Trusted": Variant("b", False),
            "Blocked": Variant("b", False),
            "LegacyPairing": Variant("b", False),
            "Connected": Variant("b", self.link is not None and self.link.connected),
            "UUIDs": Variant("as", list(self._uuids)),
            "Adapter": Variant("o", self._adapter_path),
            "ServicesResolved": Variant("b", self.link is not None and self.link.resolved),
        }
        if self._name is not None:
            properties["Name"] = Variant("s", self._name)
        if self._rssi is not None:
            properties["RSSI"] = Variant("n", self._rssi)
        if self._tx_power is not None:
            properties["TxPower"] = Variant("n", self._tx_power)
        if self._flags is not None:
            properties["AdvertisingFlags"] = Variant("ay", bytes([self._flags]))
        if self._manufacturer_data:
            values = {company: Variant("ay", data) for company, data in self._manufacturer_data.items()}
            properties["ManufacturerData"] = Variant("a{qv}", values)
        if self._service_data:
            data = {uuid: Variant("ay", value) for uuid, value in self._service_data.items()}
            properties["ServiceData"] = Variant("a{sv}", data)
        return properties

    def report(self, advert: Advert, *, filtered: bool, duplicate_data: bool) -> list[str]:
        """Take a report in; the names of the properties that are signalled.

        `filtered`: a discovery filter is in effect, so RSSI is signalled every time.
        `duplicate_data`: a client asked for it, so data starts afresh and is signalled every time.
        """
        self.connectable = advert.connectable
        signalled = self._hear_rssi(advert.rssi, filtered)
        if advert.tx_power is not None and advert.tx_power != self._tx_power:
            self._tx_power = advert.tx_power
            signalled.append("TxPower")
        if advert.name is not None and advert.name != self._name:
            self._name = advert.name
            signalled += ["Name", "Alias"]
        new_uuids = [uuid for uuid in advert.service_uuids if uuid not in self._uuids]
        if new_uuids:
            self._uuids += new_uuids
            signalled.append("UUIDs")
        if _take_data(self._manufacturer_data, advert.manufacturer_data, duplicate_data):
            signalled.append("ManufacturerData")
        if _take_data(self._service_data, advert.service_data, duplicate_data):
            signalled.append("ServiceData")
        if advert.flags != self._flags:
            self._flags = advert.flags
            signalled.append("AdvertisingFlags")
        return signalled

    def forget_signal_strength(self) -> list[str]:
        """Discovery is over; the names of the properties that are invalidated."""
        gone = [
            name for name, value in (("RSSI", self._rssi), ("TxPower", self._tx_power)) if value is not None
        ]
        self._rssi = self._tx_power = None
        return gone

    def interfaces(self) -> dict[str, Properties]:
        """The interfaces of the object with their properties."""
        return {DEVICE: self.properties()}

    def write(self, interface: str, name: str, value: Variant) -> None:
        """Properties.Set; no property of a temporary device is writable in this fake."""
        raise not_writable(name)

    def call(self, interface: str, member: str, sender: str, body: list[Any]) -> Answer | Later:
        """A method call on the object but Connect, which is the adapter's; raises CallError."""
        if self.link is not None and interface == DEVICE:
            match member:
                case "Disconnect":
                    return self.link.disconnect()
                case "Pair":
                    return self.link.pairing.pair(sender)
                case "CancelPairing":
                    self.link.pairing.cancel()
                    return "", []
        refusal: CallError | None = _REFUSALS.get(member) if interface == DEVICE else None
        raise refusal or no_such_method("UnknownMethod", member, "", interface)

    def _hear_rssi(self, rssi: int, filtered: bool) -> list[str]:
        step = 0 if filtered else RSSI_STEP_DB
        if self._rssi is not None and abs(self._rssi - rssi) < step:
            return []
        self._rssi = rssi
        return ["RSSI"]


def _take_data(known: dict[Any, bytes], heard: Any, duplicate_data: bool) -> bool:
    """Merge what was heard into what is known; whether that is worth a signal."""
    if not heard:
        return False
    if duplicate_data:
        known.clear()
    if all(known.get(key) == value for key, value in heard.items()):
        return False
    known.update(heard)
    return True
