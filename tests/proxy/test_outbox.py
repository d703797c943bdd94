"""One client that reads, reads slowly, or does not read at all."""

import pytest
from proxy.transport import PeerTransport
from proxy.virtual_time import VirtualLoop

from renogybt.protocols.esphome.advertisements import RAW_ADVERTISEMENTS
from renogybt.proxy.outbox import (
    BACKLOG_AGE_S,
    BACKLOG_LIMIT,
    LIMIT,
    STANDSTILL_S,
    Outbox,
)

BATCH = 8 * 1024
UNSENT = 1_000
"""What the kernel does not take; how much it is does not matter."""


class Client:
    """An outbox with its peer; frames are numbered in the order in which they are made."""

    def __init__(self, loop: VirtualLoop) -> None:
        self.loop = loop
        self.transport = PeerTransport()
        self.frames_made = 0
        self.open = True
        self.given_up: list[str] = []
        self.outbox = Outbox(self.transport, self.frame, self.give_up, loop)
        self.transport.pause = self.outbox.pause
        self.transport.resume = self.outbox.resume

    def frame(self, number: int, payload: bytes) -> bytes:
        assert self.open, "a connection that is closed makes no frames"
        assert number == RAW_ADVERTISEMENTS
        self.frames_made += 1
        return b"<%d:" % self.frames_made + payload + b">"

    def give_up(self, reason: str) -> None:
        self.given_up.append(reason)
        self.open = False
        self.transport.abort()

    def advertise(self, name: str, size: int = BATCH, count: int = 10) -> None:
        self.outbox.advertise(name.encode().ljust(size, b"."), count)

    def stop_reading(self) -> None:
        """Until the flow control pauses the outbox."""
        self.transport.reading = False
        self.outbox.write(bytes(UNSENT))
        assert self.outbox.paused

    def read_all(self) -> None:
        self.transport.reading = True
        self.transport.read()

    @property
    def heard(self) -> list[str]:
        """The frames of advertisements that arrived, without the filling."""
        whole = b"".join(self.transport.received).replace(b"\0", b"")
        return whole.replace(b".", b"").decode().replace("><", "> <").split()


@pytest.fixture
def client(virtual_loop: VirtualLoop) -> Client:
    return Client(virtual_loop)


@pytest.fixture
def other_client(virtual_loop: VirtualLoop) -> Client:
    return Client(virtual_loop)


def test_to_a_client_that_reads_everything_goes_at_once(client: Client) -> None:
    client.outbox.write(b"answer")
    client.advertise("a")

    assert client.transport.received[0] == b"answer"
    assert client.heard == ["answer<1:a>"]
    assert not client.outbox.paused


def test_a_frame_that_clients_share_is_written_as_it_is(client: Client) -> None:
    client.outbox.advertise(b"payload", 3, b"the frame of all")

    assert client.transport.received == [b"the frame of all"]
    assert client.frames_made == 0


def test_advertisements_wait_for_a_slow_client_and_are_framed_when_they_leave(client: Client) -> None:
    client.stop_reading()

    client.advertise("a")
    client.outbox.advertise(b"b", 1, b"a frame made before")
    assert client.frames_made == 0
    assert client.transport.get_write_buffer_size() == UNSENT
    client.read_all()

    assert client.heard == ["<1:a>", "<2:b>"]
    assert client.outbox.dropped == 0


def test_what_is_framed_is_written_in_that_order(client: Client) -> None:
    client.stop_reading()
    for name in "abc":
        client.advertise(name)
    client.read_all()
    client.advertise("d")

    assert client.heard == ["<1:a>", "<2:b>", "<3:c>", "<4:d>"]


def test_a_slow_client_loses_its_own_oldest_advertisements_and_they_are_counted(
    client: Client, other_client: Client
) -> None:
    client.stop_reading()
    names = [f"n{number}" for number in range(11)]

    for name in names:
        client.advertise(name)
        other_client.advertise(name)
    client.read_all()

    kept = BACKLOG_LIMIT // BATCH
    assert [each.split(":")[1] for each in client.heard] == [f"{name}>" for name in names[-kept:]]
    assert client.outbox.dropped == 10 * (len(names) - kept)
    assert other_client.outbox.dropped == 0
    assert len(other_client.heard) == len(names)


def test_the_memory_of_a_client_that_does_not_read_is_bounded(client: Client) -> None:
    client.stop_reading()

    for number in range(10_000):
        client.advertise(f"n{number}", size=500, count=1)
    client.read_all()

    kept = BACKLOG_LIMIT // 500
    assert client.outbox.dropped == 10_000 - kept
    assert len(client.heard) == kept


def test_answers_and_states_go_out_past_waiting_advertisements_and_are_never_dropped(client: Client) -> None:
    client.stop_reading()
    states = [b"|state%d|" % number for number in range(1_000)]

    for state in states:
        client.advertise("a")
        client.outbox.write(state)
    client.read_all()

    received = b"".join(client.transport.received)
    places = [received.index(state) for state in states]
    assert places == sorted(places)
    assert client.outbox.dropped > 0


