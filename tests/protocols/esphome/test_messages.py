import subprocess
import sys

import pytest

from renogybt.protocols.esphome.errors import MalformedMessageError
from renogybt.protocols.esphome.messages import TYPES, api, decode, type_of


def test_the_table_is_that_of_the_official_client() -> None:
    from aioesphomeapi.core import MESSAGE_TYPE_TO_PROTO

    assert {row.number: row.message for row in TYPES.values()} == MESSAGE_TYPE_TO_PROTO


def test_the_classes_are_those_of_the_official_client() -> None:
    import aioesphomeapi  # noqa: F401 - as programs do that use both
    from aioesphomeapi import api_pb2

    for row in TYPES.values():
        assert row.message is getattr(api_pb2, row.name)
    assert api.HelloRequest is api_pb2.HelloRequest


@pytest.mark.parametrize("first", ["renogybt.protocols.esphome.messages", "aioesphomeapi"])
def test_the_classes_are_the_same_whichever_is_imported_first(first: str) -> None:
    program = f"""
import importlib
importlib.import_module("{first}")
from renogybt.protocols.esphome.messages import api
from aioesphomeapi import api_pb2
assert api.HelloRequest is api_pb2.HelloRequest
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_importing_the_messages_does_not_import_the_official_client() -> None:
    program = """
import sys
import renogybt.protocols.esphome.connection
print(*(name for name in sys.modules if name.split(".")[0] in ("aioesphomeapi", "zeroconf", "asyncio")))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, timeout=60, capture_output=True, text=True
    )

    assert done.stdout.split() == []


def test_the_type_of_a_message_and_of_its_class_is_one_number() -> None:
    assert type_of(api.HelloRequest) == type_of(api.HelloRequest()) == 1
    assert type_of(api.BluetoothLERawAdvertisementsResponse) == 93
    assert type_of(api.DeviceCapabilitiesRequest) == 149


@pytest.mark.parametrize(
    ("name", "from_client"),
    [
        ("HelloRequest", True),
        ("HelloResponse", False),
        ("PingRequest", True),
        ("PingResponse", True),
        ("DisconnectResponse", True),
        ("BluetoothLERawAdvertisementsResponse", False),
        ("NoiseEncryptionSetKeyRequest", True),
        ("GetTimeRequest", True),
    ],
)
def test_who_may_send_a_message_is_read_from_the_schema(name: str, from_client: bool) -> None:
    (row,) = (row for row in TYPES.values() if row.name == name)

    assert row.from_client is from_client


@pytest.mark.parametrize("row", [row for row in TYPES.values() if row.from_client], ids=lambda row: row.name)
def test_every_message_of_a_client_is_decoded(row) -> None:  # type: ignore[no-untyped-def]
    assert decode(row.number, b"") == row.message()


def test_fields_that_this_schema_does_not_know_are_passed_over() -> None:
    newer = api.HelloRequest(client_info="newer").SerializeToString() + bytes.fromhex("f2ff0703666f6f")

    message = decode(1, newer)

    assert message is not None
    assert message.client_info == "newer"


def test_what_no_client_sends_is_none() -> None:
    assert decode(2, b"") is None
    assert decode(9_999, b"\xff") is None


def test_a_payload_that_cannot_be_read_is_malformed_and_names_the_message() -> None:
    with pytest.raises(MalformedMessageError, match="HelloRequest"):
        decode(1, b"\xff")
