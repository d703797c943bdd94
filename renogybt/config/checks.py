"""What single values cannot tell: settings that contradict each other, or that a user should know of."""

from collections.abc import Iterator
from dataclasses import replace

from renogybt.config.device_checks import device_contradictions, shared_aliases, without_type
from renogybt.config.errors import Finding, quoted
from renogybt.config.network_kinds import DeviceName
from renogybt.config.sections import Encryption
from renogybt.config.table import MOST_RESETS, MQTT, PROXY, PVOUTPUT, REMOTE_LOGGING, TABLE
from renogybt.config.values import NO_MATTER, Values

_OUTPUTS = {
    MQTT: "sending readings to MQTT",
    PVOUTPUT: "sending readings to PVOutput",
    REMOTE_LOGGING: "posting readings to a web address",
}
_LATER = "comes with a later version; the Bluetooth proxy works already"


def contradictions(values: Values) -> Iterator[Finding]:
    """What makes the configuration unusable though each value is right."""
    yield from _encryption_and_key(values)
    yield from _two_addresses(values)
    if values.reads_devices:
        yield from device_contradictions(values)


def remarks(values: Values) -> Iterator[Finding]:
    """What is usable, but perhaps not what the user thinks."""
    yield from _placeholders(values)
    yield from _changed_name(values)
    yield from _key_without_use(values)
    yield from _proxy_switched_off(values)
    yield from _allow_list_without_use(values)
    yield from _too_many_resets(values)
    yield from _rungs_without_resets(values)
    yield from _cut_secrets(values)
    yield from _planned_outputs(values)
    yield from _devices(values)


def encryption_of(values: Values) -> Encryption:
    """The encryption that counts: a key alone is meant to be used."""
    if values.given(PROXY, "encryption_key") and not values.given(PROXY, "encryption"):
        return Encryption.KEY
    return values.take(PROXY, "encryption", Encryption)


def _encryption_and_key(values: Values) -> Iterator[Finding]:
    setting = values.given(PROXY, "encryption")
    if setting is None:
        return
    encryption = encryption_of(values)
    key = values.given(PROXY, "encryption_key")
    if encryption is Encryption.KEY and key is None:
        yield setting.finding(
            "needs an encryption_key",
            "make one with `renogybt generate-key`, or `provision`, where Home Assistant makes the key",
        )
    # Home Assistant would make another key, and the given one would silently count for nothing
    if setting.text.lower() == Encryption.PROVISION.value and key is not None:
        yield setting.finding(
            "contradicts the encryption_key, because here Home Assistant makes the key",
            "`key` to use the encryption_key, or `provision` without one",
        )


def _key_without_use(values: Values) -> Iterator[Finding]:
    # no error: switching encryption off for a trial should not cost the key
    key = values.given(PROXY, "encryption_key")
    if key and encryption_of(values) is Encryption.OFF:
        yield key.finding("not used, because encryption = off: everything on the network can read along")


def _two_addresses(values: Values) -> Iterator[Finding]:
    mac = values.optional(PROXY, "mac", int)
    other = values.optional(PROXY, "native_api_mac", int)
    entry = values.given(PROXY, "native_api_mac")
    if entry and None not in (mac, other) and mac != other:
        yield entry.finding("differs from mac, which means the same; keep one of them")


def _placeholders(values: Values) -> Iterator[Finding]:
    outcomes = {
        **{(section, "mac_addr"): "this device is not read" for section in values.devices},
        (PROXY, "mac"): "the address of this computer is used",
        (PROXY, "native_api_mac"): "the address of this computer is used",
    }
    for (section, key), outcome in outcomes.items():
        entry = values.given(section, key)
        unset = values.optional(section, key, int) is None and (section, key) not in values.refused
        if entry and unset:
            yield entry.finding(f"{quoted(entry.text)} is the placeholder of a sample file; {outcome}")


def _changed_name(values: Values) -> Iterator[Finding]:
    name = values.take(PROXY, "device_name", DeviceName)
    entry = values.given(PROXY, "device_name")
    if entry and name.announced != name.friendly:
        problem = f"{quoted(name.friendly)} has characters that a network name cannot have"
        yield entry.finding(f"{problem}; announced as {quoted(name.announced)}")


def _proxy_switched_off(values: Values) -> Iterator[Finding]:
    entry = values.given(PROXY, "enabled")
    if entry and not values.take(PROXY, "enabled", bool):
        yield entry.finding("the proxy is switched off, so Home Assistant gets no advertisements")


def _allow_list_without_use(values: Values) -> Iterator[Finding]:
    allowed = values.given(PROXY, "connection_allow_list")
    if allowed and not values.take(PROXY, "active_connections", bool):
        yield allowed.finding("without effect, because active_connections = false: nobody may connect")


def _too_many_resets(values: Values) -> Iterator[Finding]:
    limit = values.given(PROXY, "health_reset_limit")
    if limit and values.take(PROXY, "health_reset_limit", int) > MOST_RESETS:
        yield limit.finding(f"is more than is ever done within an hour, so {MOST_RESETS} counts")


def _rungs_without_resets(values: Values) -> Iterator[Finding]:
    if values.take(PROXY, "health_reset_adapter", bool):
        return
    for key in ("recovery_reset_hardware", "recovery_restart_bluetooth"):
        entry = values.given(PROXY, key)
        if entry and values.take(PROXY, key, bool):
            yield entry.finding("without effect, because health_reset_adapter = false")


def _cut_secrets(values: Values) -> Iterator[Finding]:
    # any character may stand in a password, also the one that starts a comment
    for row in TABLE:
        entry = values.entries.get((row.section, row.key))
        if row.secret and entry and entry.commented:
            yield entry.finding("everything from # on is a comment and no part of the value")


def _planned_outputs(values: Values) -> Iterator[Finding]:
    for section, what in _OUTPUTS.items():
        entry = values.given(section, "enabled")
        if entry and values.take(section, "enabled", bool):
            yield entry.finding(f"{what} {_LATER}")


def _devices(values: Values) -> Iterator[Finding]:
    if values.reads_devices:
        yield from shared_aliases(values)
        yield from without_type(values)
        return
    for finding in (*device_contradictions(values), *without_type(values)):
        yield replace(finding, problem=f"{finding.problem}, {NO_MATTER}")
