#!/usr/bin/env python3
"""Write the generated parts of the reference: what the code declares is not told twice.

    python docs/generate.py FOLDER

The policy's keys come from the families' schemas, the catalogue from the controls'
declarations, the facts from the observers and from the trees of the parity tests, the kinds of
change from their classes. The Sphinx configuration calls `write` before each build; nothing of it
is committed. Needs no Sphinx and no Salt, but PyYAML, to see the trees as a minion does.
"""

import importlib
import inspect
import json
import re
import sys
import tempfile
from dataclasses import MISSING, dataclass, fields
from pathlib import Path

HERE = Path(__file__).resolve().parent
TESTS = HERE.parent / "tests"
for folder in (HERE, HERE.parent / "_utils", TESTS, HERE.parent):
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))

import outline  # noqa: E402

from inguestlib import audit, changes, policy, schema  # noqa: E402
from inguestlib.families import all_families  # noqa: E402
from inguestlib.guest import Guest  # noqa: E402

_ROLE = re.compile(r":\w+:`([^`]+)`")

CATALOGUES = {
    "scg": "VMware Security Configuration Guide",
    "cis": "CIS Benchmarks",
    "stig": "DISA STIG",
    "nist_800_53": "NIST SP 800-53",
    "pci_dss_4": "PCI DSS 4",
    "complianceascode": "ComplianceAsCode",
}
"""The catalogues that a control may refer to, and how the documentation calls them."""


@dataclass(frozen=True)
class Key:
    """One key of the pillar: its path, what may stand there, and what stands there by default."""

    path: str
    type: str
    default: str
    help: str


def keys(type_, path):
    """Every :class:`Key` at and below ``path``, in the order of their declaration."""
    found = []
    if not (isinstance(type_, schema.Struct) and not type_.help):
        found.append(Key(path, type_.describe(), default(type_), type_.help))
    for name, below in _below(type_):
        found += keys(below, f"{path}:{name}")
    return found


def _below(type_):
    """What is nested in a type: keys of a mapping, `<n>` for a list, `<name>` for free keys."""
    if isinstance(type_, schema.Struct):
        return list(type_.keys.items())
    if isinstance(type_, schema.Either):
        return [pair for one in type_.types for pair in _below(one)]
    if isinstance(type_, (schema.ListOf, schema.MapOf)):
        mark = "<n>" if isinstance(type_, schema.ListOf) else "<name>"
        return [(f"{mark}:{name}", below) for name, below in _below(type_.item)]
    return []


def default(type_):
    """A type's default as one would write it into the pillar."""
    if type_.default is schema.REQUIRED:
        return "required"
    if type_.default is None:
        return "by its keys" if isinstance(type_, schema.Struct) else "not set"
    value = type_.default
    if isinstance(value, (tuple, frozenset, set)):
        value = list(value)
    return f"`{json.dumps(value, ensure_ascii=False)}`"


def policy_keys(families=None):
    """``{heading: [Key, …]}`` for the whole pillar ``inguest:``."""
    found = {}
    for name, family in (families or all_families()).items():
        found[name] = keys(policy.family_schema(family), f"inguest:{name}")
    found["confirm"] = keys(policy.CONFIRM, "inguest:confirm")
    found["waivers"] = keys(schema.ListOf(policy.WAIVER, help="accepted drift"), "inguest:waivers")
    return found


def policy_page(families=None):
    """The keys of the policy, a table for each family and one for the waivers."""
    families = families or all_families()
    out = []
    for heading, rows in policy_keys(families).items():
        out += [f"## `{heading}`", ""]
        if heading in families:
            out += [f"{families[heading].title}.", ""]
        out += _table(
            ("Key", "Takes", "Default", "Meaning"),
            [(f"`{k.path}`", k.type, k.default, _sentence(k.help)) for k in rows],
        )
    return "\n".join(out)


def controls_page(families=None):
    """The catalogue: an overview of each family, and a section for each control."""
    out = []
    for name, family in (families or all_families()).items():
        out += [f"## `{name}`: {family.title}", ""]
        out += _table(
            ("Control", "Holds when", "Severity", "Enforceable"),
            [(f"[`{c.id}`](#{c.id})", c.title, c.severity, c.enforceable) for c in family.controls],
        )
        for control in family.controls:
            out += _control(control)
    return "\n".join(out)


