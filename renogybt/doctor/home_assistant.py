"""Whether Home Assistant is in this network, as far as mDNS tells."""

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from renogybt.doctor.case import Case
from renogybt.doctor.findings import Finding, note, ok, unknown

HOME_ASSISTANT = "home assistant"
SERVICE_TYPE = "_home-assistant._tcp.local."
LISTEN_S = 3.0
"""A responder answers within 0.12 s, unless the question is lost; it is asked three times in this time."""
_LEAVE_S = 1.0

_LOGGER = logging.getLogger(__name__)


async def home_assistant(case: Case) -> Iterable[Finding]:
    """The first that answers counts; none is no fault, for mDNS ends at the router."""
    from zeroconf import Error, InterfaceChoice

    try:
        names = await browse(list(case.machine.mdns_interfaces) or InterfaceChoice.All)
    except (Error, OSError, RuntimeError) as error:  # RuntimeError: no interface to speak on
        return [
            unknown(HOME_ASSISTANT, f"mDNS cannot be used: {error}", "connect this machine to the network")
        ]
    port = case.proxy.native_api_port
    by_hand = (
        "in Home Assistant: Settings, Devices & services, Add integration, ESPHome, with the address of this"
        f" machine and port {port}"
    )
    if not names:
        text = f"none answers by mDNS within {LISTEN_S:g} s: it may be in another network"
        return [note(HOME_ASSISTANT, text, by_hand)]
    listed = ", ".join(names)
    if not case.proxy.mdns:
        text = f"{listed} answers by mDNS, but mdns = false keeps it from finding this device"
        return [note(HOME_ASSISTANT, text, by_hand)]
    return [ok(HOME_ASSISTANT, f"{listed} answers by mDNS")]


async def browse(interfaces: Any, listen_s: float = LISTEN_S) -> list[str]:
    """The names of those that answer, as soon as one does; raises zeroconf.Error, OSError or RuntimeError."""
    from zeroconf.asyncio import AsyncServiceBrowser, AsyncZeroconf

    names: list[str] = []
    heard = asyncio.Event()

    def on_change(*, name: str, **_more: object) -> None:
        names.append(name.removesuffix(f".{SERVICE_TYPE}"))
        heard.set()

    zeroconf = AsyncZeroconf(interfaces=interfaces)
    browser = AsyncServiceBrowser(zeroconf.zeroconf, SERVICE_TYPE, handlers=[on_change])
    try:
        async with asyncio.timeout(listen_s):
            await heard.wait()
    except TimeoutError:
        _LOGGER.debug("no Home Assistant within %g s", listen_s)
    finally:
        async with asyncio.timeout(_LEAVE_S):
            await browser.async_cancel()
            await zeroconf.async_close()
    return sorted(set(names))
