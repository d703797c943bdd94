import pytest
from hypothesis import given
from hypothesis import strategies as st

from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy.decode import decode, map_of
from renogybt.protocols.renogy.errors import ImplausibleError, UnknownRegistersError
from renogybt.protocols.renogy.maps import MAPS
from renogybt.protocols.renogy.registers import Coding

BATTERY, CONTROLLER, CHARGER = DeviceType.BATTERY, DeviceType.CONTROLLER, DeviceType.DC_CHARGER


@given(st.sampled_from(sorted(MAPS, key=lambda each: each.value)), st.data())
def test_any_registers_decode_or_are_refused_by_name(device_type: DeviceType, data: st.DataObject) -> None:
    rows = map_of(device_type).rows
    first = data.draw(st.sampled_from(rows)).register - data.draw(st.integers(0, 5))
    octets = 2 * data.draw(st.integers(1, 60))
    try:
        values = decode(device_type, first, data.draw(st.binary(min_size=octets, max_size=octets)))
    except (ImplausibleError, UnknownRegistersError) as error:
        assert str(error)  # noqa: PT017
    else:
        past = first + octets // 2
        inside = [row for row in rows if first <= row.register and row.register + row.words <= past]
        assert values or all(row.coding is Coding.TEXT for row in inside), "only an empty text is no value"


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"  RNG-CTRL-RVR40", "RNG-CTRL-RVR40"),
        (b"    MT4830      ", "MT4830"),
        (b"RBT50LFP48S\0\0\0\0\0", "RBT50LFP48S"),
        (b"\0\0AB\x1b[2JC\xff\0\0\0\0\0\0\0", "AB [2JC"),
    ],
)
def test_texts_are_printable_and_without_padding(octets: bytes, shown: str) -> None:
    assert decode(CONTROLLER, 0x000C, octets) == {"model": shown}


def test_an_empty_text_is_no_value() -> None:
    assert decode(CONTROLLER, 0x000C, bytes(16)) == {}


@pytest.mark.parametrize(
    ("device_type", "register", "count", "words_"),
    [
        (BATTERY, 0x0100, 34, "try RNG_CTRL or RNG_DCC"),
        (CONTROLLER, 5042, 7, "try RNG_BATT or RNG_BATT_PRO"),
        (CONTROLLER, 0xF003, 10, "try RNG_CTRL_HIST"),
        (CHARGER, 4000, 10, "try RNG_INVT"),
        (DeviceType.INVERTER, 0x0100, 34, "try RNG_CTRL or RNG_DCC"),
        (BATTERY, 40_000, 2, r"0x9C40 to 0x9C41 \(40000 on\)$"),
        (BATTERY, 5001, 16, "nothing of RNG_BATT"),
        (DeviceType.SHUNT, 5042, 7, "RNG_SHNT has no registers"),
    ],
)
def test_registers_that_the_type_does_not_have_are_refused_with_the_type_that_has_them(
    device_type: DeviceType, register: int, count: int, words_: str
) -> None:
    with pytest.raises(UnknownRegistersError, match=words_):
        decode(device_type, register, bytes(2 * count))
