"""Credentials of any client's files are masked, other text is left as it is."""

import pytest

from inguestlib.redact import redacted, userinfo, without_userinfo

MASKED = [
    ("http_proxy=http://u:PW@proxy:3128/", "http_proxy=http://***@proxy:3128/"),
    ("https_proxy=http://u:P@W@proxy:3128", "https_proxy=http://***@proxy:3128"),
    ("http_proxy=http://token@proxy:1", "http_proxy=http://***@proxy:1"),
    ("proxy = u:PW@proxy:3128", "proxy = ***@proxy:3128"),
    ("proxy_password = PW with blanks", "proxy_password = ***"),
    ('Acquire::http::Proxy "http://u:PW@h:1";', 'Acquire::http::Proxy "http://***@h:1";'),
    ("machine h login u password PW", "machine h login u password ***"),
    ("//registry/:_authToken=PW", "//registry/:_authToken=***"),
    ('Environment="HTTP_PROXY=http://u:P%%40W@h"', 'Environment="HTTP_PROXY=http://***@h"'),
    ('proxy-user = "u:PW"', "proxy-user = ***"),
    ('"auth": "UFcK"', '"auth": "***"'),
    ('  "http-proxy": "http://u:PW@h:1",', '  "http-proxy": "http://***@h:1",'),
    ("curl --proxy-user u:PW http://x", "curl --proxy-user *** http://x"),
    ("curl -U u:PW http://x", "curl -U *** http://x"),
    ("Proxy-Authorization: Basic UFc6UFc=", "Proxy-Authorization: Basic ***"),
]
KEPT = [
    "passwd:         files systemd",
    "PasswordAuthentication no",
    "DNS=10.0.0.53#dns.corp.example",
    "email = me@corp.example",
    "no_proxy=localhost,.corp.example,10.0.0.0/8",
    "iface eth0 inet dhcp",
    "http_proxy=http://proxy:3128",
    "git@corp.example:repo.git",
]


@pytest.mark.parametrize(("text", "masked"), MASKED)
def test_a_credential_is_masked(text, masked):
    assert redacted(text) == masked
    assert redacted(masked) == masked


@pytest.mark.parametrize("text", KEPT)
def test_other_text_is_left_alone(text):
    assert redacted(text) == text


def test_parts_of_a_url():
    assert userinfo("http://u:p@h:1") == ("u", "p")
    assert userinfo("http://u@h") == ("u", None)
    assert userinfo("http://h/@x") == (None, None)
    assert without_userinfo("http://u:p@h:1/x") == "http://h:1/x"
