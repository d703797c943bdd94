from collections.abc import Iterator

import pytest
from proxy.virtual_time import VirtualLoop

from renogybt.proxy.entities import EntityStore, Layout
from renogybt.proxy.entity_kinds import Sensor
from renogybt.proxy.relisting import PAUSE_S, SETTLE_S, Relisting


class Client:
    """Comes back after it was sent away, and lists again."""

    def __init__(self, listed: int | None, loop: VirtualLoop) -> None:
        self.listed = listed
        self.sent_away: list[float] = []
        self._loop = loop

    def goodbye(self) -> None:
        self.sent_away.append(self._loop.time())


class Bench:
    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.store = EntityStore([])
        self.clients: list[Client] = []
        self.relisting = Relisting(self.store, lambda: self.clients)

    def client(self, *, lists: bool = True) -> Client:
        client = Client(self.store.layout if lists else None, self.loop)
        self.clients.append(client)
        return client

    def change(self, name: str) -> None:
        """Another layout, from within the loop as all calls are."""

        async def define() -> None:
            self.store.define("power devices", Layout(entities=(Sensor(name, name),)))

        self.loop.run_until_complete(define())


@pytest.fixture
def bench(virtual_loop: VirtualLoop) -> Iterator[Bench]:
    bench = Bench(virtual_loop)
    bench.relisting.start()
    yield bench
    bench.relisting.close()


def test_a_client_with_an_old_list_is_sent_away_once(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "renogybt")
    client = bench.client()

    bench.change("a")
    assert client.sent_away == []
    bench.loop.advance(SETTLE_S + 1)

    assert client.sent_away == [SETTLE_S]
    assert [record.getMessage() for record in caplog.records] == [
        "there are other entities than before: 1 clients connect anew to see them"
    ]


def test_changes_that_come_together_cost_one_connection(bench: Bench) -> None:
    client = bench.client()

    for name in "abcd":
        bench.change(name)
        bench.loop.advance(SETTLE_S / 5)
    bench.loop.advance(PAUSE_S)

    assert len(client.sent_away) == 1


def test_who_has_not_listed_or_listed_since_may_stay(bench: Bench) -> None:
    early = bench.client(lists=False)
    bench.change("a")
    late = bench.client()
    bench.loop.advance(SETTLE_S + 1)

    assert (early.sent_away, late.sent_away) == ([], [])


def test_the_next_time_comes_a_minute_later_at_the_earliest(bench: Bench) -> None:
    bench.client()
    bench.change("a")
    bench.loop.advance(SETTLE_S + 1)
    bench.clients.clear()
    back = bench.client()

    bench.change("b")
    bench.loop.advance(PAUSE_S / 2)
    assert back.sent_away == []
    bench.loop.advance(PAUSE_S)
    assert back.sent_away == [SETTLE_S + PAUSE_S]


def test_without_clients_there_is_nothing_to_wait_for(bench: Bench) -> None:
    bench.change("a")
    bench.loop.advance(SETTLE_S + 1)
    client = bench.client()

    bench.change("b")
    bench.loop.advance(SETTLE_S + 1)

    assert len(client.sent_away) == 1


def test_after_the_end_nobody_is_sent_away(bench: Bench) -> None:
    client = bench.client()
    bench.change("a")

    bench.relisting.close()
    bench.loop.advance(PAUSE_S)
    bench.change("b")
    bench.loop.advance(PAUSE_S)

    assert client.sent_away == []