def _control(control):
    seen = "on a running guest and in an offline root" if control.offline else "on a running guest"
    cured = {"yes": "yes", "partial": "in part", "no": "no: a person has to decide"}
    out = [
        f"({control.id})=",
        f"### {control.id}",
        "",
        f"**{_sentence(control.title)}** {_sentence(control.why)}",
        "",
        f"- Severity: {control.severity}; tier {control.tier}",
        f"- Enforceable: {cured[control.enforceable]}",
        f"- Seen: {seen}",
    ]
    if control.proof:
        out.append("- A proof: judged after every apply of its family, which it can undo")
    out.append(f"- Topic: {_text(control.topic)}")
    for catalogue, ids in control.references.items():
        out.append(f"- {CATALOGUES[catalogue]}: {', '.join(f'`{i}`' for i in ids)}")
    return [*out, ""]


def facts_page(families=None):
    """The sections of each family's facts: what the observers say, and the shape of the data."""
    shapes = _shapes()
    out = []
    for name, family in (families or all_families()).items():
        out += [f"## `{name}`", ""]
        if family.volatile:
            ways = ", ".join(f"`{way}`" for way in family.volatile)
            out += [f"Change by themselves, and so are not in the digest: {ways}.", ""]
        told = {}
        for section, observer in family.observers.items():
            what = shapes.get(name, {}).get(section, outline.NOTHING)
            shown = outline.lines(section, what, told)
            out += [f"### {name}: {section}", "", _literal(_described(observer)), ""]
            out += ["```yaml", *shown, "```", ""]
    return "\n".join(out)


def _described(observer):
    """The observer's docstring; what it says of other modules' code stays a name."""
    return _ROLE.sub(lambda match: f"``{match[1].lstrip('.~')}``", inspect.getdoc(observer) or "")


def _shapes():
    """``{family: {section: shape}}``, learnt from the trees of the parity tests."""
    known, found = all_families(), {}
    for path in sorted((TESTS / "functional/parity").glob("cases_*.py")):
        cases = importlib.import_module(f"tests.functional.parity.{path.stem}").CASES
        for case in cases:
            with tempfile.TemporaryDirectory() as root:
                case.build(Path(root))
                loaded = policy.load(case.pillar, families=known, needed=[case.family])
                facts = audit.observe(Guest(root), loaded.for_guest("web1"), [case.family])
            for section, data in facts[case.family].items():
                old = found.setdefault(case.family, {}).get(section, outline.NOTHING)
                found[case.family][section] = outline.merged([old, outline.shape(data)])
    return found


def changes_page():
    """The kinds of change, with their keys."""
    out = []
    for kind, cls in changes.KINDS.items():
        out += [f"## `{kind}`", "", _literal(inspect.getdoc(cls)), ""]
        rows = [
            (f"`{f.name}`", "" if f.default is MISSING else f"`{json.dumps(f.default)}`")
            for f in fields(cls)
        ]
        out += _table(("Key", "Default (left out)"), rows)
    commands = [(f"`{owner}`", f"`{' '.join(c)}`") for owner, c in changes.REFRESHES.items()]
    out += ["## Owners that can be refreshed", "", *_table(("Owner", "Command"), commands)]
    actions = ", ".join(f"`{action}`" for action in changes.UNIT_ACTIONS)
    return "\n".join([*out, "## Actions on units", "", f"{actions}.", ""])


PAGES = {
    "policy.md": policy_page,
    "controls.md": controls_page,
    "facts.md": facts_page,
    "changes.md": changes_page,
}


def write(folder):
    """Write every page into ``folder``; a page that did not change keeps its time."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        text = page()
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


# ---- Markdown ------------------------------------------------------------------------------


def _table(titles, rows):
    def line(cells):
        return "| " + " | ".join(c.replace("|", "\\|").replace("\n", " ") for c in cells) + " |"

    return [line(titles), line(["---"] * len(titles)), *map(line, rows), ""]


def _text(text):
    """Text that Markdown takes as it is: `<name>` is no tag, `*` is no emphasis."""
    for char in "\\<>*_[]{}":
        text = text.replace(char, "\\" + char)
    return text


def _sentence(text):
    """The text with a full stop; its first letter stays, for it may begin with a program's name."""
    text = _text(text.strip())
    return text + ("" if text.endswith((".", "?", "!")) or not text else ".")


def _literal(text):
    """A docstring in reStructuredText, for MyST."""
    return f"```{{eval-rst}}\n{text}\n```"


def main(argv):
    """``generate.py FOLDER``."""
    if len(argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    write(argv[0])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
