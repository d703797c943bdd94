"""The right characteristics among those that look alike."""

import pytest

from renogybt.model.gatt import BASE_UUID, Characteristic, Property, Service
from renogybt.readers.channel import Channel, find_anywhere, find_channel
from renogybt.readers.errors import NoRenogyServiceError

QUICK, SLOW, NOTIFY = Property.WRITE_WITHOUT_RESPONSE, Property.WRITE, Property.NOTIFY


def service(number: int | str, *characteristics: tuple[int | str, int, Property]) -> Service:
    def uuid(each: int | str) -> str:
        return each if isinstance(each, str) else BASE_UUID.format(each)

    return Service(uuid(number), 0, tuple(Characteristic(uuid(a), b, c) for a, b, c in characteristics))


DECOYS = service("f000ffd0-0451-4000-b000-000000000000", ("f000ffd1-0451-4000-b000-000000000000", 1, QUICK))


def test_decoys_with_the_same_digits_are_passed_over() -> None:
    services = [DECOYS, service(0xFFD0, (0xFFD1, 2, QUICK)), service(0xFFF0, (0xFFF1, 3, NOTIFY))]
    assert find_channel(services) == Channel(2, 3)


def test_where_both_are_in_both_services_service_and_property_decide() -> None:
    services = [
        service(0xFFF0, (0xFFD1, 1, QUICK), (0xFFF1, 2, SLOW), (0xFFF1, 3, NOTIFY)),
        service(0xFFD0, (0xFFF1, 4, NOTIFY), (0xFFD1, 5, NOTIFY), (0xFFD1, 6, QUICK | SLOW)),
    ]
    assert find_channel(services) == Channel(6, 3)


def test_a_write_with_response_is_the_second_choice() -> None:
    services = [service(0xFFD0, (0xFFD1, 2, SLOW)), service(0xFFF0, (0xFFF1, 3, NOTIFY))]
    assert find_channel(services) == Channel(2, 3, response=True)


@pytest.mark.parametrize(
    ("services", "missing"),
    [
        ([], "no Renogy service FFD0"),
        ([DECOYS], "no Renogy service FFD0"),
        ([service(0xFFD0)], "no characteristic FFD1 in the service FFD0"),
        ([service(0xFFD0, (0xFFD1, 2, QUICK))], "no Renogy service FFF0"),
        ([service(0xFFD0, (0xFFD1, 2, QUICK)), service(0xFFF0, (0xFFF1, 3, SLOW))], "FFF1 cannot notify"),
        (
            [service(0xFFD0, (0xFFD1, 2, NOTIFY)), service(0xFFF0, (0xFFF1, 3, NOTIFY))],
            "FFD1 cannot be written",
        ),
    ],
)
def test_what_is_missing_is_named(services: list[Service], missing: str) -> None:
    with pytest.raises(NoRenogyServiceError, match=missing):
        find_channel(services)


def test_the_service_of_some_characteristics_does_not_matter() -> None:
    services = [service(0x1234, (0xC411, 8, Property.READ), (0xC411, 9, NOTIFY))]
    assert find_anywhere(services, 0xC411, NOTIFY) == 9
    assert find_anywhere(services, 0xC412, NOTIFY) is None
