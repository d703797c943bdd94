"""A machine with Bluetooth: a private bus, bluetoothd, the kernel, somebody on the air, a radio."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, Self

import pytest

from fakes.bluez import FakeBlueZ
from fakes.bluez_filter import DiscoveryFilter
from fakes.fixtures import ADAPTER_ADDRESS
from fakes.mgmt import LE_DISCOVERY, LE_PUBLIC, LE_RANDOM, NO_RESOURCES, FakeController, FakeKernel
from fakes.private_bus import PrivateBus
from renogybt.bluetooth.radio import BlueZRadio
from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import Advertisement, parse_address
from renogybt.model.radio import Radio, ScannerState, ScannerStatus

SENDER = "C4:7C:8D:6A:3E:01"
COMPANY = 0x0958
EVERY_S = 0.01
GOODBYE_S = 2.0
BY_DBUS, BY_MGMT = AdvertisementSource.DBUS, AdvertisementSource.MGMT
OTHER_ADDRESS = "00:1A:7D:DA:71:99"
KINDS = {"public": LE_PUBLIC, "random": LE_RANDOM}
both = pytest.mark.parametrize("source", [BY_DBUS, BY_MGMT], ids=["dbus", "mgmt"])


def payload(number: int) -> bytes:
    """What the advertisement of this number says, at its end."""
    return number.to_bytes(4, "little")


def is_running(status: ScannerStatus) -> bool:
    return status.state is ScannerState.RUNNING


class Heard:
    """What a radio told, from now on."""

    def __init__(self, radio: Radio) -> None:
        self.statuses: list[ScannerStatus] = []
        self.batches: list[Sequence[Advertisement]] = []
        self._radio = radio
        self._more = asyncio.Event()
        radio.watch(self._on_status)
        radio.listen(self._on_batch, patient=True)

    @property
    def advertisements(self) -> list[Advertisement]:
        """All of all batches."""
        return [each for batch in self.batches for each in batch]

    @property
    def reasons(self) -> list[str]:
        """Why it failed, each time that it did."""
        return [status.reason for status in self.statuses if status.reason]

    async def until(self, rule: Callable[[], object], within_s: float) -> float:
        """Seconds until `rule` holds after something was told; raises AssertionError."""
        now = asyncio.get_running_loop().time
        start = now()
        try:
            async with asyncio.timeout(within_s):
                while not rule():
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"not within {within_s} s; {self._radio.status}; {self.reasons}") from None
        return now() - start

    async def status(self, rule: Callable[[ScannerStatus], bool], within_s: float = 2.0) -> float:
        """Wait for a status."""
        return await self.until(lambda: rule(self._radio.status), within_s)

    async def running(self, within_s: float = 2.0) -> float:
        """Wait until the radio scans."""
        return await self.status(lambda status: status.state is ScannerState.RUNNING, within_s)

    async def failed(self, within_s: float = 2.0) -> str:
        """Wait until the radio says that it cannot, and why."""
        await self.status(lambda status: status.state is ScannerState.FAILED, within_s)
        return self._radio.status.reason

    async def advertisement(self, within_s: float = 2.0) -> float:
        """Wait for one that comes from now on."""
        count = len(self.batches)
        return await self.until(lambda: len(self.batches) > count, within_s)

    async def scanning(self, within_s: float = 2.0) -> float:
        """Wait until it says that it scans, and an advertisement comes after that."""
        return await self.running(within_s) + await self.advertisement(within_s)

    def _on_status(self, status: ScannerStatus) -> None:
        self.statuses.append(status)
        self._more.set()

    def _on_batch(self, batch: Sequence[Advertisement]) -> None:
        self.batches.append(batch)
        self._more.set()


class World:
    """One adapter, hci0, and one sender whose payload changes each time. `async with` runs it.

    bluetoothd and the kernel know the same: who discovers, what is powered, which adapters there are.
    """

    def __init__(self, folder: Path, *, bus: bool = True, bluetoothd: bool = True) -> None:
        self.bus = PrivateBus()
        self.bluez = FakeBlueZ(self.bus.address, adapters_after_s=0.005, powered_after_s=0.02)
        self.bluez.add_adapter("hci0", ADAPTER_ADDRESS).no_room = self._tell_no_room
        self.kernel = FakeKernel()
        self.kernel.stopped_discovery = self.bluez.end_orphan
        self.kernel.hang_up = self._hang_up
        self.lock_path = folder / "scan.lock"
        self.on_air = True
        self.every_s = EVERY_S
        """Between two advertisements."""
        self.senders = [SENDER]
        """Who sends them, one after the other."""
        self._start = (bus, bluetoothd)
        self.sent = 0
        """How many there were."""

    def radio(self, source: AdvertisementSource = AdvertisementSource.DBUS, **options: Any) -> BlueZRadio:
        """A radio of this machine."""
        options = {"lock_path": self.lock_path, "open_mgmt": self.kernel.open, **options}
        return BlueZRadio(source=source, bus_address=self.bus.address, **options)

    @contextlib.asynccontextmanager
    async def run(self, radio: Radio) -> AsyncIterator[Heard]:
        """Have it scan; at the end it must leave in time."""
        heard = Heard(radio)
        task = asyncio.create_task(radio.run())
        try:
            yield heard
            assert not task.done(), task
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                async with asyncio.timeout(GOODBYE_S):
                    await task

    @contextlib.asynccontextmanager
    async def scanning(self, radio: Radio) -> AsyncIterator[Heard]:
        """Have it scan, and wait until it does."""
        async with self.run(radio) as heard:
            await heard.scanning()
            yield heard

    @property
    def owners(self) -> list[DiscoveryFilter | None]:
        """The filters of all discoveries on hci0."""
        return list(self.bluez.owners().values())

    def unplug(self, hci: str = "hci0") -> None:
        """Pull the adapter out."""
        self.bluez.remove_adapter(hci)
        self.sync()

    def plug(self, hci: str, address: str = ADAPTER_ADDRESS) -> None:
        """Put an adapter in, which is powered a moment later."""
        self.bluez.add_adapter(hci, address)
        self.sync()

    def hear(self) -> None:
        """One advertisement that has never been sent before."""
        self.sent += 1
        said = payload(self.sent)
        structure = b"\x02\x01\x06\x07\xff" + COMPANY.to_bytes(2, "little") + said
        sender = self.senders[self.sent % len(self.senders)]
        self.sync()
        self.bluez.advertise(sender, manufacturer_data={COMPANY: said})
        for index in self.kernel.controllers:
            self.kernel.advertise(sender, structure, index=index)

    def show(self) -> None:
        """An advertisement of each peripheral that sends any, always the same."""
        self.sync()
        for address, peripheral in self.bluez.peripherals.items():
            if not peripheral.advertises:
                continue
            self.bluez.advertise(address, address_type=peripheral.address_type, name=peripheral.name)
            name = peripheral.name.encode()
            data = b"\x02\x01\x06" + bytes((len(name) + 1, 9)) + name
            for index in self.kernel.controllers:
                self.kernel.advertise(address, data, index=index)

    def sync(self) -> None:
        """What bluetoothd and its clients have changed in the kernel."""
        adapters = {int(hci.removeprefix("hci")): adapter for hci, adapter in self.bluez.adapters.items()}
        controllers = self.kernel.controllers
        for index in set(controllers) - set(adapters):
            del controllers[index]
        for index, adapter in adapters.items():
            controller = controllers.setdefault(index, FakeController())
            controller.powered = adapter.powered
            wanted = adapter.sessions.active or adapter.sessions.orphaned
            if wanted != bool(controller.discovery):
                controller.discover(LE_DISCOVERY if wanted else 0)

    async def __aenter__(self) -> Self:
        bus, bluetoothd = self._start
        if bus:
            await self.bus.start()
        if bluetoothd:
            await self.bluez.start()
            await self.bluez.ready()
        self._air = asyncio.create_task(self._send())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._air.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._air
        await self.bluez.stop() if self.bus.running else await self.bluez.crash()
        self.kernel.cut()
        await self.bus.close()

    def _hang_up(self, index: int, address: str, kind: int) -> bool:
        device = self.bluez.device(address, f"hci{index}")
        link = device.link if device is not None else None
        if link is None or not link.connected or KINDS[link.peripheral.address_type] != kind:
            return False
        link.cut()
        return True

    def _tell_no_room(self, address: str, address_type: str) -> None:
        self.kernel.fail_connect(address, KINDS[address_type], NO_RESOURCES)

    async def _send(self) -> None:
        while True:
            if self.on_air:
                self.hear()
                self.show()
            await asyncio.sleep(self.every_s)


def number(address: str) -> int:
    """An address as the radio tells it."""
    return parse_address(address)


def bindings(heard: Heard) -> set[int | None]:
    """The adapters that the radio was ever bound to."""
    return {status.adapter for status in heard.statuses}
