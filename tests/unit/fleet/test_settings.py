"""The master's configuration, below ``inguest:``."""

import pytest

from inguestlib.fleet import settings


def test_without_a_word_the_store_is_a_file_below_the_cache():
    found = settings.load({"cachedir": "/var/cache/salt/master"})
    assert found.store == "sqlite:////var/cache/salt/master/inguest/store.sqlite"
    assert found.home == "/var/cache/salt/master/inguest"
    assert (found.silent_after, found.retention, found.retention_aside) == (10800, 400, 90)


def test_a_store_that_is_named_is_taken_as_it_is():
    found = settings.load({"inguest": {"store": "postgresql://a@b/c", "silent_after": 60}})
    assert (found.store, found.home, found.silent_after) == ("postgresql://a@b/c", None, 60)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ("x", "not a mapping"),
        ({"stroe": "x"}, "did you mean store?"),
        ({"retention": 0}, "inguest:retention"),
        ({"silent_after": "1h"}, "inguest:silent_after"),
    ],
)
def test_a_mistake_is_named_with_its_key_and_its_mend(given, word):
    with pytest.raises(settings.SettingsError, match=word):
        settings.load({"cachedir": "/x", "inguest": given})


def test_every_key_has_its_help():
    assert all(type_.help for type_ in settings.KEYS.values())
    assert set(settings.KEYS) | {"home"} == set(settings.Settings._fields)
