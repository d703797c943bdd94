from collections.abc import Sequence

from renogybt.model.advertisement import Advertisement
from renogybt.model.broadcast import Broadcast
from renogybt.model.radio import Intake, ScanMode, ScannerState, ScannerStatus

ADVERTISEMENT = Advertisement(0xC47C8D6A3E01, -60, 1, b"\x02\x01\x06")


class Spoken(Broadcast):
    """Hears what it is told."""

    def __init__(self) -> None:
        super().__init__(ScannerStatus(ScannerState.RUNNING, ScanMode.ACTIVE, Intake.DEMO))

    def hear(self, batch: Sequence[Advertisement]) -> None:
        self._deliver(batch)


def test_it_need_be_prompt_for_those_who_are_not_patient() -> None:
    radio = Spoken()
    leave_patient = radio.listen(lambda _batch: None, patient=True)
    assert not radio.prompt
    leaves = [radio.listen(lambda _batch: None) for _ in range(2)]
    assert radio.prompt
    leaves[0]()
    leaves[0]()
    leave_patient()
    assert radio.prompt
    leaves[1]()
    assert not radio.prompt


def test_patient_or_not_everybody_hears_everything_until_he_leaves() -> None:
    radio, heard = Spoken(), list[str]()
    leaves = [
        radio.listen(lambda _batch: heard.append("patient"), patient=True),
        radio.listen(lambda _batch: heard.append("prompt")),
    ]
    radio.hear([ADVERTISEMENT])
    leaves[1]()
    radio.hear([ADVERTISEMENT])
    assert heard == ["patient", "prompt", "patient"]
