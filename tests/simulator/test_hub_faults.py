"""Each fault on request, on an answer that is good."""

import pytest
from simulator.modbus import crc, read

from renogybt.simulator.hub_faults import Fault, HubFaults
from renogybt.simulator.renogy_bus import RenogyBus

REQUEST = read(48, 5000, 34)
OTHER = read(49, 5042, 7)


@pytest.fixture
def bus() -> RenogyBus:
    return RenogyBus()


def joined(bus: RenogyBus, request: bytes = REQUEST) -> bytes:
    return b"".join(bus.answer(request, 0.0).pieces)


def test_without_faults_the_truth_comes_in_pieces_of_20(bus: RenogyBus) -> None:
    answer = bus.answer(REQUEST, 0.0)

    assert [len(piece) for piece in answer.pieces] == [20, 20, 20, 13]
    assert b"".join(answer.pieces) == bus.truth(REQUEST, 0.0)
    assert (answer.delay_s, answer.drops) == (0.0, False)


def test_a_silent_unit_leaves_the_others_alone(bus: RenogyBus) -> None:
    bus.faults.add(Fault.SILENT, unit=48)

    assert bus.answer(REQUEST, 0.0).pieces == ()
    assert crc(joined(bus, OTHER)) == 0


def test_a_bad_crc_is_all_that_is_wrong(bus: RenogyBus) -> None:
    bus.faults.add(Fault.BAD_CRC, times=1)

    answer = joined(bus)

    assert crc(answer) != 0
    assert answer[:-2] == bus.truth(REQUEST, 0.0)[:-2]


def test_a_count_runs_out(bus: RenogyBus) -> None:
    bus.faults.add(Fault.BAD_CRC, times=2)

    assert [crc(joined(bus)) == 0 for _ in range(4)] == [False, False, True, True]
    assert bus.faults.present == ()


def test_a_fault_of_one_unit_is_not_used_up_by_another(bus: RenogyBus) -> None:
    bus.faults.add(Fault.BAD_CRC, times=1, unit=48)
    joined(bus, OTHER)

    assert bus.faults.present[0].times == 1
    assert crc(joined(bus)) != 0


@pytest.mark.parametrize("size", range(1, 21))
def test_an_answer_splits_at_any_size(bus: RenogyBus, size: int) -> None:
    bus.faults.add(Fault.SPLIT, size)

    pieces = bus.answer(REQUEST, 0.0).pieces

    assert {len(piece) for piece in pieces[:-1]} == {size}
    assert b"".join(pieces) == bus.truth(REQUEST, 0.0)


def test_a_late_answer_is_good(bus: RenogyBus) -> None:
    bus.faults.add(Fault.LATE, 2.5)

    assert bus.answer(REQUEST, 0.0).delay_s == 2.5
    assert crc(joined(bus)) == 0


def test_an_exception_has_the_function_of_the_request(bus: RenogyBus) -> None:
    bus.faults.add(Fault.EXCEPTION, 4)

    answer = joined(bus)

    assert answer[:3] == bytes((48, 0x83, 4))
    assert (len(answer), crc(answer)) == (5, 0)


def test_a_foreign_answer_is_whole_and_of_another_unit(bus: RenogyBus) -> None:
    bus.faults.add(Fault.FOREIGN)

    answer = joined(bus)

    assert answer[0] == 49
    assert crc(answer) == 0
    assert answer[1:-2] == bus.truth(REQUEST, 0.0)[1:-2]


def test_garbage_comes_before_the_answer(bus: RenogyBus) -> None:
    bus.faults.add(Fault.GARBAGE)

    answer = joined(bus)

    assert answer.endswith(bus.truth(REQUEST, 0.0))
    assert len(answer) > 73


def test_a_duplicate_is_the_same_twice(bus: RenogyBus) -> None:
    bus.faults.add(Fault.DUPLICATE)

    assert joined(bus) == bus.truth(REQUEST, 0.0) * 2


def test_faults_add_up(bus: RenogyBus) -> None:
    bus.faults.add(Fault.SPLIT, 7)
    bus.faults.add(Fault.GARBAGE)
    bus.faults.add(Fault.BAD_CRC)
    bus.faults.add(Fault.DROP)

    answer = bus.answer(REQUEST, 0.0)

    assert {len(piece) for piece in answer.pieces[:-1]} == {7}
    assert crc(b"".join(answer.pieces)[-73:]) != 0
    assert answer.drops


@pytest.mark.parametrize("second", [fault for fault in Fault if fault not in (Fault.SPLIT, Fault.EXCEPTION)])
def test_who_is_silent_has_no_other_fault(bus: RenogyBus, second: Fault) -> None:
    bus.faults.add(Fault.SILENT)
    bus.faults.add(second)

    assert bus.answer(REQUEST, 0.0).pieces == ()


def test_where_nobody_answers_nothing_is_used_up(bus: RenogyBus) -> None:
    bus.faults.add(Fault.GARBAGE, times=1)

    assert bus.answer(read(60, 5000, 1), 0.0).pieces == ()
    assert len(bus.faults.present) == 1


def test_cured_is_one_kind_or_everything() -> None:
    faults = HubFaults()
    faults.add(Fault.SILENT, unit=48)
    faults.add(Fault.SILENT, unit=49)
    faults.add(Fault.LATE, 1.0)

    faults.cure(Fault.SILENT)
    assert [each.fault for each in faults.present] == [Fault.LATE]

    faults.cure()
    assert faults.present == ()


@pytest.mark.parametrize(
    ("fault", "argument", "times"),
    [
        (Fault.SPLIT, 0, None),
        (Fault.SPLIT, 21, None),
        (Fault.EXCEPTION, 0, 1),
        (Fault.LATE, -1.0, 1),
        (Fault.BAD_CRC, 0, 0),
    ],
)
def test_numbers_without_sense_are_refused(fault: Fault, argument: float, times: int | None) -> None:
    with pytest.raises(ValueError, match=r"notification|exceptions|backwards"):
        HubFaults().add(fault, argument, times=times)
