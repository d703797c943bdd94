from collections.abc import Iterator
from typing import Any

import pytest
from proxy.radio import SpokenRadio

from renogybt.model.advertisement import Advertisement
from renogybt.model.radio import ScanMode, ScannerState
from renogybt.protocols.esphome.messages import Message, api
from renogybt.protocols.esphome.plaintext import plaintext_frame
from renogybt.proxy.feed import AdvertisementFeed

ACTIVE, PASSIVE = ScanMode.ACTIVE, ScanMode.PASSIVE
ADVERTISEMENT = Advertisement(0x6CB2FD86824D, -60, 0, b"\x02\x01\x06")


class Client:
    def __init__(self, encrypted: bool = False) -> None:
        self.encrypted = encrypted
        self.batches: list[tuple[bytes, int, bytes | None]] = []
        self.told: list[Any] = []

    def advertise(self, payload: bytes, count: int, framed: bytes | None) -> None:
        self.batches.append((payload, count, framed))

    def send(self, message: Message) -> None:
        self.told.append(message)

    @property
    def modes(self) -> list[int]:
        return [message.mode for message in self.told]


class Batch(list[Advertisement]):
    """Counts how often it is walked through."""

    walks = 0

    def __iter__(self) -> Iterator[Advertisement]:
        self.walks += 1
        return super().__iter__()


@pytest.fixture
def radio() -> SpokenRadio:
    return SpokenRadio()


@pytest.fixture
def feed(radio: SpokenRadio) -> AdvertisementFeed:
    return AdvertisementFeed(radio, ACTIVE)


# advertisements


def test_a_batch_goes_to_every_subscriber_and_to_nobody_else(
    radio: SpokenRadio, feed: AdvertisementFeed
) -> None:
    first, second, other = Client(), Client(), Client()
    feed.subscribe(first)
    feed.subscribe(second)

    radio.hear([ADVERTISEMENT, ADVERTISEMENT])

    expected = api.BluetoothLERawAdvertisementsResponse()
    for _ in range(2):
        expected.advertisements.add(**ADVERTISEMENT._asdict())
    for client in (first, second):
        ((payload, count, framed),) = client.batches
        assert (payload, count) == (expected.SerializeToString(), 2)
        assert framed == plaintext_frame(93, payload)
    assert other.batches == []


def test_a_batch_is_encoded_once_for_all_clients(radio: SpokenRadio, feed: AdvertisementFeed) -> None:
    clients = [Client(encrypted=number % 2 == 0) for number in range(6)]
    for client in clients:
        feed.subscribe(client)
    batch = Batch([ADVERTISEMENT])

    radio.hear(batch)

    assert batch.walks == 1
    assert len({id(client.batches[0][0]) for client in clients}) == 1


def test_clients_in_clear_share_one_frame_and_encrypted_ones_make_their_own(
    radio: SpokenRadio, feed: AdvertisementFeed
) -> None:
    clear, encrypted = [Client(), Client()], [Client(encrypted=True), Client(encrypted=True)]
    for client in (*clear, *encrypted):
        feed.subscribe(client)

    radio.hear([ADVERTISEMENT])

    assert clear[0].batches[0][2] is clear[1].batches[0][2] is not None
    assert [client.batches[0][2] for client in encrypted] == [None, None]


def test_without_clients_nothing_is_encoded(radio: SpokenRadio, feed: AdvertisementFeed) -> None:
    batch = Batch([ADVERTISEMENT])

    radio.hear(batch)

    assert batch.walks == 0


def test_a_batch_too_large_for_one_message_goes_out_in_several(
    radio: SpokenRadio, feed: AdvertisementFeed
) -> None:
    client = Client()
    feed.subscribe(client)

    radio.hear([ADVERTISEMENT] * 2_000)

    assert len(client.batches) > 1
    assert sum(count for _payload, count, _framed in client.batches) == 2_000


def test_subscribing_twice_is_subscribing_once(radio: SpokenRadio, feed: AdvertisementFeed) -> None:
    client = Client()

    feed.subscribe(client)
    feed.subscribe(client)
    radio.hear([ADVERTISEMENT])

    assert len(client.batches) == 1
    assert len(client.told) == 2

    feed.unsubscribe(client)
    radio.hear([ADVERTISEMENT])
    assert len(client.batches) == 1


def test_a_client_that_left_gets_nothing_more(radio: SpokenRadio, feed: AdvertisementFeed) -> None:
    client = Client()
    feed.subscribe(client)

    feed.unsubscribe(client)
    feed.unsubscribe(client)
    radio.hear([ADVERTISEMENT])
    radio.become(state=ScannerState.FAILED)

    assert client.batches == []
    assert len(client.told) == 1


def test_the_radio_need_be_prompt_only_while_somebody_subscribes(
    radio: SpokenRadio, feed: AdvertisementFeed
) -> None:
    first, second = Client(), Client()
    assert not radio.prompt
    for client in (first, second, first):
        feed.subscribe(client)
        assert radio.prompt
    feed.unsubscribe(first)
    assert radio.prompt
    feed.unsubscribe(second)
    feed.unsubscribe(second)
    assert not radio.prompt
    feed.subscribe(first)
    radio.hear([ADVERTISEMENT])
    assert len(first.batches) == 1
    feed.subscribe(second)
    feed.close()
    feed.unsubscribe(first)
    assert not radio.prompt


