"""Whether the kernel's management socket is open to this user, and what it means if not."""

from renogybt.bluetooth.errors import (
    BluetoothError,
    CallTimeoutError,
    MgmtError,
)
from renogybt.bluetooth.intake import IntakeChoice, SourceUnavailableError
from renogybt.bluetooth.tree import AdapterRecord
from renogybt.config import AdvertisementSource
from renogybt.doctor.findings import Finding, note, ok, problem, unknown
from renogybt.doctor.machine import Machine

MANAGEMENT = "management socket"
_WITHOUT = (
    "Advertisements come by D-Bus then: repeats may be missing, raw data is rebuilt, passive scanning and"
    " ending a discovery that a crash left behind are not possible"
)
_GRANT = (
    'for the service: its drop-in with CAP_NET_ADMIN. By hand: "More adverts" in README.md. In a container:'
    " docker run --cap-add NET_ADMIN --network host ..."
)


async def management_socket(
    machine: Machine, adapter: AdapterRecord | None, source: AdvertisementSource
) -> Finding:
    """The trial is the one that a run makes, which sends questions only; within 4 s."""
    if adapter is None:
        return unknown(MANAGEMENT, "not known without an adapter")
    choice = IntakeChoice(
        AdvertisementSource.MGMT, machine.bus_address, lambda _batch: None, lambda: None, machine.open_mgmt
    )
    try:
        await choice.open(adapter)
    except SourceUnavailableError as error:
        return _missing(str(error.__cause__ or error), source)
    except (MgmtError, CallTimeoutError) as error:
        text = f"the kernel does not answer for {adapter.name}: {error}"
        return problem(
            MANAGEMENT, text, f"renogybt reset-adapter {adapter.name}, or plug the adapter out and in"
        )
    except BluetoothError as error:
        return unknown(MANAGEMENT, str(error))
    finally:
        await choice.close()
    return ok(MANAGEMENT, "open to this user: raw data, every repeat and passive scanning")


def _missing(reason: str, source: AdvertisementSource) -> Finding:
    if source is AdvertisementSource.MGMT:
        text = f"config.ini has advertisement_source = mgmt, but {reason}"
        return problem(MANAGEMENT, text, f"set advertisement_source = auto, or {_GRANT}")
    if source is AdvertisementSource.DBUS:
        return ok(MANAGEMENT, "not wanted: advertisement_source = dbus")
    return note(MANAGEMENT, f"not for this user: {reason}. {_WITHOUT}", _GRANT)
