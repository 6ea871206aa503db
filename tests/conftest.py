"""Fixtures for every package's tests."""

import pytest

from clipface_cli.head import HeadModel


@pytest.fixture(scope="session")
def head() -> HeadModel:
    """The embedded head; tests must not change it."""
    return HeadModel.load("builtin")
