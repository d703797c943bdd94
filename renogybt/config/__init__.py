"""config.ini as frozen dataclasses. Knows nothing of the rooms above."""

from renogybt.config.devices import UNIT_ID_OF_NONE
from renogybt.config.errors import ConfigurationError, Finding
from renogybt.config.load import default_configuration, load_configuration
from renogybt.config.sections import (
    AdvertisementSource,
    Configuration,
    Data,
    Device,
    Encryption,
    EntityNaming,
    Health,
    HomeAssistantProxy,
    Mqtt,
    PvOutput,
    RemoteLogging,
    TemperatureUnit,
)
from renogybt.config.table import TABLE, Effect, Row
from renogybt.model.reading import DeviceType

__all__ = [
    "TABLE",
    "UNIT_ID_OF_NONE",
    "AdvertisementSource",
    "Configuration",
    "ConfigurationError",
    "Data",
    "Device",
    "DeviceType",
    "Effect",
    "Encryption",
    "EntityNaming",
    "Finding",
    "Health",
    "HomeAssistantProxy",
    "Mqtt",
    "PvOutput",
    "RemoteLogging",
    "Row",
    "TemperatureUnit",
    "default_configuration",
    "load_configuration",
]
