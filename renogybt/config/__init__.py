"""config.ini as frozen dataclasses. Knows nothing of the rooms above."""

from renogybt.config.errors import ConfigurationError, Finding
from renogybt.config.load import default_configuration, load_configuration
from renogybt.config.sections import (
    AdvertisementSource,
    Configuration,
    Data,
    Device,
    DeviceType,
    Encryption,
    Health,
    HomeAssistantProxy,
    Mqtt,
    PvOutput,
    RemoteLogging,
    TemperatureUnit,
)
from renogybt.config.table import TABLE, Effect, Row

__all__ = [
    "TABLE",
    "AdvertisementSource",
    "Configuration",
    "ConfigurationError",
    "Data",
    "Device",
    "DeviceType",
    "Effect",
    "Encryption",
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
