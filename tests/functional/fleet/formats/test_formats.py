"""Each format, read by somebody else's reader; hostile texts break none of them."""

import csv
import io
import json
import re
import xml.etree.ElementTree as ET

import jsonschema
import ocsf_json_schema
import pytest
from junitparser import JUnitXml
from prometheus_client.parser import text_string_to_metric_families
from sarif_pydantic import Sarif

from inguestlib.fleet.formats import FORMATS, source
from support import fleet_store, hostile, junit_schema

BOTH = pytest.mark.parametrize("everything", [False, True])
# What turns the direction of a line, hides in it, or controls a terminal.
UNSEEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]")


def current(kept, everything):
    """Every finding that a format has to tell: ``{(host, control, resource): finding}``."""
    with kept.read() as reader:
        return {
            (name, f["control"], f["resource"]): f
            for name, findings in reader.currents()
            for f in findings
            if everything or f["verdict"] not in ("compliant", "not_applicable")
        }


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_a_format_streams_what_it_writes(fleets, name):
    with fleets["usual"].read() as reader:
        parts = list(FORMATS[name].render(reader, now=fleet_store.NOW))
        heard = []
        again = FORMATS[name].render(reader, now=fleet_store.NOW, tick=heard.append)
        assert "".join(again) == "".join(parts)
    assert len(parts) > 1 and all(isinstance(part, str) for part in parts)
    assert heard


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_only_the_hosts_that_are_named(fleets, name):
    with fleets["usual"].read() as reader:
        text = "".join(FORMATS[name].render(reader, names=["web2"], now=fleet_store.NOW))
    assert "web2" in text and "web1" not in text and "web3" not in text


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_every_text_can_be_written_to_a_file(written, name):
    written(name, everything=True).encode("utf-8")


@BOTH
def test_json(written, everything):
    data = json.loads(written("json", everything=everything))
    assert data["schema"] == 1 and data["everything"] is everything
    with written.store.read() as reader:
        assert [host["host"] for host in data["hosts"]] == [h.name for h in reader.hosts()]
    told = {
        (host["host"], f["control"], f["resource"]): f
        for host in data["hosts"]
        for f in host["findings"]
    }
    wanted = current(written.store, everything)
    assert told.keys() == wanted.keys()
    for key, finding in wanted.items():
        same = {k: v for k, v in told[key].items() if k != "first_seen"}
        assert same == {k: finding[k] for k in same}, key
        kept = finding["verdict"] not in ("compliant", "not_applicable")
        assert bool(told[key]["first_seen"]) == kept


def test_json_of_a_silent_host(fleets):
    with fleets["usual"].read() as reader:
        data = json.loads("".join(FORMATS["json"].render(reader, now=fleet_store.NOW)))
    assert [host["silent"] for host in data["hosts"]] == [False, False, False, True]


@BOTH
def test_csv(written, everything):
    text = written("csv", everything=everything)
    rows = list(csv.DictReader(io.StringIO(text, newline=""), strict=True))
    assert len(rows) == len(current(written.store, everything))
    assert text.count("\r\n") == len(rows) + 1 == len(text.replace("\r\n", "\n").splitlines())
    for row in rows:
        for value in row.values():
            assert not UNSEEN.search(value)
            assert not value.lstrip(" ").startswith(tuple("=+-@＝＋－＠")), value  # noqa: RUF001


def test_csv_of_the_hostile_fleet_names_formulas_as_text(fleets):
    with fleets["hostile"].read() as reader:
        text = "".join(FORMATS["csv"].render(reader, now=fleet_store.NOW))
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert {row["host"] for row in rows} >= {"'=host", "ro\\u202eot"}
    comments = {row["comment"] for row in rows}
    assert "'=cmd|' /C calc'!A0" in comments and "\\t=1+1" in comments


@BOTH
def test_junit(written, everything):
    text = written("junit", everything=everything)
    assert junit_schema.mistakes(ET.fromstring(text)) == []
    assert not UNSEEN.search(text)
    wanted = current(written.store, everything)
    suites = list(JUnitXml.fromstring(text.encode()))
    assert sum(len([c for c in s if c.classname != "inguest"]) for s in suites) == len(wanted)
    for suite in suites:
        verdicts = [f["verdict"] for key, f in wanted.items() if key[0] == suite.name]
        if not verdicts:
            continue
        silent = sum(case.classname == "inguest" for case in suite)
        assert suite.failures == verdicts.count("drift")
        assert suite.errors == verdicts.count("unknown") + verdicts.count("error") + silent
        assert suite.tests == len(verdicts) + silent


