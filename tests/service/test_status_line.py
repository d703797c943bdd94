from renogybt.model.radio import Intake, ScanMode, ScannerState, ScannerStatus
from renogybt.service.status_line import StatusLine

IDLE = ScannerStatus(ScannerState.IDLE, ScanMode.ACTIVE)


def test_it_says_from_the_start_what_is_the_matter_and_who_is_there() -> None:
    told: list[str] = []
    line = StatusLine(told.append, IDLE)
    line.on_radio(ScannerStatus(ScannerState.RUNNING, ScanMode.PASSIVE, Intake.MGMT))
    line.on_clients(1)
    line.on_clients(2)
    line.on_radio(ScannerStatus(ScannerState.FAILED, ScanMode.PASSIVE, reason="no adapter: plug one in"))

    assert told == [
        "not scanning yet; no clients",
        "scanning (passive, mgmt); no clients",
        "scanning (passive, mgmt); 1 client",
        "scanning (passive, mgmt); 2 clients",
        "not scanning: no adapter: plug one in; 2 clients",
    ]


def test_there_are_words_for_every_state() -> None:
    told: list[str] = []
    line = StatusLine(told.append, IDLE)
    for state in ScannerState:
        line.on_radio(ScannerStatus(state, ScanMode.ACTIVE))

    assert len(told) == 1 + len(ScannerState)
