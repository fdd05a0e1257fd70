"""The state module on an offline root, with Salt's loader."""

import pytest

from support.cases import write
from support.toyfamily import snapshot

DNS = {"mode": "enforce", "servers": ["10.0.0.53", "10.0.1.53"]}


@pytest.fixture
def root(tmp_path):
    write(
        tmp_path / "tree",
        {
            "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
            "/etc/resolv.conf": "nameserver 8.8.8.8\n",
        },
    )
    return tmp_path / "tree"


@pytest.fixture
def run(loaded, root):
    """``run(function, pillar, test=…, **arguments)``."""

    def run_(function, pillar, test=False, **kwargs):
        _functions, states = loaded(pillar, test=test)
        return states[f"inguest.{function}"](name="x", root=str(root), **kwargs)

    return run_


def test_shape_and_idempotence(run):
    dry = run("dns", {"dns": DNS}, test=True)
    assert set(dry) - {"warnings"} == {"name", "changes", "result", "comment"}
    assert dry["result"] is None
    assert dry["comment"].startswith("dns: would be changed: /etc/resolv.conf")
    real = run("dns", {"dns": DNS})
    assert (real["result"], real["changes"]) == (True, dry["changes"])
    assert run("dns", {"dns": DNS})["changes"] == {}
    assert run("dns", {"dns": DNS}, test=True)["result"] is True


def test_enforced_names_the_family_of_a_change(run):
    ret = run("enforced", {"dns": DNS})
    assert set(ret["changes"]) == {"dns"}


def test_arguments_are_laid_over_the_pillar(run, root):
    ret = run("dns", {"dns": DNS}, servers=["10.9.9.9", "10.9.9.8"], __id__="x", order=1)
    assert ret["result"] is True
    assert "10.9.9.9" in (root / "etc/resolv.conf").read_text()


def test_audit_mode_reports_and_does_not_touch(run, root):
    before = snapshot(root)
    ret = run("dns", {"dns": {**DNS, "mode": "audit"}})
    assert (ret["result"], ret["changes"]) == (True, {})
    assert any(w.startswith("dns-servers-approved on ") for w in ret["warnings"])
    assert snapshot(root) == before


def test_a_family_that_is_off(run):
    ret = run("dns", {"dns": {"mode": "off"}})
    assert (ret["result"], ret["changes"]) == (True, {})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"servres": ["10.0.0.1"]}, "inguest:dns:servres: is not a known key"),
        ({"servers": "resolver"}, "'resolver' is not an IP address"),
        ({"controls": 5}, "5 is not a list of names"),
        ({"controls": []}, "no name is given"),
        ({"controls": ["dns-none"]}, "no such control: dns-none"),
    ],
)
def test_a_mistake_is_a_failed_state_in_words(run, root, arguments, said):
    """Salt would show what a state raises with its traceback."""
    before = snapshot(root)
    ret = run("dns", {"dns": DNS}, **arguments)
    assert (ret["result"], ret["changes"]) == (False, {})
    assert said in ret["comment"]
    assert "Traceback" not in ret["comment"]
    assert snapshot(root) == before