@BOTH
def test_sarif(written, everything):
    data = json.loads(written("sarif", everything=everything))
    log = Sarif.model_validate(data)
    [run] = log.runs
    wanted = current(written.store, everything)
    assert len(run.results) == len(wanted)
    rules = data["runs"][0]["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules)
    for rule in rules:
        assert rule["help"]["text"] and rule["shortDescription"]["text"]
    prints = set()
    for result in data["runs"][0]["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert (result["kind"] == "fail") == (result["level"] != "none")  # SARIF 3.27.9
        prints.add(result["partialFingerprints"]["inguest/v1"])
        suppressed = result["properties"]["verdict"] == "waived"
        assert bool(result.get("suppressions")) == suppressed
        [place] = result["locations"]
        if "physicalLocation" in place:
            uri = place["physicalLocation"]["artifactLocation"]["uri"]
            assert re.fullmatch(r"file://(%[0-9A-F]{2}|[\w.~-])*/(%[0-9A-F]{2}|[\w.~/-])*", uri)
        assert not UNSEEN.search(result["message"]["text"])
    assert len(prints) == len(wanted)


@pytest.fixture(scope="session")
def compliance_finding():
    """The class 2003 of the published schema, as a JSON schema."""
    published = ocsf_json_schema.get_ocsf_schema(FORMATS["ocsf"].VERSION)
    schema = ocsf_json_schema.OcsfJsonSchemaEmbedded(published)
    return jsonschema.Draft202012Validator(schema.get_class_schema("compliance_finding"))


@BOTH
def test_ocsf(written, everything, compliance_finding):
    lines = written("ocsf", everything=everything).split("\n")
    assert lines.pop() == ""
    wanted = current(written.store, everything)
    assert len(lines) == len(wanted)
    uids = set()
    for line in lines:
        event = json.loads(line)
        mistakes = list(compliance_finding.iter_errors(event))
        assert not mistakes, mistakes[0]
        assert event["type_uid"] == event["class_uid"] * 100 + event["activity_id"]
        uids.add(event["finding_info"]["uid"])
    assert len(uids) == len(wanted)


@BOTH
def test_prometheus(written, everything):
    text = written("prometheus", everything=everything)
    families = {f.name: f for f in text_string_to_metric_families(text)}
    assert text.endswith("\n") and not UNSEEN.search(text)
    for family in families.values():
        assert family.documentation and family.type == "gauge"
        assert all(sample.timestamp is None for sample in family.samples)
        keys = [tuple(sorted(sample.labels.items())) for sample in family.samples]
        assert len(keys) == len(set(keys))
    with written.store.read() as reader:
        hosts = reader.hosts()
    states = families["inguest_hosts"].samples
    assert sum(sample.value for sample in states) == len(hosts)
    assert len(families["inguest_host_findings"].samples) == 4 * len(hosts)
    drift = sum(f["verdict"] == "drift" for f in current(written.store, True).values())
    assert sum(sample.value for sample in families["inguest_drift"].samples) == drift
    # Bounded: nothing that a guest may invent as it likes is a label.
    labels = {key for family in families.values() for s in family.samples for key in s.labels}
    assert labels <= {"host", "control", "family", "severity", "verdict", "state"}


def test_half_of_a_pair_breaks_no_encoder():
    halves = {"a\ud800": ["\udc00x", "\U0001f984", "\udce9"], "n": float("nan")}
    text = source.json_text(halves)
    assert json.loads(text) == {"a\ufffd": ["\ufffdx", "\U0001f984", "\ufffd"], "n": "nan"}
    for name in ("csv", "junit", "prometheus"):
        module = FORMATS[name]
        escape = getattr(module, "cell", None) or getattr(module, "text", None) or module.label
        escape("\ud800 and \udce9").encode("utf-8")


def test_the_hostile_fleet_is_whole(fleets):
    assert len(current(fleets["hostile"], True)) == len(hostile.HOSTS) * len(hostile.TEXTS) * 6
