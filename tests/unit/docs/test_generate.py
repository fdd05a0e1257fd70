"""The generated reference tells everything that the code declares, and tells it well."""

import importlib.util
import re
from pathlib import Path

import pytest

from inguestlib import changes, policy, schema
from inguestlib.families import all_families

ROOT = Path(__file__).resolve().parents[3]


def _generator():
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


generate = _generator()
FAMILIES = all_families()
CONTROLS = [control for family in FAMILIES.values() for control in family.controls]
KEYS = [key for found in generate.policy_keys().values() for key in found]


def _walk(type_, path):
    """Every key that the type's own `check` accepts, found independently of the generator."""
    yield path, type_
    if isinstance(type_, schema.Struct):
        for name, below in type_.keys.items():
            yield from _walk(below, f"{path}:{name}")
    elif isinstance(type_, schema.ListOf):
        for below, inner in _walk(type_.item, f"{path}:<n>"):
            if below != f"{path}:<n>":
                yield below, inner
    elif isinstance(type_, schema.MapOf):
        for below, inner in _walk(type_.item, f"{path}:<name>"):
            if below != f"{path}:<name>":
                yield below, inner
    elif isinstance(type_, schema.Either):
        for one in type_.types:
            yield from (pair for pair in _walk(one, path) if pair[0] != path)


def test_every_key_of_every_schema_is_told():
    told = {key.path for key in KEYS}
    for name, family in FAMILIES.items():
        root = f"inguest:{name}"
        wanted = {p for p, _ in _walk(policy.family_schema(family), root) if p != root}
        assert wanted <= told
    page = generate.policy_page()
    for key in KEYS:
        assert f"| `{key.path}` |" in page


@pytest.mark.parametrize("key", KEYS, ids=lambda key: key.path)
def test_every_key_says_what_it_means_and_takes(key):
    assert key.help.strip(), f"{key.path} has no help"
    assert len(key.help) < 200 and "\n" not in key.help
    assert key.type and key.default


def test_no_default_is_an_address():
    """There is no built-in resolver, proxy or server."""
    address = re.compile(
        r"\b\d+\.\d+\.\d+\.\d+\b|[0-9a-f]*::[0-9a-f]+|\b[\w-]+\.(com|net|org|pool)\b"
    )
    for key in KEYS:
        assert not address.search(key.default), f"{key.path} defaults to {key.default}"


def test_every_control_is_in_the_catalogue():
    page = generate.controls_page()
    for control in CONTROLS:
        section = page.split(f"\n### {control.id}\n", 1)[1].split("\n### ", 1)[0]
        assert f"({control.id})=" in page
        for ids in control.references.values():
            for one in ids:
                assert f"`{one}`" in section


def test_every_kind_of_change_is_told():
    page = generate.changes_page()
    for kind in changes.KINDS:
        assert f"## `{kind}`" in page
    for owner in changes.REFRESHES:
        assert f"| `{owner}` |" in page


def test_every_section_of_facts_is_described():
    for name, family in FAMILIES.items():
        for section, observer in family.observers.items():
            assert (observer.__doc__ or "").strip(), f"{name}:{section}: {observer} says nothing"


def test_pages_are_written_once(tmp_path):
    generate.write(tmp_path)
    written = {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert set(written) == set(generate.PAGES)
    generate.write(tmp_path)
    assert written == {path.name: path.stat().st_mtime_ns for path in tmp_path.iterdir()}


def test_markdown_takes_texts_as_they_are():
    table = generate._table(("A", "B"), [("a|b", "c\nd")])
    assert table[2] == "| a\\|b | c d |"
    assert generate._sentence("a <name> of *") == "a \\<name\\> of \\*."


def test_defaults_look_as_in_a_pillar():
    assert generate.default(schema.Bool(True)) == "`true`"
    assert generate.default(schema.ListOf(schema.Str(), ("a",))) == '`["a"]`'
    assert generate.default(schema.Str(schema.REQUIRED)) == "required"
    assert generate.default(schema.Str()) == "not set"


def test_nested_keys_are_found_everywhere():
    nested = schema.MapOf(
        schema.Either(
            schema.Str(), schema.Struct({"k": schema.ListOf(schema.Struct({"d": schema.Int()}))})
        )
    )
    assert [key.path for key in generate.keys(nested, "x")] == [
        "x",
        "x:<name>:k",
        "x:<name>:k:<n>:d",
    ]
