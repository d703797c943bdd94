"""Everything about the radio, in one look: BlueZ first, then what needs its adapter."""

from collections.abc import Iterable

from renogybt.doctor import radio
from renogybt.doctor.adapters import kernel_sight
from renogybt.doctor.bluez import look
from renogybt.doctor.case import Case
from renogybt.doctor.findings import Finding
from renogybt.doctor.rights import MANAGEMENT, management_socket
from renogybt.doctor.scan_holder import SCAN_LOCK, scan_lock
from renogybt.doctor.versions import BLUEZ, bluez

NAMES = (*radio.NAMES, BLUEZ, MANAGEMENT, SCAN_LOCK)


async def examine_radio(case: Case) -> Iterable[Finding]:
    """The rows NAMES; within 8 s where everything is stuck."""
    machine, wanted = case.machine, case.proxy.adapter
    sight = await look(machine.bus_address, wanted)
    return (
        *radio.judge(machine, sight, kernel_sight(machine), wanted),
        await bluez(machine, sight.version),
        await management_socket(machine, sight.adapter, case.proxy.advertisement_source),
        scan_lock(case, sight.adapter),
    )
