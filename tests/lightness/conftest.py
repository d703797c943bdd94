from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from lightness.by_mgmt import ByMgmt
from lightness.house import House

MakeHouse = Callable[..., House]


@pytest.fixture
def house_with(tmp_path: Path) -> Iterator[MakeHouse]:
    """`house_with(key, way)`: with clients of that key, None for plaintext; by the management socket."""
    with ExitStack() as stack:
        yield lambda key=None, way=ByMgmt: stack.enter_context(House(tmp_path, way, key))
