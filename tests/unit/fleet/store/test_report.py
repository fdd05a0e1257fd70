"""A guest that signs nonsense can't spoil the store for the others."""

import pytest

from inguestlib.fleet.store import report
from support import fleet_store


def body(**changes):
    made = fleet_store.Machine("web1").report(fleet_store.NOW, data=True).body
    return {**made, **changes}


GOOD = {
    "control": "a",
    "family": "f",
    "severity": "high",
    "verdict": "drift",
    "resource": "/etc/x",
}


def test_a_real_report_is_taken():
    said = report.checked(body(), {})
    assert said.kind == "report"
    assert said.os == ("debian", "12", "debian")
    assert said.data is not None


@pytest.mark.parametrize(
    ("finding", "word"),
    [
        ("drift", "finding 0 is str"),
        ({**GOOD, "verdict": "fine"}, "verdict 'fine'"),
        ({**GOOD, "severity": "worst"}, "severity 'worst'"),
        ({**GOOD, "control": None}, "control of finding 0"),
        ({**GOOD, "control": "a" * 300}, "not a name"),
        ({**GOOD, "family": "f\n"}, "not a name"),
        ({key: value for key, value in GOOD.items() if key != "resource"}, "resource of finding"),
    ],
)
def test_what_is_no_finding_is_refused_with_words(finding, word):
    with pytest.raises(report.Malformed, match=word):
        report.checked(body(findings=[finding]), {})


def test_a_guest_cannot_fill_the_vocabulary():
    findings = [{**GOOD, "control": f"a{number}"} for number in range(report.CONTROLS + 1)]
    with pytest.raises(report.Malformed, match="more than"):
        report.checked(body(findings=findings), {})


def test_texts_are_such_that_every_database_takes_them():
    assert report.text("a\0b\ud800") == "a\\x00b\\ud800"
    assert len(report.text("ü" * 9000)) == 4000


def test_a_long_resource_stays_one_of_its_own():
    keys = {report.key({**GOOD, "resource": "/x" * 5000 + end}) for end in ("a", "b")}
    assert len(keys) == 2
    assert all(len(resource.encode()) < 2600 for _control, resource in keys)
