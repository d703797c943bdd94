"""Home Assistant in the network, as a real zeroconf on the loopback interface announces it."""

import errno
import os
from collections.abc import AsyncIterator

import pytest
import zeroconf.asyncio
from doctor.place import Place, by_name, problems_in
from zeroconf import ServiceInfo
from zeroconf.asyncio import AsyncZeroconf

from renogybt.doctor.examination import CHECKS, examine
from renogybt.doctor.findings import Verdict
from renogybt.doctor.home_assistant import SERVICE_TYPE, home_assistant

NAME = f"Home {os.getpid()}"


@pytest.fixture
async def announced() -> AsyncIterator[None]:
    announcer = AsyncZeroconf(interfaces=["127.0.0.1"])
    info = ServiceInfo(
        SERVICE_TYPE, f"{NAME}.{SERVICE_TYPE}", addresses=[b"\x7f\0\0\1"], port=8123, server="home.local."
    )
    await (await announcer.async_register_service(info))
    yield
    await announcer.async_unregister_all_services()
    await announcer.async_close()


async def test_one_that_answers_is_found(announced: None, bare: Place) -> None:
    (row,) = await home_assistant(bare.case())

    assert row.verdict is Verdict.OK
    assert NAME in row.text


async def test_that_it_cannot_find_us_is_told_where_it_is_so_configured(announced: None, bare: Place) -> None:
    bare.configure(mdns="false")
    (row,) = await home_assistant(bare.case())

    assert row.verdict is Verdict.NOTE
    assert "mdns = false" in row.text


async def test_none_is_a_note_with_the_way_by_hand(bare: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("renogybt.doctor.home_assistant.SERVICE_TYPE", "_nobody-has-this._tcp.local.")
    monkeypatch.setattr("renogybt.doctor.home_assistant.LISTEN_S", 0.2)
    (row,) = await home_assistant(bare.case())

    assert row.verdict is Verdict.NOTE
    assert f"port {bare.port}" in row.advice


async def test_a_machine_without_network_cannot_ask(bare: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(**_interfaces: object) -> None:
        raise OSError(errno.ENETUNREACH, os.strerror(errno.ENETUNREACH))

    monkeypatch.setattr(zeroconf.asyncio, "AsyncZeroconf", unreachable)
    (row,) = await home_assistant(bare.case())

    assert row.verdict is Verdict.UNKNOWN
    assert "network" in row.advice


async def test_a_healthy_machine_has_no_problem_in_any_row(announced: None, place: Place) -> None:
    rows = by_name(await examine(place.machine, place.question))

    assert problems_in(rows) == []
    assert set(rows) == {name for check in CHECKS for name in check.names}
