"""The key: given by the first client, demanded from then on."""

import base64
import stat
from pathlib import Path

import pytest
from aioesphomeapi import (
    EncryptionPlaintextAPIError,
    InvalidEncryptionKeyAPIError,
    RequiresEncryptionAPIError,
    api_pb2,
)
from clients.conftest import Serve
from clients.peers import HELLO, Peer, frame, peer
from clients.serving import KEY, KEY_BYTES, OTHER_KEY, ZERO_KEY, Served, connected, serving, until

from renogybt.config import Encryption

FIRST_DAY = {"zero-key Noise": ZERO_KEY, "plaintext": None}


async def refused(port: int, key: str | None, error: type[Exception]) -> None:
    with pytest.raises(error):
        async with connected(port, key):
            pass


async def provision(served: Served, key: str | None = ZERO_KEY, new: bytes = KEY.encode()) -> None:
    """Set a key, and wait until the server has sent everybody away."""
    async with connected(served.port, key) as client:
        assert await client.api.noise_encryption_set_key(new)
        assert await client.end() is True


@pytest.mark.parametrize("key", FIRST_DAY.values(), ids=FIRST_DAY)
async def test_the_first_client_sets_the_key_and_all_have_to_use_it(
    served: Served, key: str | None, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG", "renogybt")
    async with connected(served.port, key) as first, connected(served.port) as other:
        assert await first.api.noise_encryption_set_key(KEY.encode())
        stored = served.keys.path
        assert base64.b64decode(stored.read_text()) == KEY_BYTES
        assert stat.S_IMODE(stored.stat().st_mode) == 0o600
        assert stored.is_relative_to(tmp_path)
        assert (await first.end(), await other.end()) == (True, True)

    await refused(served.port, None, RequiresEncryptionAPIError)
    await refused(served.port, ZERO_KEY, InvalidEncryptionKeyAPIError)
    await refused(served.port, OTHER_KEY, InvalidEncryptionKeyAPIError)
    async with connected(served.port, KEY) as client:
        info = await client.api.device_info()
    assert info.api_encryption_supported
    assert not info.api_encryption_provisionable
    assert KEY not in caplog.text


async def test_the_key_outlives_the_server(tmp_path: Path) -> None:
    async with serving(tmp_path) as served:
        await provision(served)
    async with serving(tmp_path) as served:
        await refused(served.port, None, RequiresEncryptionAPIError)
        await refused(served.port, ZERO_KEY, InvalidEncryptionKeyAPIError)
        async with connected(served.port, KEY):
            pass


async def test_an_empty_key_over_the_encrypted_connection_clears_it(served: Served) -> None:
    await provision(served)
    await provision(served, KEY, b"")

    assert not served.keys.path.exists()
    async with connected(served.port) as client:
        assert (await client.api.device_info()).api_encryption_provisionable


async def test_the_key_can_be_changed_by_who_has_it(served: Served) -> None:
    await provision(served)
    await provision(served, KEY, OTHER_KEY.encode())

    await refused(served.port, KEY, InvalidEncryptionKeyAPIError)
    async with connected(served.port, OTHER_KEY):
        pass


NO_KEYS = {
    "zeros": ZERO_KEY.encode(),
    "too short": base64.b64encode(bytes(range(31))),
    "too long": base64.b64encode(bytes(range(33))),
    "not base64": b"\xff\xfe not a key",
    "raw": KEY_BYTES,
}


@pytest.mark.parametrize("new", NO_KEYS.values(), ids=NO_KEYS)
async def test_what_is_no_key_is_refused_and_changes_nothing(served: Served, new: bytes) -> None:
    async with connected(served.port, ZERO_KEY) as client:
        assert not await client.api.noise_encryption_set_key(new)
        await client.round_trip()

    assert not served.keys.path.exists()
    async with connected(served.port):
        pass


async def test_a_key_that_cannot_be_stored_is_not_taken(serve: Serve, tmp_path: Path) -> None:
    served = await serve()
    served.keys.path.mkdir(parents=True)  # nobody, not even root, can put a file there
    async with connected(served.port) as client:
        assert not await client.api.noise_encryption_set_key(KEY.encode())
    async with connected(served.port):
        pass


@pytest.mark.parametrize(
    ("mode", "fixed", "key"),
    [(Encryption.KEY, KEY_BYTES, KEY), (Encryption.OFF, None, None)],
    ids=["key", "off"],
)
async def test_a_key_of_the_configuration_is_not_changed_by_clients(
    serve: Serve, mode: Encryption, fixed: bytes | None, key: str | None
) -> None:
    served = await serve(encryption=mode, key=fixed)
    async with connected(served.port, key) as client:
        assert not await client.api.noise_encryption_set_key(OTHER_KEY.encode())
        assert not await client.api.noise_encryption_set_key(b"")
        await client.round_trip()


async def test_without_encryption_a_client_with_a_key_hears_that_it_is_off(serve: Serve) -> None:
    served = await serve(encryption=Encryption.OFF)

    await refused(served.port, KEY, EncryptionPlaintextAPIError)


async def set_key(attacker: Peer, key: bytes) -> bool:
    await attacker.send(frame(api_pb2.NoiseEncryptionSetKeyRequest(key=key)))
    *_, (_, answer) = await attacker.messages(until=api_pb2.NoiseEncryptionSetKeyResponse)
    return api_pb2.NoiseEncryptionSetKeyResponse.FromString(answer).success


@pytest.mark.parametrize("key", [b"", OTHER_KEY.encode()], ids=["clear", "change"])
async def test_a_connection_from_before_the_key_may_not_touch_it(served: Served, key: bytes) -> None:
    """It stays open for the moment that clients are given to say goodbye."""
    async with peer(served.port) as attacker, connected(served.port, ZERO_KEY) as client:
        await attacker.send(HELLO)
        assert await client.api.noise_encryption_set_key(KEY.encode())
        assert not await set_key(attacker, key)

    async with connected(served.port, KEY):
        pass


async def test_who_does_not_leave_when_the_key_changes_is_made_to(served: Served) -> None:
    async with peer(served.port) as stays:
        await stays.send(HELLO)
        await provision(served)
        await stays.messages(until=api_pb2.DisconnectRequest)
        await stays.rest()
    await until(lambda: served.server.connections == 0, "all gone")
