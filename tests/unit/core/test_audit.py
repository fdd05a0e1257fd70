"""No selected control is ever missing from a report, whatever happens to it."""

import datetime as dt

import pytest

from inguestlib import audit, policy
from inguestlib.model import Family, Verdict, compliant, control, drift

GUEST = {"root": "/", "live": True, "hostname": "web1"}
OFFLINE = {**GUEST, "root": "/img", "live": False}


def declare(id_, judge, **kwargs):
    return control(id=id_, title="T", why="W", severity=kwargs.pop("severity", "low"), **kwargs)(
        judge
    )


def judged(monkeypatch, *controls, facts=None, pillar=None, guest=GUEST, **kwargs):
    family = Family("x", "X", {}, {"good": None, "bad": None}, controls)
    monkeypatch.setattr(audit, "all_families", lambda: {"x": family})
    loaded = policy.load(pillar or {}, families={"x": family})
    loaded = loaded.for_guest("web1", dt.datetime(2026, 1, 1, tzinfo=dt.timezone.utc))
    return audit.judge({"schema": 1, "guest": guest, "x": facts or {}}, loaded, **kwargs)


def test_one_that_raises_is_an_error_and_harms_no_other(monkeypatch):
    def breaks(facts, policy):
        raise KeyError("surprise")

    def works(facts, policy):
        yield compliant("r", evidence="seen")

    bad, good = judged(monkeypatch, declare("x-a", breaks), declare("x-b", works))
    assert (bad.control, bad.verdict, bad.comment) == ("x-a", Verdict.ERROR, "KeyError: 'surprise'")
    assert bad.evidence.endswith(" breaks")
    assert good.verdict is Verdict.COMPLIANT


def test_one_that_raises_half_way_is_an_error_as_a_whole(monkeypatch):
    def half(facts, policy):
        yield compliant("r", evidence="seen")
        raise RuntimeError("then it broke")

    (only,) = judged(monkeypatch, declare("x-a", half))
    assert only.verdict is Verdict.ERROR


def test_a_section_that_broke_harms_the_controls_that_need_it(monkeypatch):
    def needs_bad(facts, policy):
        yield compliant(facts["bad"]["x"], evidence="seen")

    def needs_good(facts, policy):
        yield compliant(facts["good"]["x"], evidence="seen")

    facts = {"good": {"x": "r"}, "bad": {"$error": "OSError: no such disk"}}
    bad, good = judged(
        monkeypatch, declare("x-a", needs_bad), declare("x-b", needs_good), facts=facts
    )
    assert bad.verdict is Verdict.ERROR
    assert bad.comment == "bad could not be observed: OSError: no such disk"
    assert good.verdict is Verdict.COMPLIANT


def test_what_could_not_be_seen_is_unknown_and_says_why(monkeypatch):
    """A file that only root may read is no mistake of the check."""

    def needs(facts, policy):
        yield compliant(facts["denied"]["x"], evidence="seen")

    facts = {"denied": {"$unseen": "GuestError: [Errno 13] Permission denied: '/etc/x'"}}
    (only,) = judged(monkeypatch, declare("x-a", needs), facts=facts)
    assert only.verdict is Verdict.UNKNOWN
    assert "Permission denied: '/etc/x'" in only.comment


def test_one_that_says_nothing_is_unknown(monkeypatch):
    (only,) = judged(monkeypatch, declare("x-a", lambda facts, policy: ()))
    assert only.verdict is Verdict.UNKNOWN


def test_compliant_without_evidence_is_an_error(monkeypatch):
    def lazy(facts, policy):
        yield compliant("r", evidence="")

    (only,) = judged(monkeypatch, declare("x-a", lazy))
    assert only.verdict is Verdict.ERROR
    assert "compliant without evidence" in only.comment


def test_what_an_offline_root_cannot_show(monkeypatch):
    live = declare("x-a", lambda facts, policy: 1 / 0, offline=False)
    (only,) = judged(monkeypatch, live, guest=OFFLINE)
    assert only.verdict is Verdict.NOT_APPLICABLE


def test_a_policy_may_change_severity_and_switch_off(monkeypatch):
    def bad(facts, policy):
        yield drift("r")

    pillar = {"controls": {"x-a": {"severity": "info"}, "x-b": "off"}}
    found = judged(monkeypatch, declare("x-a", bad), declare("x-b", bad), pillar=pillar)
    assert [(f.control, f.severity) for f in found] == [("x-a", "info")]


def test_a_finding_may_weigh_otherwise_than_its_control(monkeypatch):
    def bad(facts, policy):
        yield drift("sensitive", severity="high")
        yield drift("other")

    found = judged(monkeypatch, declare("x-a", bad, severity="medium"))
    assert [(f.resource, f.severity) for f in found] == [("sensitive", "high"), ("other", "medium")]
    pillar = {"controls": {"x-a": {"severity": "info"}}}
    found = judged(monkeypatch, declare("x-a", bad, severity="medium"), pillar=pillar)
    assert {f.severity for f in found} == {"info"}, "the policy has the last word"
    with pytest.raises(ValueError, match="grave"):
        drift("r", severity="grave")


def test_selection_by_name(monkeypatch):
    def bad(facts, policy):
        yield drift("r")

    both = declare("x-a", bad), declare("x-b", bad)
    assert [f.control for f in judged(monkeypatch, *both, controls=["x-b"])] == ["x-b"]
    with pytest.raises(audit.SelectionError, match="no such control: x-z; known are x-a, x-b"):
        judged(monkeypatch, *both, controls=["x-z"])
    with pytest.raises(audit.SelectionError, match="no such family: y; known are x"):
        judged(monkeypatch, *both, families=["y"])


def test_plain_data_survives_every_encoder():
    assert audit.plain({"a": (1, "caf\udce9"), 2: None}) == {"a": [1, "caf\\xe9"], "2": None}
    with pytest.raises(TypeError, match="not plain data: set"):
        audit.plain({"a": {1}})


def test_nothing_is_said_of_a_root_that_holds_no_system(monkeypatch):
    """The directory where an image should have been mounted looks clean to every check."""

    def absent(facts, policy):
        yield compliant("/etc/hosts", evidence="/etc/hosts does not exist")

    (only,) = judged(monkeypatch, declare("x-a", absent), guest={**OFFLINE, "populated": False})
    assert only.verdict is Verdict.UNKNOWN
    assert "is its image mounted?" in only.comment