def test_what_waited_longer_than_home_assistant_may_believe_is_dropped(client: Client) -> None:
    client.stop_reading()
    client.advertise("stale", count=7)
    client.loop.advance(BACKLOG_AGE_S)
    client.advertise("fresh")
    client.loop.advance(0.001)

    client.read_all()

    assert client.heard == ["<1:fresh>"]
    assert client.outbox.dropped == 7


def test_what_waited_as_long_as_allowed_is_sent(client: Client) -> None:
    client.stop_reading()
    client.advertise("a")
    client.loop.advance(BACKLOG_AGE_S)

    client.read_all()

    assert client.heard == ["<1:a>"]


def test_after_a_long_stall_only_what_is_fresh_arrives_and_the_rest_is_counted(client: Client) -> None:
    """At an ordinary rate, far from every limit: Home Assistant would take old ones for new."""
    client.transport.reading = False
    for second in range(20):
        client.advertise(f"s{second}", size=100, count=2)
        client.loop.advance(1.0)

    client.read_all()

    # the first was with the transport before anybody could know
    assert [each.split(":")[1] for each in client.heard] == ["s0>", "s18>", "s19>"]
    assert client.outbox.dropped == 2 * 17


def test_what_waits_goes_out_only_until_the_client_is_slow_again(client: Client) -> None:
    client.stop_reading()
    for number in range(8):
        client.advertise(f"n{number}")

    client.transport.read(UNSENT)

    assert client.outbox.paused
    assert client.frames_made == 1
    client.advertise("last")
    client.read_all()
    assert [each.split(":")[1] for each in client.heard] == [*(f"n{number}>" for number in range(8)), "last>"]


def test_a_client_that_takes_nothing_for_half_a_minute_is_given_up(client: Client) -> None:
    client.stop_reading()

    client.loop.advance(STANDSTILL_S - 0.1)
    assert client.given_up == []
    client.loop.advance(0.2)

    assert len(client.given_up) == 1
    assert "30 s" in client.given_up[0]


def test_every_byte_that_a_client_takes_gives_it_another_half_minute(client: Client) -> None:
    client.stop_reading()

    for _ in range(10):
        client.loop.advance(STANDSTILL_S - 1.0)
        client.transport.read(1)
    assert client.given_up == []
    client.loop.advance(2 * STANDSTILL_S)

    assert len(client.given_up) == 1


def test_what_is_written_meanwhile_is_no_progress(client: Client) -> None:
    client.stop_reading()

    for _ in range(31):
        client.outbox.write(b"state")
        client.loop.advance(1.0)

    assert len(client.given_up) == 1


def test_a_client_that_caught_up_is_not_given_up(client: Client) -> None:
    client.stop_reading()
    client.loop.advance(STANDSTILL_S - 1.0)
    client.read_all()

    client.loop.advance(10 * STANDSTILL_S)

    assert client.given_up == []
    assert not client.outbox.paused


def test_a_client_that_leaves_too_many_answers_unread_is_given_up(client: Client) -> None:
    client.transport.reading = False

    for _ in range(LIMIT // 1024):
        client.outbox.write(bytes(1024))
    assert client.given_up == []
    client.outbox.write(b"x")

    assert len(client.given_up) == 1
    assert "256 KiB" in client.given_up[0]


def test_nothing_is_written_after_the_end(client: Client) -> None:
    client.transport.close()

    client.outbox.write(b"x")
    client.advertise("a")

    assert client.transport.received == []
    assert client.frames_made == 0


def test_a_closing_connection_that_empties_itself_sends_no_more_advertisements(client: Client) -> None:
    client.stop_reading()
    client.advertise("a")
    client.open = False
    client.transport.close()

    client.read_all()

    assert client.frames_made == 0
    assert sum(map(len, client.transport.received)) == UNSENT


def test_a_closing_connection_that_does_not_empty_itself_is_given_up(client: Client) -> None:
    client.stop_reading()
    client.transport.close()

    client.loop.advance(STANDSTILL_S + 1.0)

    assert len(client.given_up) == 1


def test_advertisements_that_are_not_wanted_any_more_are_forgotten_and_do_not_count_as_lost(
    client: Client,
) -> None:
    client.stop_reading()
    client.advertise("a")

    client.outbox.forget_advertisements()
    client.read_all()

    assert client.heard == []
    assert client.outbox.dropped == 0


def test_forgetting_makes_room(client: Client) -> None:
    client.stop_reading()
    for _ in range(8):
        client.advertise("old")
    client.outbox.forget_advertisements()

    for _ in range(8):
        client.advertise("new")

    assert client.outbox.dropped == 0


def test_a_closed_outbox_watches_no_more(client: Client) -> None:
    client.stop_reading()

    client.outbox.close()
    client.loop.advance(10 * STANDSTILL_S)

    assert client.given_up == []
