"""The announcement by which Home Assistant finds this device (mDNS, `_esphomelib._tcp`)."""

import asyncio
import contextlib
import logging
import platform
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import renogybt
from renogybt.protocols.esphome.noise import PROTOCOL
from renogybt.proxy.identity import ESPHOME_VERSION, PROJECT_NAME, Identity
from renogybt.proxy.keys import KeyStore
from renogybt.proxy.network import IPAddress, address_changes, host_addresses

if TYPE_CHECKING:
    from zeroconf import ServiceInfo
    from zeroconf.asyncio import AsyncZeroconf

_LOGGER = logging.getLogger(__name__)

SERVICE_TYPE = "_esphomelib._tcp.local."
NOISE = PROTOCOL.decode()
SETTLE_S = 1.0
"""Addresses come in groups (IPv4, IPv6); announce them together."""
_RETRY_S = 30.0
_LOOK_S = 5.0
"""How often to look where the kernel does not tell."""
_GOODBYE_S = 0.5


def txt_records(identity: Identity, keys: KeyStore) -> dict[str, str]:
    """What Home Assistant reads before it connects; without `mac` it ignores the device."""
    records = {
        "mac": identity.mac_digits,
        "friendly_name": identity.friendly_name,
        "version": ESPHOME_VERSION,
        "platform": "Linux",
        "board": platform.machine(),
        "network": "ethernet",
        "project_name": PROJECT_NAME,
        "project_version": renogybt.__version__,
    }
    if keys.has_key:
        records["api_encryption"] = NOISE
    elif keys.settable:
        records["api_encryption_supported"] = NOISE
        records["api_provisioning"] = "zero-psk"
    return records


class Announcer:
    """Announces one device, and again when an address of the host or the key changes.

    `addresses`: what to announce instead of the host's own addresses. `interfaces`: addresses of
    those to announce on, empty: all. `settle_s`: how long a change may go on.
    """

    def __init__(
        self,
        identity: Identity,
        keys: KeyStore,
        port: int,
        addresses: tuple[IPAddress, ...] = (),
        find_addresses: Callable[[], tuple[IPAddress, ...]] = host_addresses,
        interfaces: Sequence[str] = (),
        settle_s: float = SETTLE_S,
    ) -> None:
        self._identity = identity
        self._keys = keys
        self._port = port
        self._fixed = addresses
        self._find = find_addresses
        self._interfaces = interfaces
        self._settle_s = settle_s
        self._changed = asyncio.Event()

    def refresh(self) -> None:
        """The key has changed."""
        self._changed.set()

    async def run(self) -> None:
        """Announce until cancelled; then take the announcement back."""
        with address_changes(self._changed) as told:
            look_s = None if told else _LOOK_S
            while True:
                host = self._find()
                if addresses := self._fixed or host:
                    await self._announce(addresses, host, look_s)
                else:
                    await self._wait(look_s)

    async def _announce(
        self, addresses: tuple[IPAddress, ...], host: tuple[IPAddress, ...], look_s: float | None
    ) -> None:
        """Announce these addresses for as long as the host keeps its own, and with them its interfaces."""
        from zeroconf import Error, InterfaceChoice, IPVersion
        from zeroconf.asyncio import AsyncZeroconf

        # by IPv4 where there is any: it carries the IPv6 addresses as well, and everybody hears it
        by_ipv4 = any(address.version == 4 for address in host)
        try:
            zeroconf = AsyncZeroconf(
                interfaces=list(self._interfaces) or InterfaceChoice.All,
                ip_version=IPVersion.V4Only if by_ipv4 or self._interfaces else IPVersion.V6Only,
            )
        except (OSError, RuntimeError) as error:  # RuntimeError: no interface to speak on, any more
            _LOGGER.warning("cannot announce this device by mDNS: %s; trying again", error)
            await self._wait(_RETRY_S)
            return
        try:
            info = await self._register(zeroconf, addresses)
            while self._find() == host:
                await self._wait(look_s)
                if (records := self._info(addresses, info.name)).text != info.text:
                    info = records
                    await (await zeroconf.async_update_service(info))
        except (Error, OSError) as error:
            _LOGGER.warning("the announcement by mDNS failed: %r; trying again", error)
            await self._wait(_RETRY_S)
        finally:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_GOODBYE_S):
                    await zeroconf.async_unregister_all_services()
            await zeroconf.async_close()

    async def _register(self, zeroconf: "AsyncZeroconf", addresses: tuple[IPAddress, ...]) -> "ServiceInfo":
        from zeroconf import NonUniqueNameException

        info = self._info(addresses)
        try:
            await (await zeroconf.async_register_service(info))
        except NonUniqueNameException:
            _LOGGER.warning(
                "another device in this network is called %s. Home Assistant may mix them up: choose"
                " another device_name in config.ini",
                self._identity.name,
            )
            await (await zeroconf.async_register_service(info, allow_name_change=True))
        _LOGGER.info(
            "announced by mDNS as %s at %s",
            info.name.removesuffix("." + SERVICE_TYPE),
            ", ".join(map(str, addresses)),
        )
        return info

    def _info(self, addresses: tuple[IPAddress, ...], name: str = "") -> "ServiceInfo":
        from zeroconf import ServiceInfo

        return ServiceInfo(
            SERVICE_TYPE,
            name or f"{self._identity.name}.{SERVICE_TYPE}",
            addresses=[address.packed for address in addresses],
            port=self._port,
            properties=txt_records(self._identity, self._keys),
            # Home Assistant takes the device's name from here, dots and all
            server=f"{self._identity.name}.local.",
        )

    async def _wait(self, timeout_s: float | None) -> None:
        """Until something changed, and a moment longer, but no longer than `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._changed.wait()
                await asyncio.sleep(self._settle_s)
        self._changed.clear()
