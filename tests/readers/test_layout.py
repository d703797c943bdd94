"""What was found out about devices is known at the next start."""

import asyncio
import contextlib
from pathlib import Path

import pytest
from proxy.virtual_time import VirtualLoop
from readers.fake_hub import FakeHub, FakeRadio, Notes, battery, controller, key, section

from renogybt.config import TemperatureUnit
from renogybt.model.reading import DeviceType
from renogybt.readers.layout import FILE, Layout
from renogybt.readers.plan import PLANS
from renogybt.readers.reader import Reader
from renogybt.readers.settings import ReaderSettings


def run(loop: VirtualLoop, reader: Reader, seconds: float = 10) -> None:
    async def work() -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await reader.run()

    loop.run_until_complete(work())


def names(reader: Reader, place: int = 0) -> list[str]:
    return [each.name for each in reader.devices[place].quantities]


def test_devices_are_known_before_anything_is_read(virtual_loop: VirtualLoop) -> None:
    notes = Notes()
    sections = [section(DeviceType.BATTERY, 48, 49), section(DeviceType.CONTROLLER, 96)]
    reader = Reader(FakeRadio(), sections, ReaderSettings())
    reader.add_sink(notes)
    assert [each.key for each in notes.layouts[0]] == [key(48), key(49), "bank-6cb2fd86824d", key(96)]
    assert {"voltage", "energy_in_kwh", "cell_voltage_min"} <= set(names(reader))
    assert not [each for each in names(reader) if each.startswith("cell_voltage_0")]
    assert "battery_48_cell_voltage_min" in names(reader, 2)
    assert "load_status" in names(reader, 3)


def test_the_layout_of_the_last_run_is_that_of_the_next(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    sections = [section(DeviceType.BATTERY, 48, 49)]
    hub = FakeHub({48: battery(), 49: battery()})
    first = Reader(FakeRadio(hub), sections, ReaderSettings(), state_dir=tmp_path)
    run(virtual_loop, first)
    assert "cell_voltage_15" in names(first)
    again = Reader(FakeRadio(hub), sections, ReaderSettings(), state_dir=tmp_path)
    assert again.devices == first.devices
    assert again.devices[0].model == "RBT50LFP48S"


def test_a_change_is_told_while_running(virtual_loop: VirtualLoop) -> None:
    notes = Notes()
    reader = Reader(FakeRadio(FakeHub({48: battery()})), [section(DeviceType.BATTERY, 48)], ReaderSettings())
    reader.add_sink(notes)
    run(virtual_loop, reader, 200)
    assert len(notes.layouts) == 2
    assert notes.layouts[1][0].model == "RBT50LFP48S"


def test_a_device_that_lacks_something_today_keeps_it_in_its_layout(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    sections = [section(DeviceType.BATTERY, 48)]
    run(
        virtual_loop,
        Reader(FakeRadio(FakeHub({48: battery()})), sections, ReaderSettings(), state_dir=tmp_path),
    )
    fewer = battery() | {5000: 15}
    reader = Reader(FakeRadio(FakeHub({48: fewer})), sections, ReaderSettings(), state_dir=tmp_path)
    run(virtual_loop, reader)
    assert "cell_voltage_15" in names(reader)


def test_another_type_begins_anew(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    batteries = [section(DeviceType.BATTERY, 48)]
    run(
        virtual_loop,
        Reader(FakeRadio(FakeHub({48: battery()})), batteries, ReaderSettings(), state_dir=tmp_path),
    )
    hub = FakeHub({48: controller()})
    reader = Reader(
        FakeRadio(hub), [section(DeviceType.CONTROLLER, 48)], ReaderSettings(), state_dir=tmp_path
    )
    assert "cell_voltage_0" not in names(reader)
    run(virtual_loop, reader)
    assert "cell_voltage_0" not in names(reader)


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"devices": 3}', '{"devices": {"a": {}}}', pytest.param("[" * 100_000, id="deep")],
)
def test_a_damaged_file_is_put_aside_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: str
) -> None:
    (tmp_path / FILE).write_text(content)
    layout = Layout(tmp_path)
    assert not layout.of("a", DeviceType.BATTERY).names
    assert (tmp_path / f"{FILE}.damaged").read_text() == content
    assert "found out anew" in caplog.text


