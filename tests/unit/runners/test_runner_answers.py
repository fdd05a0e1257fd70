"""How the runner takes what Salt's client yields."""

import importlib.util
import time
from pathlib import Path

import pytest

from inguestlib.fleet.progress import Progress

FILE = Path(__file__).parents[3] / "_runners" / "inguest.py"


@pytest.fixture(scope="module")
def runner():
    spec = importlib.util.spec_from_file_location("runner_inguest", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def take(runner, *events):
    expected, got = {"a", "b"}, {}
    told = Progress(expected, None, time.monotonic)
    for event in events:
        runner._take(event, expected, got, told)
    return expected, got


def test_an_answer_that_comes_twice_counts_once(runner):
    _expected, got = take(runner, {"a": {"ret": "first"}}, {"a": {"ret": "second"}})
    assert got == {"a": "first"}


def test_a_minion_that_gave_none_stays_expected(runner):
    expected, got = take(runner, {}, {"b": {"failed": True}}, {"behind-a-syndic": {"failed": True}})
    assert expected == {"a", "b", "behind-a-syndic"}
    assert got == {}


def test_a_late_answer_counts_though_it_was_given_up(runner):
    _expected, got = take(runner, {"a": {"failed": True}}, {"a": {"ret": "late", "retcode": 0}})
    assert got == {"a": "late"}


def test_an_error_of_the_client_is_no_host(runner):
    error = {"error": {"name": "AuthorizationError", "message": "Authorization error occurred."}}
    expected, got = take(runner, error)
    assert (expected, got) == ({"a", "b"}, {})
