"""Rigs for the tests of loading."""

import functools

import pytest

from support import daemons


@pytest.fixture(scope="session")
def make_rig(pytestconfig, event_listener):
    """`make_rig(...)` is a context that gives a running :class:`support.daemons.Rig`."""
    return functools.partial(daemons.running, pytestconfig, event_listener)
