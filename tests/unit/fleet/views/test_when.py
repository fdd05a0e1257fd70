"""What people give as a time."""

import datetime as dt

import pytest

from inguestlib.fleet.views import ViewError, when

from .reader import NOW

UTC = dt.timezone.utc


@pytest.mark.parametrize(
    "given, meant",
    [
        ("24h", dt.datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("90m", dt.datetime(2026, 11, 23, 8, 30, tzinfo=UTC)),
        (" 2W ", dt.datetime(2026, 11, 9, 10, tzinfo=UTC)),
        ("2026-11-20", dt.datetime(2026, 11, 20, tzinfo=UTC)),
        ("2026-11-20 06:30", dt.datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
        ("2026-11-20T06:30:00Z", dt.datetime(2026, 11, 20, 6, 30, tzinfo=UTC)),
        ("2026-11-20T06:30:00+02:00", dt.datetime(2026, 11, 20, 4, 30, tzinfo=UTC)),
        (dt.date(2026, 11, 20), dt.datetime(2026, 11, 20, tzinfo=UTC)),
        (dt.datetime(2026, 11, 20, 1), dt.datetime(2026, 11, 20, 1, tzinfo=UTC)),
    ],
)
def test_moments(given, meant):
    assert when.moment(given, NOW) == meant


@pytest.mark.parametrize("given", ["", "24", 24, "yesterday", "2026-13-01", "999999999w", None])
def test_no_moments(given):
    with pytest.raises(ViewError, match="since="):
        when.moment(given, NOW)


@pytest.mark.parametrize(
    "seconds, words",
    [(5, "5 s"), (60, "1 min"), (7199, "1 h"), (3600 * 24, "24 h"), (86400 * 2, "2 d")],
)
def test_words(seconds, words):
    assert when.words(seconds) == words
