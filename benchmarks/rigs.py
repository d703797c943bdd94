"""Who talks to whom: an emitter, the program or a bare loop, and a client."""

import contextlib
import socket
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.processes import Bus, Child, Program, module

_HEARD_S = 10.0
_POLL_S = 0.002


@dataclass(frozen=True, slots=True)
class Rig:
    """`subject` is what is measured, `others` what is weighed beside it.

    `client` has come first, `further` after it; `port` is where more can come to.
    """

    emitter: Child
    subject: Child
    client: Child | None = None
    further: Sequence[Child] = ()
    others: dict[str, Child] = field(default_factory=dict)
    port: int = 0


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def configuration(
    folder: Path, port: int, key: str | None = None, *, mdns: bool = False, source: str = "dbus"
) -> Path:
    """A config.ini that touches nothing outside its folder."""
    path = folder / "config.ini"
    path.write_text(
        "[home_assistant_proxy]\n"
        "device_name = benchmark\n"
        "native_api_host = 127.0.0.1\n"
        f"native_api_port = {port}\n"
        f"{f'encryption_key = {key}' if key else 'encryption = off'}\n"
        f"mdns = {'true' if mdns else 'false'}\n"
        f"advertisement_source = {source}\n"
        f"state_dir = {folder / 'state'}\n"
        f"scan_lock = {folder / 'scan.lock'}\n"
    )
    return path


def discovery_ns(emitter: Child, subject: Program) -> int:
    """When the program asked for advertisements (monotonic)."""
    give_up = time.monotonic() + _HEARD_S
    while time.monotonic() < give_up and subject.process.poll() is None:
        if (at_ns := emitter.ask("heard")["at_ns"]) is not None:
            emitter.ask("open")
            return int(at_ns)
        time.sleep(_POLL_S)
    raise RuntimeError(f"the program did not start a discovery:\n{subject.log}")


def program(config: Path, bus: Bus) -> Program:
    """The program as a user starts it."""
    return Program(["unified_proxy.py", str(config)], bus=bus.address)


@contextlib.contextmanager
def bluez() -> Iterator[tuple[Path, Bus, Child]]:
    """A folder, a bus, and org.bluez on it."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        folder = Path(name)
        with Bus(folder) as bus, module("emit_dbus", bus.address) as emitter:
            emitter.ask("count")
            yield folder, bus, emitter


@contextlib.contextmanager
def connected(port: int, key: str | None = None, clients: int = 1) -> Iterator[Sequence[Child]]:
    """So many clients, each a process of its own, which have subscribed."""
    with contextlib.ExitStack() as stack:
        arguments = (port, *([key] if key else []))
        found = [stack.enter_context(module("client", *arguments)) for _ in range(clients)]
        for client in found:
            client.ask("mark")
        yield found


@contextlib.contextmanager
def _used(
    subject: Program, port: int, key: str | None, clients: int, *, mdns: bool
) -> Iterator[Sequence[Child]]:
    subject.logged_ns("ready:")
    with connected(port, key, clients) as found:
        if mdns:
            subject.logged_ns("announced by mDNS")
        yield found


@contextlib.contextmanager
def dbus_rig(key: str | None = None, *, mdns: bool = False, clients: int = 1) -> Iterator[Rig]:
    """org.bluez, a bus, the program, clients."""
    port = free_port()
    with (
        bluez() as (folder, bus, emitter),
        program(configuration(folder, port, key, mdns=mdns), bus) as subject,
        _used(subject, port, key, clients, mdns=mdns) as found,
    ):
        discovery_ns(emitter, subject)
        yield Rig(emitter, subject, next(iter(found), None), found[1:], {"bus": bus}, port)


@contextlib.contextmanager
def bare_dbus_rig() -> Iterator[Rig]:
    """org.bluez, a bus, a handler that only counts."""
    with bluez() as (_folder, bus, emitter), module("bare_dbus", bus.address) as subject:
        subject.ask("count")
        emitter.ask("open")
        yield Rig(emitter, subject)


@contextlib.contextmanager
def _packets() -> Iterator[tuple[Child, socket.socket]]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, module("emit_mgmt", theirs.fileno(), descriptors=[theirs.fileno()]) as emitter:
        theirs.close()
        emitter.ask("open")
        yield emitter, ours


@contextlib.contextmanager
def mgmt_rig(key: str | None = None, *, mdns: bool = False, clients: int = 1) -> Iterator[Rig]:
    """Packets of the management socket, the program, clients."""
    port = free_port()
    with tempfile.TemporaryDirectory(prefix="bench-") as name, _packets() as (emitter, ours):
        config = configuration(Path(name), port, key, mdns=mdns)
        arguments = ["-m", "benchmarks.mgmt_proxy", str(ours.fileno()), str(config)]
        with (
            Program(arguments, [ours.fileno()]) as subject,
            _used(subject, port, key, clients, mdns=mdns) as found,
        ):
            yield Rig(emitter, subject, next(iter(found), None), found[1:], port=port)


@contextlib.contextmanager
def _sink() -> Iterator[int]:
    """The port of who takes what is sent, and does nothing with it."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        module("bare_sink", server.fileno(), descriptors=[server.fileno()]),
    ):
        yield server.getsockname()[1]


@contextlib.contextmanager
def common_parts_rig() -> Iterator[Rig]:
    """org.bluez, a bus, a proxy made of bleak and protobuf, and who takes what it sends."""
    with _sink() as port, bluez() as (_folder, bus, emitter):
        arguments = [sys.executable, "-m", "benchmarks.common_parts", str(port)]
        with Child(arguments, environment={"DBUS_SYSTEM_BUS_ADDRESS": bus.address}) as subject:
            subject.ask("count")
            emitter.ask("open")
            yield Rig(emitter, subject)


def _bare(name: str, packets: socket.socket, *arguments: object) -> Child:
    return module(name, packets.fileno(), *arguments, descriptors=[packets.fileno()])


@contextlib.contextmanager
def bare_forward_rig() -> Iterator[Rig]:
    """Packets of the management socket, a loop that sends each on at once, and who takes it."""
    with _sink() as port, _packets() as (emitter, ours), _bare("bare_forward", ours, port) as subject:
        subject.ask("count")
        yield Rig(emitter, subject)


@contextlib.contextmanager
def bare_recv_rig() -> Iterator[Rig]:
    """Packets of the management socket, a loop that only receives."""
    with (
        _packets() as (emitter, ours),
        _bare("bare_recv", ours) as subject,
    ):
        subject.ask("count")
        yield Rig(emitter, subject)
