"""A user and a password never get into a setting."""

import json

import pytest

from inguestlib.families.proxy.setting import (
    endpoint,
    evidence,
    same_proxy,
    setting,
    split_userinfo,
)
from inguestlib.guest import Guest


@pytest.mark.parametrize(
    "text,bare",
    [
        ("http://proxy:3128", "http://proxy:3128"),
        ("http://joe:s3cr3t@proxy:3128", "http://proxy:3128"),
        ("joe:s3cr3t@proxy:3128", "proxy:3128"),
        ("http://joe@proxy", "http://proxy"),
        ("http://joe:s3@cr3t@proxy:3128/", "http://proxy:3128/"),
        ("http://joe:s3/cr3t@proxy:3128", "http://proxy:3128"),
        ("http://joe:s3#cr3t?@proxy:3128", "http://proxy:3128"),
        ("socks5h://joe:s3cr3t@[fd00::1]:1080", "socks5h://[fd00::1]:1080"),
        ("", ""),
    ],
)
def test_the_user_is_cut(text, bare):
    shown, userinfo = split_userinfo(text)
    assert shown == bare
    assert bool(userinfo) == (text != bare)


def test_a_setting_holds_no_secret(tmp_path):
    (tmp_path / "f").write_text("proxy=http://joe:s3cr3t@proxy:3128\npassword=hunter2\n")
    guest = Guest(tmp_path)
    url = setting(guest, "proxy", "proxy", "http://joe:s3cr3t@proxy:3128", "/f", 1)
    password = setting(guest, "password", "credentials", "hunter2", "/f", 2)
    shown = json.dumps([url, password]) + evidence(url) + evidence(password)
    assert "s3cr3t" not in shown and "hunter2" not in shown and "joe" not in shown
    assert url["credentials"] and password["credentials"]
    assert url["text"] == "proxy=http://***@proxy:3128" and password["text"] == "password=***"
    assert url["mode"] == f"{(tmp_path / 'f').stat().st_mode & 0o7777:04o}"


@pytest.mark.parametrize(
    "one,other,same",
    [
        ("http://proxy:3128", "http://PROXY:3128/", True),
        ("http://proxy:3128", "proxy:3128", True),
        ("http://proxy", "http://proxy:80", True),
        ("http://proxy:3128", "https://proxy:3128", False),
        ("http://proxy:3128", "http://proxy:8080", False),
        ("http://[fd00::1]:3128", "http://[fd00::1]:3128", True),
    ],
)
def test_same_proxy(one, other, same):
    assert same_proxy(one, other) is same


@pytest.mark.parametrize("text", ["", "http://", "http://[::1", "http://p:x"])
def test_what_is_no_url(text):
    assert endpoint(text) is None
