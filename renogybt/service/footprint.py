"""What Python's standard library loads in passing, and this program never uses."""

import importlib
import sys
from importlib.util import find_spec

_OPENSSL = ("ssl", "_hashlib")
"""The modules behind which OpenSSL is: five megabytes once it is loaded, an eighth of this program."""
_LOADED_IN_PASSING = ("asyncio", "hashlib", "hmac")
"""Those that take it where they find it, and do without it where they do not."""
_HASHES = ("_md5", "_sha1", "_sha3", "_blake2") + (
    ("_sha2",) if sys.version_info >= (3, 12) else ("_sha256", "_sha512")
)
"""Python's own, which a distribution may have left out in favour of OpenSSL's."""


def load_without_openssl() -> None:
    """Import asyncio and the hashes as on a Python that is built without OpenSSL; the first of all imports.

    Nothing here speaks TLS: the API is encrypted by Noise, with libsodium. Whoever imports `ssl` later gets
    it, but asyncio's connections stay without TLS; who needs that must not call this. Where something is
    imported already, or a hash would be missing, nothing is left out.
    """
    known = [name for name in (*_OPENSSL, *_LOADED_IN_PASSING) if name in sys.modules]
    if known or not all(map(find_spec, _HASHES)):
        return
    for name in _OPENSSL:
        sys.modules[name] = None  # type: ignore[assignment]  # so an import says that there is none
    try:
        for name in _LOADED_IN_PASSING:
            importlib.import_module(name)
    finally:
        for name in _OPENSSL:
            del sys.modules[name]
