"""In processes of their own: what is imported once is imported for good."""

import subprocess
import sys

import pytest

BEGIN = "import sys; from renogybt.service.footprint import load_without_openssl;"
DIGEST = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
"""Of "abc", by SHA-256 (FIPS 180-2, appendix B.1)."""


def run(code: str) -> str:
    process = subprocess.run([sys.executable, "-c", BEGIN + code], capture_output=True, text=True, check=True)
    assert process.stderr == ""
    return process.stdout.strip()


def test_hashes_and_the_loop_are_there_and_openssl_is_not() -> None:
    out = run(
        "load_without_openssl(); import asyncio, hashlib, hmac;"
        "print(hashlib.sha256(b'abc').hexdigest(), asyncio.run(asyncio.sleep(0, 'slept')));"
        "print(*(name in sys.modules for name in ('ssl', '_hashlib')));"
        "print('libcrypto' in open('/proc/self/maps').read())"
    )
    assert out.split() == [DIGEST, "slept", "False", "False", "False"]


@pytest.mark.parametrize("size", [0, 1, 64, 65, 1_000])
def test_a_code_is_the_same_with_openssl_and_without(size: int) -> None:
    code = f"import hmac; print(hmac.new(bytes({size}), b'what do ya want', 'sha256').hexdigest())"
    assert run("load_without_openssl();" + code) == run(code)


def test_who_needs_tls_later_gets_it() -> None:
    assert (
        run("load_without_openssl(); import ssl; print(ssl.create_default_context().check_hostname)")
        == "True"
    )


@pytest.mark.parametrize("before", ["import asyncio", "import hashlib", "sys.modules['_sha1'] = None"])
def test_nothing_is_left_out_where_it_is_loaded_already_or_a_hash_would_be_missing(before: str) -> None:
    out = run(
        f"{before}; load_without_openssl();"
        "import asyncio.sslproto, hashlib;"
        "print(asyncio.sslproto.ssl is not None, 'openssl' in hashlib.sha256.__name__)"
    )
    assert out == "True True"
