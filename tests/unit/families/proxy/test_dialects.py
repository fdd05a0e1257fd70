"""Dialects of versions that no machine of ours has; the others are asked for in integration."""

import pytest

from inguestlib.families.proxy import dialects
from inguestlib.families.proxy.dialects import (
    DIALECTS,
    Ambiguous,
    list_variable,
    parse,
    proxy_variable,
)


@pytest.mark.parametrize(
    "text,scheme,host,port",
    [
        ("http://a", "http", "a", 80),
        ("https://a", "https", "a", 443),
        ("a:8080", "http", "a", 8080),
        ("http://A.b./x/y", "http", "A.b.", 80),
        ("http://[fd00::1]:8", "http", "fd00::1", 8),
        ("fd00::1", "http", "fd00::1", 80),
        ("10.0.0.1", "http", "10.0.0.1", 80),
    ],
)
def test_destinations(text, scheme, host, port):
    assert parse(text) == (scheme, host, port)


def test_a_destination_as_a_url():
    assert str(parse("http://[fd00::1]:80")) == "http://[fd00::1]"
    assert str(parse("https://a:80")) == "https://a:80"


@pytest.mark.parametrize(
    "dialect,version,text,url,entry",
    [
        # an address was a name before 7.86
        ("curl", "7.81.0", "10.0.0.0/8", "http://10.1.2.3", None),
        ("curl", "7.86.0", "10.0.0.0/8", "http://10.1.2.3", "10.0.0.0/8"),
        ("curl", "7.81.0", "2.3", "http://10.1.2.3", "2.3"),
        ("curl", "7.88.1", "2.3", "http://10.1.2.3", None),
        ("curl", "7.81.0", "a.example b.example", "http://b.example", "b.example"),
        ("curl", "7.81.0", "b.example", "http://b.example.", None),
        ("curl", "7.88.1", "b.example", "http://b.example.", "b.example"),
        # a blank ends the list since 8.9
        ("curl", "8.8.0", "a.example b.example", "http://b.example", "b.example"),
        ("curl", "8.9.0", "a.example b.example", "http://b.example", None),
        ("curl", "8.9.0", "b.example a.example", "http://b.example", "b.example"),
        # networks of IPv6 work since 8.18
        ("curl", "8.14.1", "fd00::/8", "http://[fd00::7]", None),
        ("curl", "8.18.0", "fd00::/8", "http://[fd00::7]", "fd00::/8"),
        ("curl", "8.14.1", "fd00::7", "http://[fd00::7]", "fd00::7"),
        ("curl", None, "10.0.0.0/8", "http://10.1.2.3", "10.0.0.0/8"),
        # whole labels since 2.34
        ("requests", "2.28.1", "corp.example", "http://notcorp.example", "corp.example"),
        ("requests", "2.34.0", "corp.example", "http://notcorp.example", None),
        # the end of a name is not looked for in an address since 1.24
        ("go", "1.19.8", "2.3", "http://10.1.2.3", "2.3"),
        ("go", "1.24.1", "2.3", "http://10.1.2.3", None),
        ("zypp", None, "a.example corp.example", "http://x.corp.example", "corp.example"),
        ("zypp", None, ".corp.example", "http://corp.example", ".corp.example"),
        ("zypp", None, "*", "http://a", "*"),
        ("zypp", None, "*,b", "http://a", None),
        ("zypp", None, "10.0.0.0/8", "http://10.1.2.3", None),
        ("rhsm", None, "*.corp.example", "http://x.corp.example", "*.corp.example"),
    ],
)
def test_by_version(dialect, version, text, url, entry):
    assert DIALECTS[dialect].matches(text, parse(url), version) == entry


def test_which_variable_counts():
    first = {"http_proxy": "", "HTTP_PROXY": "b", "all_proxy": "c"}
    assert proxy_variable(DIALECTS["curl"], "http", first) == "all_proxy"
    assert proxy_variable(DIALECTS["requests"], "http", first) == "http_proxy"
    assert proxy_variable(DIALECTS["go"], "http", {"http_proxy": "a", "HTTP_PROXY": "b"}) == (
        "HTTP_PROXY"
    )
    assert proxy_variable(DIALECTS["wget"], "https", {"HTTPS_PROXY": "a"}) is None
    assert list_variable(DIALECTS["git"], {"no_proxy": "", "NO_PROXY": "a"}) == "no_proxy"
    assert list_variable(DIALECTS["curl"], {"no_proxy": "", "NO_PROXY": "a"}) == "NO_PROXY"


def test_nobody_knows_which_spelling_npm_takes():
    with pytest.raises(Ambiguous):
        list_variable(DIALECTS["npm"], {"no_proxy": "a", "NO_PROXY": "b"})
    assert list_variable(DIALECTS["npm"], {"no_proxy": "a", "NO_PROXY": "a"}) == "no_proxy"


@pytest.mark.parametrize("name", sorted(DIALECTS))
@pytest.mark.parametrize(
    "text", ["", ",", " ", ".", "*.", "[", "/", ":", "[::", "/8", "a/b/c", "é"]
)
@pytest.mark.parametrize("url", ["http://a", "http://10.0.0.1:1", "http://[::1]", "http://"])
def test_odd_lists_break_nothing(name, text, url):
    found = DIALECTS[name].matches(text, dialects.parse(url), None)
    assert found is None or isinstance(found, str)
