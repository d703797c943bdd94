"""The announcement, as a real zeroconf on the loopback interface sees it."""

import asyncio
import contextlib
import errno
import itertools
import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
import zeroconf.asyncio
from zeroconf import AddressResolver, IPVersion, ServiceInfo, ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

import renogybt
from renogybt.config import Encryption
from renogybt.proxy.identity import Identity
from renogybt.proxy.keys import KeyStore
from renogybt.proxy.mdns import NOISE, SERVICE_TYPE, Announcer, txt_records
from renogybt.proxy.network import IPAddress

LOOPBACK = ["127.0.0.1"]
DEADLINE_S = 15.0
KEY = b"S" * 32
KEY_TEXT = b"U1NTU1NTU1NTU1NTU1NTU1NTU1NTU1NTU1NTU1NTU1M="
FIRST, SECOND = ip_address("192.0.2.10"), ip_address("192.0.2.11")
_numbers = itertools.count()


def identity() -> Identity:
    """A device with a dot in its name, which nobody else on this host has."""
    return Identity(f"t{os.getpid()}-{next(_numbers)}.proxy", "Renogy Proxy", 0x02FC00A0B0C1, "test")


class Watcher:
    """What somebody else in the network sees of one device."""

    def __init__(self, browsing: AsyncZeroconf, device: Identity) -> None:
        self.zeroconf = browsing
        self._prefix = device.name
        self._events: asyncio.Queue[tuple[ServiceStateChange, str]] = asyncio.Queue()
        self.browser = AsyncServiceBrowser(browsing.zeroconf, SERVICE_TYPE, handlers=[self._on_change])

    def _on_change(self, *, name: str, state_change: ServiceStateChange, **_more: Any) -> None:
        if name.startswith(self._prefix):
            self._events.put_nowait((state_change, name))

    async def sees(self, change: ServiceStateChange, name: str | None = None) -> str:
        """Wait for this change; the name that it happened to."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                seen, of = await self._events.get()
                if seen is change and name in (None, of):
                    return of

    async def resolve(self, name: str) -> AsyncServiceInfo:
        """All that is announced under this name."""
        info = AsyncServiceInfo(SERVICE_TYPE, name)
        assert await info.async_request(self.zeroconf.zeroconf, DEADLINE_S * 1000)
        return info

    async def sees_announced(self) -> AsyncServiceInfo:
        """Wait until it is there."""
        return await self.resolve(await self.sees(ServiceStateChange.Added))


@contextlib.asynccontextmanager
async def watching(device: Identity) -> AsyncIterator[Watcher]:
    browsing = AsyncZeroconf(interfaces=LOOPBACK)
    watcher = Watcher(browsing, device)
    try:
        yield watcher
    finally:
        await watcher.browser.async_cancel()
        await browsing.async_close()


@contextlib.asynccontextmanager
async def running(announcer: Announcer) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(announcer.run())
    try:
        yield task
        assert not task.done()
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def keys(tmp_path: Path) -> KeyStore:
    return KeyStore(Encryption.PROVISION, tmp_path)


class Host:
    """The addresses of a host, which may change."""

    def __init__(self, *addresses: IPAddress) -> None:
        self.addresses = addresses

    def __call__(self) -> tuple[IPAddress, ...]:
        return self.addresses


# the records


def test_home_assistant_finds_all_it_looks_for(keys: KeyStore) -> None:
    records = txt_records(identity(), keys)

    assert records["mac"] == "02fc00a0b0c1"
    assert records["friendly_name"] == "Renogy Proxy"
    assert records["version"] == "2026.10.0"
    assert records["network"] == "ethernet"
    assert records["project_version"] == renogybt.__version__
    assert "." in records["project_name"]
    assert records["platform"]
    assert records["board"]


def encryption_records(keys: KeyStore) -> dict[str, str]:
    return {name: value for name, value in txt_records(identity(), keys).items() if name.startswith("api_")}


def test_while_a_key_can_be_set_this_is_announced(keys: KeyStore) -> None:
    assert encryption_records(keys) == {"api_encryption_supported": NOISE, "api_provisioning": "zero-psk"}


def test_with_a_key_home_assistant_is_told_to_ask_for_it(keys: KeyStore, tmp_path: Path) -> None:
    keys.set(KEY_TEXT)

    assert encryption_records(keys) == {"api_encryption": NOISE}
    assert encryption_records(KeyStore(Encryption.KEY, tmp_path, KEY)) == {"api_encryption": NOISE}


def test_with_encryption_switched_off_nothing_is_said_of_it(tmp_path: Path) -> None:
    assert encryption_records(KeyStore(Encryption.OFF, tmp_path)) == {}


# on the network


async def test_a_device_with_a_dot_in_its_name_is_found_by_its_full_name_and_leaves(keys: KeyStore) -> None:
    device = identity()
    announcer = Announcer(device, keys, 6053, find_addresses=Host(FIRST), interfaces=LOOPBACK)
    async with watching(device) as watcher:
        async with running(announcer):
            info = await watcher.sees_announced()

            assert info.name == f"{device.name}.{SERVICE_TYPE}"
            assert info.server == f"{device.name}.local."
            assert info.port == 6053
            assert info.ip_addresses_by_version(IPVersion.All) == [FIRST]
            assert info.decoded_properties == txt_records(device, keys)
            host = AddressResolver(f"{device.name}.local.")
            assert await host.async_request(watcher.zeroconf.zeroconf, DEADLINE_S * 1000)
            assert host.ip_addresses_by_version(IPVersion.All) == [FIRST]

        assert await watcher.sees(ServiceStateChange.Removed) == info.name


async def test_a_key_that_is_set_and_an_address_that_changes_are_announced(keys: KeyStore) -> None:
    device = identity()
    host = Host()  # no network yet
    announcer = Announcer(device, keys, 6053, find_addresses=host, interfaces=LOOPBACK, settle_s=0.0)
    async with watching(device) as watcher, running(announcer):
        await asyncio.sleep(0)
        host.addresses = (FIRST,)
        announcer.refresh()
        info = await watcher.sees_announced()
        assert info.ip_addresses_by_version(IPVersion.All) == [FIRST]

        keys.set(KEY_TEXT)
        announcer.refresh()
        await watcher.sees(ServiceStateChange.Updated)
        assert (await watcher.resolve(info.name)).decoded_properties == txt_records(device, keys)

        host.addresses = (SECOND,)
        announcer.refresh()
        await watcher.sees(ServiceStateChange.Removed)
        moved = await watcher.sees_announced()
        assert moved.name == info.name
        assert moved.ip_addresses_by_version(IPVersion.All) == [SECOND]


async def test_given_addresses_count_instead_and_are_announced_on_a_new_interface_too(
    keys: KeyStore,
) -> None:
    device = identity()
    host = Host(FIRST)
    given = {SECOND, ip_address("2001:db8::11")}
    announcer = Announcer(device, keys, 6053, tuple(given), host, LOOPBACK, settle_s=0.0)
    async with watching(device) as watcher, running(announcer):
        info = await watcher.sees_announced()
        assert set(info.ip_addresses_by_version(IPVersion.All)) == given

        host.addresses = (FIRST, SECOND)
        announcer.refresh()

        await watcher.sees(ServiceStateChange.Removed)
        again = await watcher.sees_announced()
        assert set(again.ip_addresses_by_version(IPVersion.All)) == given


async def test_a_name_that_is_taken_is_warned_of_and_another_is_announced(
    keys: KeyStore, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    device = identity()
    announcer = Announcer(device, keys, 6053, find_addresses=Host(FIRST), interfaces=LOOPBACK)
    async with watching(device) as watcher:
        taken = f"{device.name}.{SERVICE_TYPE}"
        await watcher.zeroconf.async_register_service(
            ServiceInfo(
                SERVICE_TYPE, taken, addresses=[SECOND.packed], port=1, server=f"{device.name}.local."
            )
        )
        await watcher.sees(ServiceStateChange.Added, taken)
        async with running(announcer):
            info = await watcher.sees_announced()

    assert info.name != taken
    assert info.name.startswith(device.name)
    assert info.decoded_properties["mac"] == "02fc00a0b0c1"
    (warning,) = (record for record in caplog.records if record.levelno == logging.WARNING)
    assert device.name in warning.getMessage()
    assert "device_name" in warning.getMessage()


async def test_where_nothing_can_be_announced_this_is_said_and_nothing_else_fails(
    keys: KeyStore, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    tried = asyncio.Event()

    def refuse(**_options: Any) -> None:
        tried.set()
        raise OSError(errno.EADDRINUSE, "Address already in use")

    monkeypatch.setattr(zeroconf.asyncio, "AsyncZeroconf", refuse)

    async with running(Announcer(identity(), keys, 6053, find_addresses=Host(FIRST))):
        async with asyncio.timeout(DEADLINE_S):
            await tried.wait()
        await asyncio.sleep(0)

    assert "cannot announce" in caplog.text
    assert "Address already in use" in caplog.text


async def test_before_there_is_a_network_it_waits_and_can_be_cancelled(keys: KeyStore) -> None:
    async with running(Announcer(identity(), keys, 6053, find_addresses=Host())):
        await asyncio.sleep(0)


WITHOUT_A_NETWORK = """
import asyncio, ipaddress, pathlib, sys
from renogybt.config import Encryption
from renogybt.proxy.identity import Identity
from renogybt.proxy.keys import KeyStore
from renogybt.proxy.mdns import Announcer

async def main():
    keys = KeyStore(Encryption.OFF, pathlib.Path("/nonexistent"))
    identity = Identity("shed", "Shed", 0x001A7DDA7113, "a test")
    announcer = Announcer(identity, keys, 6053, (ipaddress.ip_address("192.0.2.7"),))
    try:
        async with asyncio.timeout(1.5):
            await announcer.run()
    except TimeoutError:
        print("still there")

asyncio.run(main())
"""


def test_an_announcement_without_any_interface_waits_for_one() -> None:
    namespace = ["unshare", "--user", "--map-root-user", "--net"]
    if subprocess.run([*namespace, "true"], capture_output=True).returncode:
        pytest.skip("this host gives us no network of our own")

    done = subprocess.run(
        [*namespace, sys.executable, "-c", WITHOUT_A_NETWORK], capture_output=True, text=True, timeout=20
    )

    assert done.stdout == "still there\n", done.stderr
    assert "cannot announce this device by mDNS" in done.stderr
