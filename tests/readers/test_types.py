"""Each type of device by its own plan, and devices that are not what they were said to be."""

import asyncio
import contextlib
import logging

import pytest
from proxy.virtual_time import VirtualLoop
from readers.fake_hub import (
    ADDRESS,
    PUSH,
    SHUNT_SERVICES,
    FakeHub,
    FakeRadio,
    Notes,
    battery,
    controller,
    damaged,
    key,
    nothing,
    section,
    straight,
    words,
)

from renogybt.model.reading import DeviceType, Role
from renogybt.readers.errors import LoadSwitchError
from renogybt.readers.reader import Reader
from renogybt.readers.settings import ReaderSettings

SHUNT_FRAME = bytes.fromhex(
    "425701190000000000000000000000000000000000ffeae8000033900000332c0000035600000000000000000000000000"
    "000000000000000000000000000000000000f500000000000000000000000000000000000000000000000000000000000000"
    "00000000000000000000"
)


def inverter() -> dict[int, int]:
    registers = dict.fromkeys((*range(4000, 4010), 4109, *range(4327, 4334), *range(4408, 4414)), 0)
    return registers | words(
        {
            4000: [1135, 1700, 1131, 30, 6001, 512, 551, 0, 0, 6001],
            4109: 32,
            4327: [42, 67, 505, 0, 0, 0, 0],
            4408: [5, 60, 70, 0, 0, 3],
        }
    )


class Desk:
    """One device, read in virtual time."""

    def __init__(self, loop: VirtualLoop, hub: FakeHub, *sections: object, **settings: object) -> None:
        self.loop = loop
        self.hub = hub
        self.notes = Notes()
        self.reader = Reader(FakeRadio(hub), sections, ReaderSettings(**settings), wall=loop.time)  # type: ignore[arg-type]
        self.reader.add_sink(self.notes)

    def run(self, seconds: float) -> None:
        async def work() -> None:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self.reader.run()

        self.loop.run_until_complete(work())


def test_an_inverter_is_asked_slowly_and_a_missing_model_is_no_error(virtual_loop: VirtualLoop) -> None:
    desk = Desk(virtual_loop, FakeHub({32: inverter()}), section(DeviceType.INVERTER, 32))
    desk.run(100)
    values = desk.notes.last(32).values
    assert (values["battery_voltage"], values["battery_percentage"], values["load_current"]) == (
        51.2,
        42,
        0.5,
    )
    assert len(desk.notes.times(32)) == 4
    assert desk.notes.state(32).failed == 0
    assert desk.hub.asked().count((32, 4311, 8)) == 1
    times = [at for at, _ in desk.hub.requests[:4]]
    assert times[1] - times[0] > 0.3


def test_an_inverter_with_its_own_radio_has_more_time(virtual_loop: VirtualLoop) -> None:
    hub = FakeHub({32: inverter()}, name="RNGRIU123456")
    hub.bend = lambda _, reply: [(6.0, reply)]
    desk = Desk(virtual_loop, hub, section(DeviceType.INVERTER, 32, interval_s=60.0))
    desk.run(59)
    assert len(desk.notes.times(32)) == 1
    assert desk.hub.requests[0][0] >= 1.0


def test_a_history_is_read_once_an_hour_the_oldest_day_first(virtual_loop: VirtualLoop) -> None:
    days = {0xF000 + day + place: 0 for day in range(7) for place in range(10)}
    hub = FakeHub({17: days})

    def reply(request: bytes) -> bytes:
        day = int.from_bytes(request[2:4]) - 0xF000
        return FakeHub({17: dict.fromkeys(range(0xF000, 0xF020), 100 + day)}).reply(request)

    hub.bend = lambda request, _: straight(request, reply(request))
    desk = Desk(virtual_loop, hub, section(DeviceType.CONTROLLER_HISTORY, 17))
    desk.run(3700)
    name = key(17) + "-history"
    assert len(desk.notes.times(name)) == 2
    assert desk.notes.last(name).values["daily_charge_ah"] == (106, 105, 104, 103, 102, 101, 100)
    assert desk.notes.state(name).fresh


def test_a_late_day_of_a_history_is_not_taken_for_the_next_one(virtual_loop: VirtualLoop) -> None:
    hub = FakeHub({17: {}})
    late = iter([False, False, True])

    def bend(request: bytes, _: bytes) -> list[tuple[float, bytes]]:
        day = int.from_bytes(request[2:4]) - 0xF000
        reply = FakeHub({17: dict.fromkeys(range(0xF000, 0xF020), 100 + day)}).reply(request)
        return [(2.5 if next(late, False) else 0.08, reply)]

    hub.bend = bend
    desk = Desk(virtual_loop, hub, section(DeviceType.CONTROLLER_HISTORY, 17))
    desk.run(120)
    assert desk.notes.last(key(17) + "-history").values["daily_charge_ah"] == tuple(range(106, 99, -1))