def test_a_name_that_is_no_quantity_any_more_is_dropped(tmp_path: Path) -> None:
    layout = Layout(tmp_path)
    layout.learn("a", DeviceType.BATTERY, ["voltage", "gone"])
    layout.save()
    assert Layout(tmp_path).of("a", DeviceType.BATTERY).names == {"voltage"}


def test_a_full_disk_costs_a_line_and_no_reading(
    virtual_loop: VirtualLoop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere = tmp_path / "file"
    nowhere.write_text("")
    notes = Notes()
    reader = Reader(
        FakeRadio(FakeHub({48: battery()})),
        [section(DeviceType.BATTERY, 48)],
        ReaderSettings(),
        state_dir=nowhere,
    )
    reader.add_sink(notes)
    run(virtual_loop, reader, 70)
    assert len(notes.times(48)) == 3
    assert len([each for each in caplog.records if "cannot keep the layout" in each.getMessage()]) == 1


def test_a_single_round_writes_nothing(virtual_loop: VirtualLoop, tmp_path: Path) -> None:
    hub = FakeHub({48: battery()})
    reader = Reader(
        FakeRadio(hub), [section(DeviceType.BATTERY, 48)], ReaderSettings(), state_dir=tmp_path / "state"
    )
    virtual_loop.run_until_complete(reader.once())
    assert not (tmp_path / "state").exists()


def test_a_pro_battery_is_known_by_its_name_before_it_is_heard_again(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    hub = FakeHub({48: battery()}, name="RNGRBP123456")
    sections = [section(DeviceType.BATTERY, 48)]
    run(virtual_loop, Reader(FakeRadio(hub), sections, ReaderSettings(), state_dir=tmp_path))
    assert Layout(tmp_path).of(key(48), DeviceType.BATTERY).name == "RNGRBP123456"


def test_devices_and_values_come_in_the_units_and_fields_that_were_chosen(virtual_loop: VirtualLoop) -> None:
    notes = Notes()
    settings = ReaderSettings(
        temperature_unit=TemperatureUnit.FAHRENHEIT, fields=("temperature_0", "voltage")
    )
    hub = FakeHub({48: battery(), 49: battery()})
    reader = Reader(FakeRadio(hub), [section(DeviceType.BATTERY, 48, 49)], settings)
    reader.add_sink(notes)
    run(virtual_loop, reader)
    assert notes.last(48).values == {"temperature_0": pytest.approx(68.2), "voltage": 52.8}
    assert [(each.name, each.unit) for each in reader.devices[0].quantities] == [
        ("voltage", "V"),
        ("temperature_0", "°F"),
    ]


def test_energy_goes_on_after_a_restart_and_from_the_earlier_program(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    earlier = tmp_path / "energy_totals.json"
    earlier.write_text('{"bank_48": {"energy_in_kwh": 12.5, "energy_out_kwh": 3.0, "timestamp": 1}}')
    hub = FakeHub({48: battery(current=1000)})
    for hours in (1, 2):
        notes = Notes()
        reader = Reader(
            FakeRadio(hub),
            [section(DeviceType.BATTERY, 48)],
            ReaderSettings(),
            state_dir=tmp_path / "state",
            import_energy_from=earlier,
        )
        reader.add_sink(notes)
        run(virtual_loop, reader, 3601)
        assert notes.last(48).values["energy_in_kwh"] == pytest.approx(
            12.5 + 0.528 * hours, abs=0.002 * hours
        )
        assert notes.last(48).values["energy_out_kwh"] == 3.0


@pytest.mark.parametrize(
    ("kind", "registers"), [(DeviceType.BATTERY, battery()), (DeviceType.CONTROLLER, controller())]
)
def test_what_is_expected_before_the_first_reading_is_what_comes(
    virtual_loop: VirtualLoop, kind: DeviceType, registers: dict[int, int], tmp_path: Path
) -> None:
    notes = Notes()
    radio = FakeRadio(FakeHub({48: registers}))
    reader = Reader(radio, [section(kind, 48)], ReaderSettings(), state_dir=tmp_path)
    reader.add_sink(notes)
    run(virtual_loop, reader)
    there = {each for each in notes.last(48).values if not each[-1].isdecimal()}
    assert there == set(PLANS[kind].names)
