"""The processes of a benchmark, for a moment."""

import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import ModuleType

import pytest

from benchmarks import building_blocks, decoding
from benchmarks.processes import cpu_ns, voluntary_switches, wake_ups
from benchmarks.rigs import (
    Rig,
    bare_dbus_rig,
    bare_forward_rig,
    bare_recv_rig,
    common_parts_rig,
    dbus_rig,
    mgmt_rig,
)

_ENOUGH = 20


@pytest.mark.parametrize("make_rig", [dbus_rig, mgmt_rig])
def test_all_clients_hear_what_the_emitter_sends(
    make_rig: Callable[..., AbstractContextManager[Rig]],
) -> None:
    with make_rig(clients=2) as rig:
        rig.emitter.ask("rate 200")
        assert rig.client is not None
        rig.client.ask(f"report {_ENOUGH}")
        last = rig.emitter.ask("rate 0")["sent"]
        for client in (rig.client, *rig.further):
            heard = client.ask(f"report {last}")
            assert (heard["lost"], heard["disordered"]) == (0, 0)
            assert heard["received"] >= _ENOUGH // 2
        assert cpu_ns(rig.subject.pid) > 0


def test_a_client_that_pauses_hears_nothing_until_it_resumes() -> None:
    with mgmt_rig(clients=2) as rig:
        [other] = rig.further
        other.ask("pause")
        other.ask("mark")
        rig.emitter.ask("rate 200")
        assert rig.client is not None
        assert rig.client.ask(f"report {_ENOUGH}")["received"] >= 1
        assert other.ask("report 0")["received"] == 0
        other.ask("resume")
        assert other.ask(f"report {2 * _ENOUGH}")["received"] >= 1


def test_wake_ups_are_the_waits_of_a_thread_and_not_its_losses_of_the_processor() -> None:
    status = "Name:\tx\nvoluntary_ctxt_switches:\t7\nnonvoluntary_ctxt_switches:\t90\n"
    assert voluntary_switches(status) == 7


def test_a_kernel_that_does_not_count_them_is_named() -> None:
    with pytest.raises(ValueError, match="does not count"):
        voluntary_switches("Name:\tx\n")


def test_this_process_has_been_woken() -> None:
    assert wake_ups(os.getpid()) > 0


@pytest.mark.parametrize("make_rig", [bare_dbus_rig, bare_forward_rig, bare_recv_rig, common_parts_rig])
def test_a_yardstick_takes_all_that_the_emitter_sends(
    make_rig: Callable[[], AbstractContextManager[Rig]],
) -> None:
    with make_rig() as rig:
        rig.emitter.ask("rate 500")
        while rig.emitter.ask("count")["sent"] < _ENOUGH:
            pass
        sent = rig.emitter.ask("rate 0")["sent"]
        deadline = time.monotonic() + 5.0
        while rig.subject.ask("count")["count"] < sent:
            assert time.monotonic() < deadline


@pytest.mark.parametrize("part", [building_blocks, decoding])
def test_every_step_can_be_taken(part: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building_blocks, "LEAST_S", 0.0)

    assert {row.unit for row in part.measure()} == {"µs"}