def test_dc_chargers_with_a_short_map_are_not_asked_for_more(virtual_loop: VirtualLoop) -> None:
    hub = FakeHub({16: controller("DCC50S-G6")})
    desk = Desk(virtual_loop, hub, section(DeviceType.DC_CHARGER, 16))
    desk.run(40)
    assert not [each for each in hub.asked() if each[1] == 0x0120]
    assert desk.notes.last(16).values["charging_status"] == "mppt"


def test_a_dc_charger_that_never_told_its_model_is_read_as_far_as_it_answers(
    virtual_loop: VirtualLoop,
) -> None:
    hub = FakeHub({16: controller("RBC50D1S-G6")})
    hub.bend = lambda request, reply: (
        nothing(request, reply) if request[2:4] in (b"\x00\x0c", b"\x01\x20") else straight(request, reply)
    )
    desk = Desk(virtual_loop, hub, section(DeviceType.DC_CHARGER, 16))
    desk.run(120)
    assert desk.notes.last(16).values["battery_voltage"] == 52.8
    assert len(desk.notes.times(16)) >= 4


def test_other_dc_chargers_are_asked_for_the_whole_map(virtual_loop: VirtualLoop) -> None:
    registers = controller("RBC50D1S-G1") | words({0x0120: [0x0002, 0, 0x0001, 0, 267, 4, 0]})
    desk = Desk(virtual_loop, FakeHub({16: registers}), section(DeviceType.DC_CHARGER, 16))
    desk.run(40)
    assert desk.notes.last(16).values["error"] == "battery_over_discharge"
    assert desk.notes.last(16).values["model"] == "RBC50D1S-G1"


def test_a_shunt_is_listened_to(virtual_loop: VirtualLoop) -> None:
    hub = FakeHub({}, name="RTMShunt300123")
    hub.services = SHUNT_SERVICES
    desk = Desk(virtual_loop, hub, section(DeviceType.SHUNT, 0, interval_s=10.0))

    def push() -> None:
        if hub.link is not None:
            for start in range(0, len(SHUNT_FRAME), 20):
                hub.link.notify(SHUNT_FRAME[start : start + 20])
        virtual_loop.call_later(1.0, push)

    virtual_loop.call_later(1.0, push)
    desk.run(45)
    assert desk.notes.last(0).values["main_battery_voltage"] == 13.2
    assert desk.notes.times(0)[1:] == pytest.approx([10, 20, 30, 40], abs=0.01)
    assert hub.requests == []
    assert SHUNT_SERVICES[0].characteristics[0].handle == PUSH


def test_a_shunt_that_falls_silent_is_connected_anew(virtual_loop: VirtualLoop) -> None:
    hub = FakeHub({}, name="RTMShunt300123")
    hub.services = SHUNT_SERVICES
    desk = Desk(virtual_loop, hub, section(DeviceType.SHUNT, 0, interval_s=30.0))
    desk.run(25)
    assert hub.connects == 2
    assert desk.notes.state(0).failed == 1


@pytest.mark.parametrize(
    ("device_type", "name", "amperes", "step"),
    [
        (DeviceType.BATTERY, "BT-TH-FD86824D", 3.26, "0.01"),
        (DeviceType.BATTERY, "RNGRBP123456", 32.6, "0.1"),
        (DeviceType.BATTERY_PRO, "BT-TH-FD86824D", 32.6, "0.1"),
    ],
)
def test_the_scale_of_the_current_follows_type_and_name_and_is_told_once(
    virtual_loop: VirtualLoop,
    caplog: pytest.LogCaptureFixture,
    device_type: DeviceType,
    name: str,
    amperes: float,
    step: str,
) -> None:
    caplog.set_level(logging.INFO)
    desk = Desk(virtual_loop, FakeHub({48: battery()}, name=name), section(device_type, 48))
    desk.run(100)
    assert desk.notes.last(48).values["current"] == amperes
    lines = [each.getMessage() for each in caplog.records if "in steps of" in each.getMessage()]
    assert len(lines) == 1
    assert f"steps of {step} A" in lines[0]


@pytest.mark.parametrize(
    ("configured", "registers", "said"),
    [
        (
            DeviceType.BATTERY,
            controller(),
            "the device at unit 17 answers as a charge controller (RNG-CTRL-RVR40): set type = RNG_CTRL",
        ),
        (
            DeviceType.CONTROLLER,
            battery(),
            "the device at unit 17 answers as a battery (RBT50LFP48S): set type = RNG_BATT",
        ),
        (
            DeviceType.CONTROLLER,
            controller("DCC50S"),
            "the device at unit 17 answers as a DC charger (DCC50S): set type = RNG_DCC",
        ),
        (
            DeviceType.DC_CHARGER,
            controller(),
            "the device at unit 17 answers as a charge controller (RNG-CTRL-RVR40): set type = RNG_CTRL",
        ),
        (
            DeviceType.BATTERY,
            controller() | dict.fromkeys((*range(5000, 5060), *range(5100, 5142)), 0x4040),
            "the device at unit 17 answers as a charge controller (RNG-CTRL-RVR40): set type = RNG_CTRL",
        ),
    ],
)
def test_a_type_that_does_not_fit_is_recognised_and_said_once(
    virtual_loop: VirtualLoop,
    caplog: pytest.LogCaptureFixture,
    configured: DeviceType,
    registers: dict[int, int],
    said: str,
) -> None:
    desk = Desk(virtual_loop, FakeHub({17: registers}), section(configured, 17))
    desk.run(1000)
    assert desk.notes.readings == []
    assert desk.notes.state(17).trouble == said
    assert len([each for each in caplog.records if said in each.getMessage()]) == 1