def test_a_closed_feed_leaves_the_radio_alone(radio: SpokenRadio, feed: AdvertisementFeed) -> None:
    client = Client()
    feed.subscribe(client)

    feed.close()
    radio.hear([ADVERTISEMENT])
    radio.become(state=ScannerState.FAILED)

    assert client.batches == []
    assert len(client.told) == 1


# the scanner's state


def test_the_state_is_told_at_once_on_subscription(feed: AdvertisementFeed) -> None:
    client = Client()

    feed.subscribe(client)

    assert client.told == [api.BluetoothScannerStateResponse(state=2, mode=1, configured_mode=1)]


@pytest.mark.parametrize(
    ("state", "number"),
    [
        (ScannerState.IDLE, 0),
        (ScannerState.STARTING, 1),
        (ScannerState.FAILED, 3),
        (ScannerState.STOPPING, 4),
        (ScannerState.STOPPED, 5),
    ],
)
def test_every_change_of_the_state_is_told_to_subscribers_only(
    radio: SpokenRadio, feed: AdvertisementFeed, state: ScannerState, number: int
) -> None:
    client, other = Client(), Client()
    feed.subscribe(client)

    radio.become(state=state)

    assert [message.state for message in client.told] == [2, number]
    assert other.told == []


@pytest.mark.parametrize(("configured", "number"), [(ACTIVE, 1), (PASSIVE, 0)])
def test_the_configured_mode_stays_whatever_the_radio_does(
    radio: SpokenRadio, configured: ScanMode, number: int
) -> None:
    feed = AdvertisementFeed(radio, configured)
    client = Client()
    feed.subscribe(client)

    feed.request_mode(client, PASSIVE)
    feed.request_mode(client, ACTIVE)

    assert {message.configured_mode for message in client.told} == {number}


# wishes about the mode


def test_a_wish_is_answered_with_the_mode_in_use(radio: SpokenRadio, feed: AdvertisementFeed) -> None:
    client = Client()
    feed.subscribe(client)

    feed.request_mode(client, PASSIVE)

    assert client.modes == [1, 0]


def test_a_wish_that_changes_nothing_is_answered_too(radio: SpokenRadio, feed: AdvertisementFeed) -> None:
    client = Client()
    feed.subscribe(client)

    feed.request_mode(client, PASSIVE)
    feed.request_mode(client, PASSIVE)
    feed.request_mode(client, PASSIVE)

    assert client.modes == [1, 0, 0, 0]


def test_a_wish_that_the_radio_cannot_fulfil_is_answered_with_the_truth() -> None:
    radio = SpokenRadio(modes=[ACTIVE])
    feed = AdvertisementFeed(radio, ACTIVE)
    client = Client()
    feed.subscribe(client)

    feed.request_mode(client, PASSIVE)

    assert client.modes == [1, 1]
    assert radio.asked == [PASSIVE]


def test_a_change_is_told_once_to_the_one_who_asked_and_to_the_others(
    radio: SpokenRadio, feed: AdvertisementFeed
) -> None:
    asking, other, listening_to_nothing = Client(), Client(), Client()
    feed.subscribe(asking)
    feed.subscribe(other)

    feed.request_mode(asking, PASSIVE)

    assert asking.modes == other.modes == [1, 0]
    assert listening_to_nothing.told == []


def test_a_wish_without_a_subscription_counts_and_is_not_answered(
    radio: SpokenRadio, feed: AdvertisementFeed
) -> None:
    client = Client()

    feed.request_mode(client, PASSIVE)

    assert radio.status.mode is PASSIVE
    assert client.told == []


def test_one_client_that_wants_active_outweighs_the_others(
    radio: SpokenRadio, feed: AdvertisementFeed
) -> None:
    first, second = Client(), Client()
    for client in (first, second):
        feed.subscribe(client)
        feed.request_mode(client, PASSIVE)

    feed.request_mode(second, ACTIVE)
    assert radio.status.mode is ACTIVE
    feed.request_mode(first, PASSIVE)
    assert radio.status.mode is ACTIVE
    feed.request_mode(second, PASSIVE)
    assert radio.status.mode is PASSIVE


def test_leaving_takes_the_wish_along(radio: SpokenRadio, feed: AdvertisementFeed) -> None:
    staying, leaving = Client(), Client()
    for client, mode in ((staying, PASSIVE), (leaving, ACTIVE)):
        feed.subscribe(client)
        feed.request_mode(client, mode)

    feed.unsubscribe(leaving)

    assert radio.status.mode is PASSIVE
    assert staying.modes[-1] == 0


def test_when_the_last_wish_is_gone_the_configured_mode_holds(
    radio: SpokenRadio, feed: AdvertisementFeed
) -> None:
    client = Client()
    feed.subscribe(client)
    feed.request_mode(client, PASSIVE)

    feed.unsubscribe(client)

    assert radio.status.mode is ACTIVE
