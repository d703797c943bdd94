"""Which register map a type of device has."""

from collections.abc import Mapping
from types import MappingProxyType

from renogybt.model.reading import DeviceType
from renogybt.protocols.renogy.battery import BATTERY, BATTERY_PRO
from renogybt.protocols.renogy.charger import CONTROLLER, CONTROLLER_HISTORY, DC_CHARGER
from renogybt.protocols.renogy.inverter import INVERTER
from renogybt.protocols.renogy.registers import RegisterMap

MAPS: Mapping[DeviceType, RegisterMap] = MappingProxyType(
    {
        DeviceType.BATTERY: BATTERY,
        DeviceType.BATTERY_PRO: BATTERY_PRO,
        DeviceType.CONTROLLER: CONTROLLER,
        DeviceType.CONTROLLER_HISTORY: CONTROLLER_HISTORY,
        DeviceType.DC_CHARGER: DC_CHARGER,
        DeviceType.INVERTER: INVERTER,
    }
)
"""All types but the shunt, which has no registers."""
