"""The execution module on an offline root, with Salt's loader."""

import json

import pytest
import salt.payload
import salt.utils.args
from salt.exceptions import CommandExecutionError, SaltInvocationError

from support.cases import write
from support.toyfamily import snapshot

PILLAR = {"dns": {"mode": "enforce", "servers": ["10.0.0.53", "10.0.1.53"]}}


@pytest.fixture
def root(tmp_path):
    write(
        tmp_path / "tree",
        {
            "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
            "/etc/hostname": "image1\n",
            "/etc/resolv.conf": "nameserver 8.8.8.8\n",
        },
    )
    return tmp_path / "tree"


@pytest.fixture
def call(loaded, root):
    """Call a function of the module on the tree."""
    functions, _states = loaded(PILLAR)

    def call_(name, *args, **kwargs):
        return functions[f"inguest.{name}"](*args, root=str(root), **kwargs)

    return call_


def test_the_report_is_plain_data(call):
    report = call("audit")
    assert json.loads(json.dumps(report)) == report
    assert salt.payload.loads(salt.payload.dumps(report)) == report
    assert "\x1b" not in json.dumps(report)
    assert report["guest"] == "image1"
    assert report["schema"] == 1
    assert sum(report["summary"].values()) == len(report["findings"])
    assert {f["verdict"] for f in report["findings"]} <= set(report["summary"])


def test_every_selected_control_appears(call, loaded):
    functions, _states = loaded(PILLAR)
    declared = {c["id"] for c in functions["inguest.controls"]()}
    assert {f["control"] for f in call("audit")["findings"]} == declared


@pytest.mark.parametrize("families", ["dns", ["dns"], "dns,"])
def test_selection(call, families):
    assert {f["family"] for f in call("audit", families=families)["findings"]} == {"dns"}


@pytest.mark.parametrize("name", ["audit", "plan", "apply"])
def test_a_bad_policy_names_every_mistake_and_changes_nothing(loaded, root, name):
    functions, _states = loaded({"dns": {"mode": "enforce", "severs": []}, "waivers": [{}]})
    before = snapshot(root)
    with pytest.raises(CommandExecutionError) as caught:
        functions[f"inguest.{name}"](root=str(root))
    text = str(caught.value)
    for key in ("inguest:dns:severs", "inguest:dns:servers", "inguest:waivers:0:reason"):
        assert key in text
    assert snapshot(root) == before


@pytest.mark.parametrize(
    ("kwargs", "words"),
    [
        ({"families": "dsn"}, "no such family: dsn; known are crypt, dns"),
        ({"controls": "dns-x"}, "no such control: dns-x"),
    ],
)
def test_a_wrong_name(call, kwargs, words):
    with pytest.raises(SaltInvocationError, match=words):
        call("audit", **kwargs)


def test_a_root_that_is_not_there(loaded):
    functions, _states = loaded(PILLAR)
    with pytest.raises(Exception, match="the root is not a directory"):
        functions["inguest.audit"](root="/no/such/place")


def test_looking_changes_nothing(call, root):
    before = snapshot(root)
    for name in ("audit", "facts", "plan"):
        call(name)
    call("apply", test=True)
    assert snapshot(root) == before


def test_a_dry_run_is_the_plan(call):
    dry, planned = call("apply", test=True), call("plan")
    assert dry["families"] == planned["families"]
    assert dry["families"]["dns"]["result"] == "planned"


def test_apply_cures_and_says_what_it_did(call, root):
    out = call("apply", families="dns")
    assert out["families"]["dns"]["result"] == "applied"
    assert "8.8.8.8" not in (root / "etc/resolv.conf").read_text()
    assert call("apply", families="dns")["families"]["dns"]["result"] == "clean"
    assert call("recover") == []


def test_a_call_may_lay_a_policy_over_the_pillar(call):
    overlay = {"dns": {"servers": ["8.8.8.8", "8.8.4.4"]}}
    found = call("audit", controls="dns-servers-approved", policy=overlay)["findings"]
    assert {f["verdict"] for f in found} == {"compliant"}


def test_explain(call):
    told = call("explain", "dns-servers-approved")
    assert told["why"]
    assert told["findings"][0]["evidence"] == "/etc/resolv.conf:1 nameserver 8.8.8.8"


def test_the_catalogue_and_the_policy(loaded):
    functions, _states = loaded(PILLAR)
    only = functions["inguest.controls"]("dns")
    assert {c["family"] for c in only} == {"dns"}
    assert functions["inguest.policy"]()["dns"]["servers"] == PILLAR["dns"]["servers"]
    assert "dns" not in functions["inguest.policy"]("services")


def test_the_root_of_the_configuration_counts(loaded, root):
    functions, _states = loaded(PILLAR, **{"inguest.root": str(root)})
    assert functions["inguest.audit"]()["guest"] == "image1"


def test_salt_knows_the_arguments(loaded):
    functions, _states = loaded(PILLAR)
    spec = salt.utils.args.argspec_report(functions, "inguest.audit")["inguest.audit"]
    assert spec["args"] == ["families", "controls", "root", "policy"]
