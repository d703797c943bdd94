"""The tests of tests/lab/guest belong into a guest of the lab; scripts/lab.sh test runs them there."""

import os

import pytest

collect_ignore = [] if os.environ.get("RENOGYBT_LAB_GUEST") else ["guest"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The guests come last: they want the processors for themselves."""
    items.sort(key=lambda item: item.path.name == "test_lab.py")
