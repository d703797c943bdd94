import dataclasses
import json
import logging
import os
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from proxy.relay_world import Worlds

import renogybt
from renogybt.model.advertisement import format_address, parse_address
from renogybt.protocols.esphome.messages import api
from renogybt.proxy.identity import (
    CONNECTING,
    CONNECTION_PARAMETERS,
    LISTENING,
    PROJECT_NAME,
    Identity,
    IdentityError,
    IdentityFile,
)
from renogybt.proxy.services import Services

HOST = 0x2CCF6703D94A
MULTICAST = 0x01 << 40
LOCALLY_ADMINISTERED = 0x02 << 40
IDENTITY = Identity("renogy.proxy", "Renogy Proxy", 0x2CCF6703D94A, "Raspberry Pi 5")


@pytest.fixture(autouse=True)
def host(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host with one network interface."""
    monkeypatch.setattr(uuid, "getnode", lambda: HOST)


def another_host(monkeypatch: pytest.MonkeyPatch, node: int) -> None:
    monkeypatch.setattr(uuid, "getnode", lambda: node)


# the address of this device


def test_on_the_first_start_it_is_the_address_of_the_host(tmp_path: Path) -> None:
    assert IdentityFile(tmp_path, None).mac == HOST


def test_it_stays_when_the_host_gets_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = IdentityFile(tmp_path, None).mac
    another_host(monkeypatch, 0x2CCF6703FFFF)

    assert IdentityFile(tmp_path, None).mac == first
    assert IdentityFile(tmp_path, "hci7").mac == first


def test_the_first_adapter_has_the_same_address_by_its_name_and_by_default(tmp_path: Path) -> None:
    assert IdentityFile(tmp_path / "a", None).mac == IdentityFile(tmp_path / "b", "hci0").mac


def test_gateways_on_other_adapters_have_addresses_of_their_own(tmp_path: Path) -> None:
    names = [None, "hci1", "hci2", "00:1A:7D:DA:71:13", "demo"]

    addresses = {IdentityFile(tmp_path / str(name), name).mac for name in names}

    assert len(addresses) == len(names)


def test_an_adapters_address_is_the_same_after_its_file_is_lost(tmp_path: Path) -> None:
    assert IdentityFile(tmp_path / "a", "hci1").mac == IdentityFile(tmp_path / "b", "hci1").mac


@given(
    node=st.integers(min_value=1, max_value=2**48 - 1),
    name=st.one_of(st.none(), st.sampled_from(("hci0", "hci1")), st.text(max_size=8)),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_it_is_never_a_multicast_address_and_marked_where_it_is_made_up(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, node: int, name: str | None
) -> None:
    another_host(monkeypatch, node)

    mac = IdentityFile(tmp_path_factory.mktemp("state"), name).mac

    assert 0 < mac < 2**48
    assert not mac & MULTICAST
    assert mac == node or mac & LOCALLY_ADMINISTERED


# the file


def test_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    IdentityFile(tmp_path / "state", None)

    (path,) = (tmp_path / "state").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text()) == {"mac": format_address(HOST)}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b'"text"',
        b"7",
        b"null",
        b"\xff\xfe",
        b"\0" * 40,
        b"{}",
        b'{"mac": ""}',
        b'{"adapter": "00:1A:7D:DA:71:13"}',
        b'{"mac": 5}',
        b'{"mac": "2C:CF:67:03:D9"}',
        b'{"mac": "no address at all"}',
        b'{"mac": "2C:CF:67:03:D9:4A", "adapter": [1]}',
    ],
)
def test_a_damaged_file_is_an_error_and_is_not_written_over(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "identity.json"
    path.write_bytes(content)

    with pytest.raises(IdentityError, match=r"identity\.json"):
        IdentityFile(tmp_path, None)

    assert path.read_bytes() == content


@given(st.binary(max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_content_is_an_identity_or_a_typed_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "identity.json").write_bytes(content)

    try:
        found = IdentityFile(tmp_path, None)
    except IdentityError:
        pass
    else:
        assert 0 < found.mac < 2**48


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "identity.json").mkdir()

    with pytest.raises(IdentityError):
        IdentityFile(tmp_path, None)


def test_what_cannot_be_kept_is_warned_of_and_used_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def read_only(*_args: Any, **_options: Any) -> None:
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr(os, "replace", read_only)

    found = IdentityFile(tmp_path, None)
    assert found.remember_adapter(7)

    assert (found.mac, found.adapter) == (HOST, 7)
    assert {record.levelno for record in caplog.records} == {logging.WARNING}
    assert "identity.json" in caplog.text
    assert list(tmp_path.iterdir()) == []


# the adapter


def test_the_adapter_is_remembered(tmp_path: Path) -> None:
    address = parse_address("00:1A:7D:DA:71:13")
    first = IdentityFile(tmp_path, None)
    assert first.adapter is None

    assert first.remember_adapter(address)

    second = IdentityFile(tmp_path, None)
    assert (second.adapter, second.mac) == (address, first.mac)


def test_the_same_adapter_again_is_no_news_and_no_write(tmp_path: Path) -> None:
    found = IdentityFile(tmp_path, None)
    found.remember_adapter(7)
    written = (tmp_path / "identity.json").stat().st_ino

    assert not found.remember_adapter(7)
    assert (tmp_path / "identity.json").stat().st_ino == written

    assert found.remember_adapter(8)
    assert IdentityFile(tmp_path, None).adapter == 8


# what it says of itself


def test_device_info_holds_what_home_assistant_reads() -> None:
    info = IDENTITY.device_info(0x001A7DDA7113, features=0x61, supported=True, provisionable=False)

    assert info == api.DeviceInfoResponse(
        name="renogy.proxy",
        friendly_name="Renogy Proxy",
        mac_address="2C:CF:67:03:D9:4A",
        bluetooth_mac_address="00:1A:7D:DA:71:13",
        esphome_version="2026.10.0",
        model="Raspberry Pi 5",
        manufacturer="renogybt",
        project_name=PROJECT_NAME,
        project_version=renogybt.__version__,
        bluetooth_proxy_feature_flags=0x61,
        api_encryption_supported=True,
    )


@pytest.mark.parametrize(("supported", "provisionable"), [(True, True), (True, False), (False, False)])
def test_device_info_says_whether_a_key_can_be_set(supported: bool, provisionable: bool) -> None:
    info: Any = IDENTITY.device_info(
        None, features=LISTENING, supported=supported, provisionable=provisionable
    )

    assert info.api_encryption_supported is supported
    assert info.api_encryption_provisionable is provisionable
    assert not info.uses_password
    assert not info.api_outgoing_connection_supported


def test_the_project_name_has_exactly_one_dot_because_home_assistant_splits_it_there() -> None:
    assert PROJECT_NAME.count(".") == 1


@pytest.mark.parametrize("adapter", [None, 0x001A7DDA7113])
@pytest.mark.parametrize("features", [LISTENING, LISTENING | CONNECTING])
def test_capabilities_and_device_info_agree(adapter: int | None, features: int) -> None:
    info: Any = IDENTITY.device_info(adapter, features=features, supported=True, provisionable=True)
    capabilities: Any = IDENTITY.capabilities(adapter, features)

    assert capabilities.bluetooth_proxy.feature_flags == info.bluetooth_proxy_feature_flags == features
    assert capabilities.bluetooth_proxy.mac_address == info.bluetooth_mac_address
    assert not capabilities.HasField("wizard")


def test_without_an_adapter_the_scanner_has_the_address_of_the_device() -> None:
    info: Any = IDENTITY.device_info(None, features=LISTENING, supported=False, provisionable=False)

    assert info.bluetooth_mac_address == info.mac_address


def test_the_digits_of_the_address_are_twelve_lower_case() -> None:
    assert IDENTITY.mac_digits == "2ccf6703d94a"
    assert Identity("n", "N", 0x0A, "m").mac_digits == "00000000000a"


@pytest.mark.parametrize(
    ("connects", "tunes", "features"), [(False, False, 97), (True, False, 127), (True, True, 255)]
)
def test_what_it_can_do_follows_from_its_relay(
    worlds: Worlds, connects: bool, tunes: bool, features: int
) -> None:
    world = worlds()
    world.radio.tunes_links = tunes
    nothing: Any = None
    parts = dict.fromkeys((each.name for each in dataclasses.fields(Services)), nothing)

    assert Services(**{**parts, "relay": world.relay if connects else None}).features == features
    assert features == LISTENING + connects * CONNECTING + tunes * CONNECTION_PARAMETERS
