"""What a list is given so that each client reaches directly what it has to, by its own dialect."""

import itertools

import pytest

from inguestlib.families.proxy.cures.wanted import both, listed
from inguestlib.families.proxy.dialects import DIALECTS

DESTINATIONS = (
    "localhost",
    "127.0.0.1",
    "::1",
    "169.254.169.254",
    "repo.corp.example",
    "http://repo.corp.example:8080",
    "https://[2001:db8::5]:8443",
    "REPO.Corp.Example",
    "corp.example",
    "10.1.2.3",
    "short",
)
ENTRIES = (
    [],
    [".corp.example"],
    ["corp.example", "10.0.0.0/8"],
    ["*.corp.example", "localhost"],
    ["2001:db8::/32", "short:8080"],
)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("entries", ENTRIES, ids=",".join)
@pytest.mark.parametrize("version", [None, "7.68.0", "2.31.0"])
def test_every_destination_is_excepted_or_named_as_impossible(dialect, entries, version):
    wanted = [d for text in DESTINATIONS for d in both(text)]
    text, missing = listed(entries, wanted, [(dialect, version)])
    assert text.split(",")[: len(entries)] == entries or not entries
    for destination in wanted:
        found = DIALECTS[dialect].matches(text, destination, version)
        assert (found is not None) != (destination in missing), (text, destination)


@pytest.mark.parametrize("pair", [*itertools.combinations(("apt", "curl", "go", "wget"), 2)])
def test_a_list_for_several_readers_serves_each_of_them(pair):
    wanted = both("repo.corp.example") + both("10.1.2.3")
    text, missing = listed(["10.0.0.0/8"], wanted, [(name, None) for name in pair])
    assert not missing
    for name, destination in itertools.product(pair, wanted):
        assert DIALECTS[name].matches(text, destination, None) is not None


def test_nothing_is_added_that_is_said_already():
    entries = ["localhost", ".corp.example", "10.0.0.0/8"]
    wanted = both("repo.corp.example") + both("10.1.2.3")
    assert listed(entries, wanted, [("curl", None), ("go", None)]) == (",".join(entries), [])
