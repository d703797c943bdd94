"""What a client gets of the advertisements."""

from collections.abc import Callable

from aioesphomeapi.api_pb2 import BluetoothLERawAdvertisementsResponse
from aioesphomeapi.model import BluetoothScannerStateResponse as ScannerState
from clients.serving import Client

from renogybt.model.advertisement import Advertisement


class Heard:
    """What a client got, in order."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.advertisements: list[Advertisement] = []
        self.states: list[ScannerState] = []
        client.api.subscribe_bluetooth_scanner_state(self.states.append)
        self.unsubscribe = self.subscribe()

    def subscribe(self) -> Callable[[], None]:
        """Ask for advertisements, once more if need be."""
        return self.client.api.subscribe_bluetooth_le_raw_advertisements(self.take)

    def take(self, message: BluetoothLERawAdvertisementsResponse) -> None:
        """One message as the client hands it on."""
        self.advertisements += [
            Advertisement(each.address, each.rssi, each.address_type, each.data)
            for each in message.advertisements
        ]
