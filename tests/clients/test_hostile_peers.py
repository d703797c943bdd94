"""Peers that mean no good, or nothing at all."""

import asyncio
import contextlib
import logging
import time
import tracemalloc

import pytest
from clients.conftest import Serve
from clients.heard import Heard
from clients.peers import HELLO, PING, STRANGER, peer
from clients.scripted_radio import batch
from clients.serving import KEY, KEY_BYTES, Served, connected, until

from renogybt.config import Encryption
from renogybt.protocols.esphome.noise import WRONG_KEY_REASON, noise_frame
from renogybt.protocols.esphome.plaintext import plaintext_frame
from renogybt.protocols.esphome.varint import encode_varint
from renogybt.proxy import session as session_module
from renogybt.proxy import wrong_keys
from renogybt.proxy.server import MAX_NEWCOMERS

NOISE_HELLO = noise_frame(b"")
WRONG_BYTES = {
    "a browser": b"GET / HTTP/1.1\r\nHost: proxy\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "a varint without end as length": b"\0" + b"\xff" * 5,
    "a varint without end as type": b"\0\x01" + b"\x80" * 5,
    "a frame over the limit": b"\0" + encode_varint(65_536) + b"\x01",
    "a frame of 200 MB": b"\0" + encode_varint(200_000_000) + b"\x01",
    "no introduction": PING,
    "two introductions": HELLO + HELLO,
    "a broken introduction": plaintext_frame(1, b"\xff\xff\xff"),
    "a broken request": HELLO + plaintext_frame(66, b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"),
    "garbage after an introduction": HELLO + b"\x55" * 100,
    "a handshake frame over the limit": b"\x01\xff\xff",
    "a handshake of noise": NOISE_HELLO + noise_frame(b"\0" + bytes(range(48))),
    "a handshake that is too short": NOISE_HELLO + noise_frame(b"\0\x01\x02"),
    "a handshake of nothing": NOISE_HELLO + noise_frame(b""),
    "clear text after a Noise hello": NOISE_HELLO + HELLO,
}


@pytest.mark.parametrize("data", WRONG_BYTES.values(), ids=WRONG_BYTES)
async def test_wrong_bytes_end_the_connection_and_nothing_else(served: Served, data: bytes) -> None:
    async with connected(served.port) as client:
        heard = Heard(client)
        await client.round_trip()
        async with peer(served.port) as hostile:
            began = time.monotonic()
            await hostile.send(data)
            await hostile.rest()
            took_s = time.monotonic() - began
        served.scripted.emit(batch(0, 10))
        await client.round_trip()

    assert took_s < 0.5
    assert heard.advertisements == batch(0, 10)
    await until(lambda: served.server.connections == 0, "all gone")


async def test_the_same_complaint_is_logged_once_and_then_seldom(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "renogybt")
    for _ in range(5):
        async with peer(served.port) as hostile:
            await hostile.send(b"GET /\x1b[31m\r\n")
            await hostile.rest()

    assert len(caplog.messages) == 1
    assert "\x1b" not in caplog.text


async def test_a_wrong_key_gets_the_words_that_the_client_knows_and_no_device_info(serve: Serve) -> None:
    served = await serve(encryption=Encryption.KEY, key=KEY_BYTES)
    async with peer(served.port) as hostile:
        await hostile.send(WRONG_BYTES["a handshake of noise"])
        answer = await hostile.rest()

    assert answer.endswith(noise_frame(b"\x01" + WRONG_KEY_REASON.encode()))


async def test_who_tries_key_after_key_waits_for_the_answers_and_others_do_not(serve: Serve) -> None:
    async def refused_after_s(source: str) -> float:
        async with peer(served.port, source=source) as hostile:
            began = time.monotonic()
            await hostile.send(WRONG_BYTES["a handshake of noise"])
            answer = await hostile.rest()
        assert WRONG_KEY_REASON.encode() in answer
        return time.monotonic() - began

    served = await serve(encryption=Encryption.KEY, key=KEY_BYTES)
    soon = [await refused_after_s(STRANGER) for _ in range(wrong_keys.MOST)]
    late_s = await refused_after_s(STRANGER)
    other_s = await refused_after_s("127.0.0.1")
    async with connected(served.port, KEY) as client:
        await client.round_trip()

    assert max(soon) < 0.5
    assert late_s >= wrong_keys.WAIT_S
    assert other_s < 0.5


@pytest.mark.parametrize("source", [STRANGER, "127.0.0.1"], ids=["another host", "the client's host"])
async def test_200_silent_connections_keep_nobody_out(served: Served, source: str) -> None:
    async with connected(served.port) as early, contextlib.AsyncExitStack() as stack:
        heard = Heard(early)
        for _ in range(200):
            await stack.enter_async_context(peer(served.port, source=source))
        began = time.monotonic()
        async with connected(served.port) as late:
            await late.round_trip()
            took_s = time.monotonic() - began
        served.scripted.emit(batch(0, 10))
        await early.round_trip()
        assert served.server.connections <= 1 + MAX_NEWCOMERS

    assert took_s < 1.0
    assert heard.advertisements == batch(0, 10)


async def test_200_connections_in_one_moment_are_cut_down_to_a_few(served: Served) -> None:
    async with contextlib.AsyncExitStack() as stack:
        await asyncio.gather(*(stack.enter_async_context(peer(served.port)) for _ in range(200)))
        await until(lambda: served.server.connections <= MAX_NEWCOMERS, "only a few are left")


async def test_a_flood_from_one_host_does_not_starve_a_client_on_another(served: Served) -> None:
    async def flood() -> None:
        while True:
            async with contextlib.AsyncExitStack() as stack:
                for _ in range(20):
                    await stack.enter_async_context(peer(served.port, source=STRANGER))

    floods = [asyncio.create_task(flood()) for _ in range(4)]
    try:
        for _ in range(5):
            began = time.monotonic()
            async with connected(served.port) as client:
                await client.round_trip()
            assert time.monotonic() - began < 1.0
    finally:
        for task in floods:
            task.cancel()
        await asyncio.gather(*floods, return_exceptions=True)


async def test_half_frames_cost_little_memory(served: Served) -> None:
    """24 MB are sent; a connection that is closed holds nothing."""
    half = b"\0" + encode_varint(65_000) + encode_varint(1) + bytes(60_000)
    tracemalloc.start()
    try:
        for _ in range(400):
            async with peer(served.port) as hostile:
                with contextlib.suppress(ConnectionError):
                    await hostile.send(half)
        await until(lambda: served.server.connections == 0, "all gone")
        now, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 4_000_000
    assert now < 8_000_000


@pytest.mark.parametrize(
    "data", [b"", HELLO[:5], NOISE_HELLO], ids=["nothing", "half a hello", "half a handshake"]
)
async def test_who_does_not_introduce_himself_in_time_has_to_go(
    served: Served, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "HANDSHAKE_DEADLINE_S", 0.2)
    async with peer(served.port) as hostile:
        began = time.monotonic()
        await hostile.send(data)
        await hostile.rest()

    assert 0.15 < time.monotonic() - began < 1.0
    await until(lambda: served.server.connections == 0, "the place is free")


async def test_who_trickles_gets_no_more_time(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session_module, "HANDSHAKE_DEADLINE_S", 0.2)
    async with peer(served.port) as hostile:
        with pytest.raises(ConnectionError):  # noqa: PT012
            for byte in HELLO[:-1] * 100:
                await hostile.send(bytes([byte]) if byte else b"\0\x80")
                await asyncio.sleep(0.05)


async def test_half_a_frame_from_a_known_client_is_waited_for_until_it_is_dead(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session_module, "PING_AFTER_S", 0.1)
    monkeypatch.setattr(session_module, "DEAD_AFTER_S", 0.4)
    async with peer(served.port) as hostile:
        await hostile.send(HELLO + PING[:-1])
        began = time.monotonic()
        await hostile.rest()

    assert 0.35 < time.monotonic() - began < 1.5


async def test_a_flood_of_requests_does_not_hold_up_the_others(served: Served) -> None:
    """From a peer that takes the answers, so that nothing stops it."""
    async with connected(served.port) as client, peer(served.port) as hostile:
        await hostile.send(HELLO)
        await client.round_trip()
        reading = asyncio.create_task(hostile.rest())
        flooding = asyncio.create_task(hostile.send(PING * 400_000))
        slowest_s = 0.0
        for _ in range(30):
            began = time.monotonic()
            await client.round_trip()
            slowest_s = max(slowest_s, time.monotonic() - began)
        flooding.cancel()
        reading.cancel()
        await asyncio.gather(flooding, reading, return_exceptions=True)

    assert slowest_s < 0.3


async def test_an_encrypted_client_survives_what_others_do(serve: Serve) -> None:
    served = await serve(encryption=Encryption.KEY, key=KEY_BYTES)
    async with connected(served.port, KEY) as client:
        heard = Heard(client)
        for data in WRONG_BYTES.values():
            async with peer(served.port) as hostile:
                await hostile.send(data)
                await hostile.rest()
        served.scripted.emit(batch(0, 10))
        await client.round_trip()

    assert heard.advertisements == batch(0, 10)
