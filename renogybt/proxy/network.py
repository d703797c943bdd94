"""The addresses of this host, and word of their changes."""

import asyncio
import contextlib
import ipaddress
import socket
from collections.abc import Iterator

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address

_RTMGRP_IPV4_IFADDR, _RTMGRP_IPV6_IFADDR = 0x10, 0x100  # rtnetlink(7)


def host_addresses() -> tuple[IPAddress, ...]:
    """All addresses by which others can reach this host: no loopback, no link-local ones."""
    import ifaddr

    found = set()
    for adapter in ifaddr.get_adapters():
        for ip in adapter.ips:
            text = ip.ip if isinstance(ip.ip, str) else ip.ip[0]
            address = ipaddress.ip_address(text)
            if not (address.is_loopback or address.is_link_local):
                found.add(address)
    return tuple(sorted(found, key=lambda address: (address.version, int(address))))


@contextlib.contextmanager
def address_changes(changed: asyncio.Event) -> Iterator[bool]:
    """Sets `changed` whenever the kernel adds or removes an address (rtnetlink).

    Yields False where the kernel does not let us listen, so that the caller has to look itself.
    """
    loop = asyncio.get_running_loop()
    try:
        netlink = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.NETLINK_ROUTE
        )
    except OSError:
        yield False
        return
    with netlink:
        try:
            netlink.bind((0, _RTMGRP_IPV4_IFADDR | _RTMGRP_IPV6_IFADDR))
        except OSError:
            yield False
            return

        def drain() -> None:
            changed.set()  # even if what was told is lost, because it came too fast (ENOBUFS)
            with contextlib.suppress(OSError):
                while netlink.recv(65_536):
                    pass

        loop.add_reader(netlink, drain)
        try:
            yield True
        finally:
            loop.remove_reader(netlink)
