"""Which entries mean more than one's own hosts."""

import pytest

from inguestlib.families.proxy.entries import too_wide


@pytest.mark.parametrize(
    "entry",
    ["*", "*.", ".", "com", ".com", "*.com", ".de", "co.uk", ".co.uk", "*.github.io",
     "amazonaws.com", "0.0.0.0/0", "::/0", "8.0.0.0/8", "203.0.112.0/20", ".prod", "io"],
)  # fmt: skip
def test_wide(entry):
    assert too_wide(entry)


@pytest.mark.parametrize(
    "entry",
    ["localhost", ".localhost", "127.0.0.1", "127.0.0.0/8", "::1", "[::1]", "169.254.169.254",
     "169.254.0.0/16", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00::/8", "fe80::/10",
     "100.64.0.0/10", "corp.example", ".corp.example", "*.corp.example", "web", "web:8080",
     "repo.example.com", "example.com", ".local", ".internal", "203.0.113.9", "http://web"],
)  # fmt: skip
def test_narrow(entry):
    assert too_wide(entry) == ""
