"""From values to the typed sections."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from renogybt.config.checks import encryption_of
from renogybt.config.device_checks import device_contradictions
from renogybt.config.devices import build_device, complete_sections, default_interval
from renogybt.config.network_kinds import DeviceName
from renogybt.config.paths import expand, state_directory
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
from renogybt.config.table import DATA, DEVICE, MOST_RESETS, MQTT, PROXY, PVOUTPUT, REMOTE_LOGGING
from renogybt.config.values import Values
from renogybt.model.radio import ScanMode


def build(
    values: Values, environment: Mapping[str, str], warnings: tuple[str, ...], path: Path | None
) -> Configuration:
    """The configuration of values that do not contradict each other."""
    return Configuration(
        device=build_device(values, DEVICE),
        devices=_devices(values),
        data=_data(values),
        proxy=_proxy(values, environment),
        mqtt=_mqtt(values),
        pvoutput=PvOutput(
            enabled=values.take(PVOUTPUT, "enabled", bool),
            api_key=values.take(PVOUTPUT, "api_key", str),
            system_id=values.take(PVOUTPUT, "system_id", str),
        ),
        remote_logging=RemoteLogging(
            enabled=values.take(REMOTE_LOGGING, "enabled", bool),
            url=values.take(REMOTE_LOGGING, "url", str),
            auth_header=values.take(REMOTE_LOGGING, "auth_header", str),
        ),
        warnings=warnings,
        path=path,
    )


def _devices(values: Values) -> tuple[Device, ...]:
    # sections may contradict each other here where no device is to be read, and then none of these is one
    contradicting = {finding.section for finding in device_contradictions(values)}
    sections = [section for section in complete_sections(values) if section not in contradicting]
    return tuple(build_device(values, section) for section in sections)


def _data(values: Values) -> Data:
    return Data(
        enable_polling=values.take(DATA, "enable_polling", bool),
        poll_interval_s=values.take(DATA, "poll_interval", float),
        temperature_unit=values.take(DATA, "temperature_unit", TemperatureUnit),
        fields=values.take(DATA, "fields", tuple),
        read_timeout_s=values.take(DATA, "renogy_read_timeout_seconds", float),
    )


def _proxy(values: Values, environment: Mapping[str, str]) -> HomeAssistantProxy:
    name = values.take(PROXY, "device_name", DeviceName)
    mac = values.optional(PROXY, "mac", int)
    scan_lock = values.optional(PROXY, "scan_lock", Path)
    encryption = encryption_of(values)
    key = values.optional(PROXY, "encryption_key", bytes)
    return HomeAssistantProxy(
        enabled=values.take(PROXY, "enabled", bool),
        device_name=name.announced,
        friendly_name=name.friendly,
        adapter=values.optional(PROXY, "adapter", str) or values.optional(DEVICE, "adapter", str),
        mac=values.optional(PROXY, "native_api_mac", int) if mac is None else mac,
        native_api_host=values.optional(PROXY, "native_api_host", str),
        native_api_port=values.take(PROXY, "native_api_port", int),
        encryption=encryption,
        encryption_key=key if encryption is Encryption.KEY else None,
        state_dir=state_directory(values.optional(PROXY, "state_dir", Path), environment),
        scan_lock=None if scan_lock is None else expand(scan_lock, environment),
        advertisement_source=values.take(PROXY, "advertisement_source", AdvertisementSource),
        scan_mode=values.optional(PROXY, "scan_mode", ScanMode),
        active_connections=values.take(PROXY, "active_connections", bool),
        connection_slots=values.optional(PROXY, "connection_slots", int),
        connection_allow_list=values.take(PROXY, "connection_allow_list", frozenset),
        pairing_passkeys=values.take(PROXY, "pairing_passkeys", MappingProxyType),
        mdns=values.take(PROXY, "mdns", bool),
        mdns_addresses=values.take(PROXY, "mdns_ip", tuple),
        with_renogy_client=values.take(PROXY, "with_renogy_client", bool),
        renogy_read_interval_s=default_interval(values),
        keep_connection=values.take(PROXY, "renogy_keep_connection", bool),
        esphome_sensors=values.take(PROXY, "esphome_sensors", bool),
        entity_naming=values.take(PROXY, "entity_naming", EntityNaming),
        load_switch=values.take(PROXY, "load_switch", bool),
        health=_health(values),
    )


def _health(values: Values) -> Health:
    return Health(
        check_interval_s=values.take(PROXY, "health_check_interval", float),
        threshold_s=values.take(PROXY, "health_check_threshold", float),
        reset_adapter=values.take(PROXY, "health_reset_adapter", bool),
        reset_limit=min(values.take(PROXY, "health_reset_limit", int), MOST_RESETS),
        reset_hardware=values.take(PROXY, "recovery_reset_hardware", bool),
        restart_bluetooth=values.take(PROXY, "recovery_restart_bluetooth", bool),
    )


def _mqtt(values: Values) -> Mqtt:
    return Mqtt(
        enabled=values.take(MQTT, "enabled", bool),
        server=values.take(MQTT, "server", str),
        port=values.take(MQTT, "port", int),
        topic=values.take(MQTT, "topic", str),
        user=values.take(MQTT, "user", str),
        password=values.take(MQTT, "password", str),
        homeassistant_discovery=values.take(MQTT, "homeassistant_discovery", bool),
    )
