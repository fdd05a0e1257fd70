"""Secrets of the policy: never printed, encoded for where they stand, put in at the last moment."""

import json

import pytest

from inguestlib import changes as c
from inguestlib import policy, schema, secrets
from inguestlib.effects import rendered
from inguestlib.model import Family
from inguestlib.secrets import Secret, SecretError

VALUE = "s3cr3t 100%/@:\"'"
KEY = "inguest:toy:login:password"
LOGIN = schema.Struct(
    {"user": schema.Str(None, help="who"), "password": schema.Secret(help="the password")},
    help="how to log in",
)
FAMILIES = {"toy": Family("toy", "A toy", {"login": LOGIN}, {}, ())}


def load(password, **options):
    pillar = {"toy": {"login": {"user": "u", "password": password}}}
    return policy.load(pillar, families=FAMILIES, **options)


def test_nothing_of_a_policy_shows_it():
    loaded = load(VALUE)
    for shown in (loaded.to_dict(), loaded.digest, str(loaded), repr(loaded)):
        assert VALUE not in json.dumps(shown) and "s3cr3t" not in str(shown)
    assert loaded.to_dict()["toy"]["login"] == {"user": "u", "password": "***"}
    assert loaded.secrets("toy")[KEY].reveal() == VALUE


def test_the_digest_tells_only_whether_it_is_set():
    assert load("one").digest == load("another").digest
    assert load("one").digest != load(None).digest


@pytest.mark.parametrize("wrong", [12345678, True, ["s3cr3t"], {"s3cr3t": 1}, "s3cr3t\nx", ""])
def test_a_mistake_is_named_and_the_value_is_not(wrong):
    with pytest.raises(policy.PolicyInvalid) as raised:
        load(wrong)
    assert KEY in str(raised.value)
    assert "s3cr3t" not in str(raised.value) and "12345678" not in str(raised.value)


@pytest.mark.parametrize("wrong", ["u:s3cr3t", ["s3cr3t"], "http://u:s3cr3t@proxy:1"])
def test_what_stands_in_the_place_of_a_login_is_not_shown_either(wrong):
    for pillar in ({"toy": {"login": wrong}}, {"toy": "http://u:s3cr3t@proxy:1"}):
        with pytest.raises(policy.PolicyInvalid) as raised:
            policy.load(pillar, families=FAMILIES)
        assert "s3cr3t" not in str(raised.value)


def test_a_newline_at_the_end_is_what_gpg_leaves():
    assert load("s3cr3t\n").secrets("toy")[KEY].reveal() == "s3cr3t"


def test_sdb_is_asked_once_and_only_when_it_is_needed():
    asked = []
    loaded = load("sdb://vault/proxy", resolve=lambda uri: asked.append(uri) or VALUE)
    assert asked == []
    assert [loaded.secrets("toy")[KEY].reveal() for _ in range(3)] == [VALUE] * 3
    assert asked == ["sdb://vault/proxy"]


def _raises(_uri):
    raise KeyError("yaml.get")


@pytest.mark.parametrize("resolve", [None, _raises, lambda uri: uri, lambda uri: None])
def test_an_unresolved_secret_is_one_error_that_names_the_key(resolve):
    with pytest.raises(SecretError, match=KEY):
        load("sdb://vault/proxy", resolve=resolve).secrets("toy")


def test_it_can_not_be_written_anywhere():
    import copy
    import pickle

    secret = Secret(KEY, VALUE)
    for way in (pickle.dumps, copy.deepcopy, json.dumps):
        with pytest.raises(TypeError):
            way(secret)
    assert f"{secret} {secret!r} %s" % secret == "*** *** ***"


@pytest.mark.parametrize(
    ("ways", "spelled"),
    [
        ((), VALUE),
        (("url",), "s3cr3t%20100%25%2F%40%3A%22%27"),
        (("url", "percent"), "s3cr3t%%20100%%25%%2F%%40%%3A%%22%%27"),
        (("json",), json.dumps(VALUE)[1:-1]),
    ],
)
def test_a_change_holds_a_placeholder_until_it_is_done(ways, spelled):
    secret = Secret(KEY, VALUE)
    text = f"proxy=http://u:{secret.placeholder(*ways)}@proxy\n"
    change = c.File("/etc/x", content=text, mode="0600", user=0)
    assert c.from_dict(json.loads(json.dumps(change.to_dict()))) == change
    assert "s3cr3t" not in json.dumps(change.to_dict())
    assert change.shown()["content"] == "proxy=http://u:***@proxy\n"
    done = secrets.filled(change, {KEY: secret})
    assert done.content == f"proxy=http://u:{spelled}@proxy\n"
    assert secrets.matches(text, done.content)
    assert not secrets.matches(text, done.content + "more\n")


@pytest.mark.parametrize("rights", [{}, {"mode": "0600"}, {"mode": "0640", "user": 0}, {"user": 0}])
def test_a_secret_goes_into_a_file_of_roots_alone(rights):
    mark = Secret(KEY, VALUE).placeholder()
    for text in ({"content": mark}, {"block": mark}, {"edits": (c.Edit(0, None, mark),)}):
        with pytest.raises(c.ChangeError, match="only root can read"):
            c.File("/etc/x", **text, **rights)


def test_a_secret_that_the_policy_lost_is_an_error():
    change = c.File("/etc/x", content=Secret(KEY, VALUE).placeholder(), mode="0600", user=0)
    with pytest.raises(SecretError, match=KEY):
        secrets.filled(change, {})


def test_a_line_is_edited_though_the_facts_hold_no_credential_of_it():
    def edited(text, new="x"):
        edit = c.Edit(1, "proxy=http://***@old:1", new)
        return rendered(c.File("/etc/x", edits=(edit,)), text)

    assert edited("proxy=http://u:s3cr3t@old:1\n") == "x\n"
    with pytest.raises(c.ChangeError, match="changed since"):
        edited("proxy=http://u:s3cr3t@other:1\n")
    with pytest.raises(c.ChangeError, match="can't be kept"):
        edited("proxy=http://u:s3cr3t@old:1\n", "proxy=http://***@new:1")