def test_a_refusal_is_told_by_its_name_once_a_day(
    virtual_loop: VirtualLoop, caplog: pytest.LogCaptureFixture
) -> None:
    desk = Desk(virtual_loop, FakeHub({48: {}, 49: battery()}), section(DeviceType.BATTERY, 48, 49))
    desk.run(20000)
    assert desk.notes.state(48).trouble == "unit 48: exception 2: illegal data address"
    assert len([each for each in caplog.records if "illegal data address" in each.getMessage()]) == 1
    assert desk.notes.state(49).failed == 0


def test_a_value_that_is_not_believed_is_counted_and_told_once(
    virtual_loop: VirtualLoop, caplog: pytest.LogCaptureFixture
) -> None:
    registers = battery() | {5043: 9000}
    desk = Desk(virtual_loop, FakeHub({48: registers}), section(DeviceType.BATTERY, 48))
    desk.run(100)
    assert "voltage" not in desk.notes.last(48).values
    assert "power" not in desk.notes.last(48).values
    assert desk.notes.state(48).held_back == 4
    assert len([each for each in caplog.records if "is not believed" in each.getMessage()]) == 1


def test_the_load_is_switched_and_shown_at_once(virtual_loop: VirtualLoop) -> None:
    hub = FakeHub({96: controller(), 48: battery()})
    desk = Desk(
        virtual_loop,
        hub,
        section(DeviceType.BATTERY, 48),
        section(DeviceType.CONTROLLER, 96),
        load_switch=True,
    )

    async def work() -> None:
        task = asyncio.create_task(desk.reader.run())
        await asyncio.sleep(10)
        assert desk.notes.last(96).values["load_status"] == "on"
        await desk.reader.switch_load(key(96), False)
        assert asyncio.get_running_loop().time() < 10.2
        assert hub.units[96][0x010A] == 0
        assert desk.notes.last(96).values["load_status"] == "off"
        await asyncio.sleep(21)
        assert desk.notes.last(96).values["load_status"] == "off"
        hub.bend = damaged
        with pytest.raises(LoadSwitchError, match="wrong"):
            await desk.reader.switch_load(key(96), True)
        hub.bend = nothing
        with pytest.raises(LoadSwitchError, match="does not answer"):
            await desk.reader.switch_load(key(96), True)
        with pytest.raises(LoadSwitchError, match="no charge controller"):
            await desk.reader.switch_load(key(48), True)
        with pytest.raises(LoadSwitchError, match="no device"):
            await desk.reader.switch_load("nobody", True)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        with pytest.raises(LoadSwitchError, match="not being read"):
            await desk.reader.switch_load(key(96), True)

    virtual_loop.run_until_complete(work())


def test_the_load_is_not_switched_unless_that_is_allowed(virtual_loop: VirtualLoop) -> None:
    hub = FakeHub({96: controller()})
    desk = Desk(virtual_loop, hub, section(DeviceType.CONTROLLER, 96))
    with pytest.raises(LoadSwitchError, match="load_switch"):
        virtual_loop.run_until_complete(desk.reader.switch_load(key(96), True))


def test_once_reads_all_hubs_at_the_same_time(virtual_loop: VirtualLoop) -> None:
    hub, other = FakeHub({48: battery(), 49: battery()}), FakeHub({17: controller()}, address=0x112233445566)
    radio = FakeRadio(hub, other)
    other.bend = nothing
    reader = Reader(
        radio,
        [
            section(DeviceType.BATTERY, 48, 49),
            section(DeviceType.CONTROLLER, 17, address=0x112233445566),
        ],
        ReaderSettings(),
    )
    outcomes = virtual_loop.run_until_complete(reader.once())
    assert [each.device.role for each in outcomes] == [Role.BATTERY, Role.BATTERY, Role.BANK, Role.CONTROLLER]
    assert [each.reading is not None for each in outcomes] == [True, True, True, False]
    assert outcomes[-1].health.trouble == "unit 17 does not answer"
    assert virtual_loop.time() < 10
    assert hub.link is not None
    assert not hub.link.open


def test_sections_without_address_or_type_are_left_out(virtual_loop: VirtualLoop) -> None:
    reader = Reader(FakeRadio(), [section(DeviceType.BATTERY, 48, address=None)], ReaderSettings())
    assert reader.devices == ()
    assert ADDRESS not in [each.address for each in reader.devices]
