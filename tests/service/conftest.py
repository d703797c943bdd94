import contextlib
from collections.abc import Iterator

import pytest
from proxy.virtual_time import VirtualLoop


@pytest.fixture
def virtual_loop() -> Iterator[VirtualLoop]:
    """A loop in virtual time, driven by the test."""
    with contextlib.closing(VirtualLoop()) as loop:
        yield loop
