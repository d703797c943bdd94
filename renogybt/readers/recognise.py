"""What a device really is, when it does not answer as what it was configured to be."""

from collections.abc import Sequence
from dataclasses import dataclass

from renogybt.model.reading import DeviceType
from renogybt.protocols.modbus.errors import ModbusError
from renogybt.protocols.renogy.decode import decode
from renogybt.protocols.renogy.identify import kind_of_model
from renogybt.readers.errors import DamagedAnswerError, NoAnswerError
from renogybt.readers.line import Line
from renogybt.readers.poll import MODEL

_NOUNS = {
    DeviceType.CONTROLLER: "a charge controller",
    DeviceType.DC_CHARGER: "a DC charger",
    DeviceType.BATTERY: "a battery",
    DeviceType.INVERTER: "an inverter",
}
_ALSO = {DeviceType.CONTROLLER_HISTORY: frozenset({DeviceType.CONTROLLER, DeviceType.DC_CHARGER})}
"""Types that are read from the same devices as others."""


@dataclass(frozen=True, slots=True)
class _Probe:
    """Registers that only such devices have, and in which they have their model."""

    register: int
    words: int
    device_type: DeviceType


_PROBES = (
    _Probe(MODEL, 8, DeviceType.CONTROLLER),
    _Probe(5110, 22, DeviceType.BATTERY),
    _Probe(4311, 8, DeviceType.INVERTER),
)


def contradiction(configured: DeviceType, unit: int, model: str) -> str:
    """One line that says what the model belongs to, empty if it may belong to the configured type."""
    guess = kind_of_model(model)
    return _line(configured, unit, guess.types, model) if guess is not None else ""


async def recognise(line: Line, configured: DeviceType, unit: int) -> str:
    """Ask for models where other types have theirs; one line that says what was found, or nothing.

    Raises GattError when the link ends.
    """
    for probe in _PROBES:
        try:
            octets = await line.read(unit, probe.register, probe.words, patience=1)
            model = str(decode(probe.device_type, probe.register, octets).get("model", ""))
        except (NoAnswerError, DamagedAnswerError, ModbusError):
            continue
        if model:
            guess = kind_of_model(model)
            return _line(configured, unit, guess.types if guess else (probe.device_type,), model)
    return ""


def _line(configured: DeviceType, unit: int, likely: Sequence[DeviceType], model: str) -> str:
    if configured in likely or not _ALSO.get(configured, frozenset()).isdisjoint(likely):
        return ""
    found = likely[0]
    return f"the device at unit {unit} answers as {_NOUNS[found]} ({model}): set type = {found.value}"
