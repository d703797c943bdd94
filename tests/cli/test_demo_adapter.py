"""The address that the demo's scanner has in Home Assistant."""

from pathlib import Path

from cli.program import free_port, settings, started
from clients.serving import connected

from renogybt.assembly import demo_adapter

MACS = [
    0x00_00_00_00_00_00,
    0x02_00_5E_10_20_30,
    0xFF_FF_FF_FF_FF_FF,
    *range(0xB8_27_EB_00_00_00, 0xB8_27_EB_00_10_00),
]


def test_it_is_locally_administered_of_one_station_and_not_the_devices_own() -> None:
    for mac in MACS:
        address = demo_adapter(mac)
        assert address >> 40 & 0b11 == 0b10
        assert 0 < address < 1 << 48
        assert address != mac


def test_each_device_has_its_own_and_keeps_it() -> None:
    assert len({demo_adapter(mac) for mac in MACS}) == len(MACS)
    assert [demo_adapter(mac) for mac in MACS] == [demo_adapter(mac) for mac in MACS]


async def test_two_demos_are_two_scanners(tmp_path: Path) -> None:
    seen = set()
    for mac in ("02:00:00:00:00:01", "02:00:00:00:00:02"):
        port = free_port()
        async with started("--demo", *settings(tmp_path / mac, port, mac=mac), cwd=tmp_path) as program:
            await program.line("ready:")
            async with connected(port) as client:
                info = await client.api.device_info()
            assert info.mac_address == mac
            seen |= {info.mac_address, info.bluetooth_mac_address}
            await program.stop()

    assert len(seen) == 4
