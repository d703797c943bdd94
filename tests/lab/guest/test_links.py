"""GATT links on the real BlueZ: the rules of the port."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

import pytest
from conformance.link import LONG_REQUEST, REQUEST, UNIT_ID_REQUEST, LinkConformance
from ears import listening
from world import HUB_ADDRESS, world

from renogybt.config import AdvertisementSource
from renogybt.model.advertisement import parse_address
from renogybt.model.radio import Radio, ScanMode


@dataclass
class LabHub:
    """The hub of the neighbourhood, whose batteries stand still so that its answers are known."""

    radio: Radio
    answers: Mapping[bytes, bytes]
    address: int = parse_address(HUB_ADDRESS)
    absent_address: int = parse_address("6C:B2:FD:00:00:01")

    async def drop(self) -> None:
        await world("drop")

    async def vanish(self) -> None:
        await world("hub off")

    async def reappear(self) -> None:
        await world("hub on")

    def expected_answer(self, request: bytes) -> bytes:
        return self.answers[request]


@contextlib.asynccontextmanager
async def lab_hub(source: AdvertisementSource, mode: ScanMode) -> AsyncIterator[LabHub]:
    await world("noise 50 10")
    await world("still 1")
    answers = {
        request: bytes.fromhex(await world(f"answer {request.hex()}"))
        for request in (REQUEST, LONG_REQUEST, UNIT_ID_REQUEST)
    }
    async with listening(source) as ears:
        ears.radio.set_mode(mode)
        yield LabHub(ears.radio, answers)


class OnRealBlueZ(LinkConformance):
    deadline_s = 45.0
    source: ClassVar[AdvertisementSource]
    mode: ClassVar[ScanMode] = ScanMode.ACTIVE

    @pytest.fixture
    async def hub_under_test(self, initial_state: None) -> AsyncIterator[LabHub]:
        async with lab_hub(self.source, self.mode) as hub:
            yield hub


class TestConformanceByMgmt(OnRealBlueZ):
    source = AdvertisementSource.MGMT


@pytest.mark.brief(
    rules=(
        # after the link has come about it is the same as by mgmt; on the way to it and at its end it is not
        LinkConformance.test_a_request_is_answered_by_notifications,
        LinkConformance.test_leaving_ends_the_link,
        LinkConformance.test_a_link_that_the_peripheral_ends_is_told_once,
        LinkConformance.test_after_a_link_has_ended_the_next_one_comes_about,
        LinkConformance.test_one_who_is_not_heard_is_a_matter_of_seconds,
        LinkConformance.test_one_who_was_away_is_reached_again,
        LinkConformance.test_a_second_link_to_the_same_peripheral_is_refused,
        LinkConformance.test_advertisements_go_on_during_a_link,
        LinkConformance.test_a_cancelled_attempt_leaves_nothing_behind,
    )
)
class TestConformanceByDbus(OnRealBlueZ):
    source = AdvertisementSource.DBUS


@pytest.mark.brief(
    rules=(
        LinkConformance.test_a_request_is_answered_by_notifications,
        LinkConformance.test_after_a_link_has_ended_the_next_one_comes_about,
        LinkConformance.test_one_who_is_not_heard_is_a_matter_of_seconds,
        LinkConformance.test_one_who_was_away_is_reached_again,
        LinkConformance.test_advertisements_go_on_during_a_link,
        LinkConformance.test_a_cancelled_attempt_leaves_nothing_behind,
    )
)
class TestConformanceScanningPassively(OnRealBlueZ):
    source = AdvertisementSource.MGMT
    mode = ScanMode.PASSIVE
