"""The shipped advisories are OSV objects, by the rules of the schema's own text, and agree
with what was collected from the vendors."""

import json
import re

import pytest

from inguestlib.families.tools.advisories import SHIPPED, chosen, osv
from inguestlib.families.tools.advisories.rows import DATE

# The part of https://ossf.github.io/osv-schema/ (1.7) that our objects use, as a JSON schema
# in our own words. What it doesn't name may not be there.
TIME = {"type": str, "pattern": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"}
TEXT = {"type": str, "pattern": r"(?s).*\S.*"}
ANY = {"type": dict, "free": True}
EVENT = {
    "type": dict,
    "one": True,
    "properties": dict.fromkeys(("introduced", "fixed", "last_affected", "limit"), TEXT),
}
ECOSYSTEMS = "AlmaLinux|Debian|Photon OS|Red Hat|Rocky Linux|SUSE|Ubuntu|openSUSE"
SCHEMA = {
    "type": dict,
    "required": ("id", "modified", "schema_version"),
    "properties": {
        "schema_version": {"type": str, "pattern": r"1\.\d+\.\d+"},
        "id": {"type": str, "pattern": r"CVE-\d{4}-\d{4,}"},
        "published": TIME,
        "modified": TIME,
        "summary": {"type": str, "pattern": r"[^\n]{10,120}"},
        "severity": {
            "type": list,
            "items": {
                "type": dict,
                "required": ("type", "score"),
                "properties": {
                    "type": {"type": str, "pattern": "CVSS_V3"},
                    "score": {
                        "type": str,
                        "pattern": r"CVSS:3\.1/AV:[NALP]/AC:[LH]/PR:[NLH]/UI:[NR]/S:[UC]"
                        r"/C:[NLH]/I:[NLH]/A:[NLH]",
                    },
                },
            },
        },
        "affected": {
            "type": list,
            "items": {
                "type": dict,
                "required": ("package", "ranges"),
                "properties": {
                    "package": {
                        "type": dict,
                        "required": ("ecosystem", "name"),
                        "properties": {
                            "ecosystem": {"type": str, "pattern": f"({ECOSYSTEMS})(:.+)"},
                            "name": TEXT,
                            "purl": TEXT,
                        },
                    },
                    "ranges": {
                        "type": list,
                        "items": {
                            "type": dict,
                            "required": ("type", "events"),
                            "properties": {
                                "type": {"type": str, "pattern": "ECOSYSTEM"},
                                "events": {"type": list, "items": EVENT},
                            },
                        },
                    },
                    "versions": {"type": list, "items": TEXT},
                    "ecosystem_specific": ANY,
                    "database_specific": ANY,
                },
            },
        },
        "references": {
            "type": list,
            "items": {
                "type": dict,
                "required": ("type", "url"),
                "properties": {
                    "type": {
                        "type": str,
                        "pattern": "ADVISORY|ARTICLE|DETECTION|DISCUSSION|REPORT|FIX|INTRODUCED"
                        "|PACKAGE|EVIDENCE|WEB",
                    },
                    "url": {"type": str, "pattern": r"https://\S+"},
                },
            },
        },
        "aliases": {"type": list, "items": TEXT},
        "database_specific": ANY,
    },
}


def broken(value, schema, where="$"):
    """What is wrong with a value, one line each."""
    if not isinstance(value, schema["type"]):
        return [f"{where}: {value!r}"]
    if "pattern" in schema and not re.fullmatch(schema["pattern"], value):
        return [f"{where}: {value!r}"]
    out = []
    if schema["type"] is list:
        for i, one in enumerate(value):
            out += broken(one, schema["items"], f"{where}[{i}]")
    if schema["type"] is dict and not schema.get("free"):
        out += [f"{where}: no {name}" for name in schema.get("required", ()) if name not in value]
        if schema.get("one") and len(value) != 1:
            out.append(f"{where}: {value!r}")
        for name, one in value.items():
            known = schema["properties"].get(name)
            out += broken(one, known, f"{where}.{name}") if known else [f"{where}: {name}"]
    return out


@pytest.mark.parametrize("obj", SHIPPED, ids=lambda obj: obj["id"])
def test_a_shipped_advisory_is_osv(obj):
    assert broken(obj, SCHEMA) == []
    assert json.loads(json.dumps(obj)) == obj
    osv.validate(obj)
    assert obj["published"] <= obj["modified"] == DATE
    for row in obj["affected"]:
        assert row["database_specific"]["source"]
        (one,) = row["ranges"]
        assert [next(iter(event)) for event in one["events"]] == ["introduced", "fixed"]
    places = [row["package"]["ecosystem"] for row in obj["affected"]]
    assert len(places) == len(set(places))


def test_the_schema_finds_mistakes():
    good = json.loads(json.dumps(SHIPPED[0]))
    for spoil in (
        lambda o: o.pop("id"),
        lambda o: o.update(modified="yesterday"),
        lambda o: o["affected"][0].pop("package"),
        lambda o: o["affected"][0]["package"].update(ecosystem="Debian"),
        lambda o: o["affected"][0]["ranges"][0]["events"].append({}),
        lambda o: o["severity"][0].update(score="7.8"),
        lambda o: o.update(surprise=1),
    ):
        bad = json.loads(json.dumps(good))
        spoil(bad)
        assert broken(bad, SCHEMA), spoil


# cve, upstream's fixes, and the releases that have a row, in the order Debian, Ubuntu, AlmaLinux,
# SUSE, Photon: a row that is lost or comes from nowhere is noticed.
COLLECTED = """
2022-31676 12.1.0 D11 D12= D13= Dunstable P16.04 U18.04 U20.04 U22.04 A8 A9 S15SP2 O5.2 X3 X4 X5
2023-20867 12.2.5 D11 D12 D13= Dunstable P16.04 P18.04 U20.04 U22.04 A8 A9 S12SP5 X3 X4 X5
2023-20900 12.3.0 D11 D12 D13= Dunstable P16.04 P18.04 U20.04 U22.04 A8 A9 S12SP5 O15.4 O15.5 X3 X4 X5
2023-34058 12.3.5 D11 D12 D13= Dunstable P16.04 P18.04 U20.04 U22.04 U24.04= A8 A9 X3 X4 X5
2023-34059 12.3.5 D11 D12 D13= Dunstable P16.04 P18.04 U20.04 U22.04 U24.04= A8 A9 X3 X4 X5
2025-22247 12.5.2 D11 D12 D13 Dunstable P16.04 P18.04 U20.04 U22.04 U24.04 U25.04 A8+ A9+ A10+ X4 X5
2025-41244 12.5.4,13.0.5 D11 D12 D13 Dunstable P20.04 U22.04 U24.04 U25.04 A8 A9 A10 S12SP5 S16.0 X5
""".strip().splitlines()  # noqa: E501
SHORT = {
    "Debian": "D",
    "Ubuntu:Pro": "P",
    "Ubuntu": "U",
    "AlmaLinux": "A",
    "SUSE": "S",
    "openSUSE": "O",
    "Photon OS": "X",
}


def short(row):
    """``D12=`` for a row of Debian 12, which was born fixed; ``A8+`` for AlmaLinux's own fix."""
    vendor, _, release = row["package"]["ecosystem"].partition(":")
    if release.startswith("Pro:"):
        vendor, release = "Ubuntu:Pro", release[4:]
    release = release.removesuffix(":LTS")
    for word in ("Linux Enterprise Server ", "Leap Micro ", "Leap ", " "):
        release = release.replace(word, "")
    release = release.removesuffix(".0") if vendor == "Photon OS" else release
    said = row["database_specific"]
    return SHORT[vendor] + release + "=" * said.get("born_fixed", 0) + "+" * said.get("own", 0)


@pytest.mark.parametrize("line", COLLECTED, ids=lambda line: line.split()[0])
def test_every_collected_row_is_shipped(line):
    cve, fixes, *releases = line.split()
    obj = next(obj for obj in SHIPPED if obj["id"] == f"CVE-{cve}")
    assert [short(row) for row in obj["affected"]] == releases
    events = obj["database_specific"]["inguest"]["upstream"]
    assert ",".join(event["fixed"] for event in events if "fixed" in event) == fixes


def test_data_without_anything_of_the_policys_own_are_made_once():
    params = {"mode": "extend", "data": [], "date": None}
    assert chosen(params) is chosen(dict(params))
    assert len(chosen(params).items) == len(SHIPPED) == len(COLLECTED)
