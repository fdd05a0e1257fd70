"""The shapes in the reference of the facts are learnt rightly from examples."""

import importlib.util
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
spec = importlib.util.spec_from_file_location("docs_outline", ROOT / "docs/outline.py")
outline = importlib.util.module_from_spec(spec)
spec.loader.exec_module(outline)


def told(*examples):
    return outline.lines("x", outline.merged(map(outline.shape, examples)), {})


def test_scalars_of_all_examples():
    assert told(None, "a", "b") == ["x: text or null"]
    assert told(True) == ["x: true or false"]
    assert told(1, 2.5) == ["x: number"]


def test_lists_show_their_items():
    assert told([]) == ["x: []"]
    assert told([], ["a"]) == ["x: [text, …]"]
    assert told([[1, "a"]]) == ["x: [[number or text, …], …]"]
    assert told([{"a": 1}, {"b": [{"c": "d"}]}]) == [
        "x:",
        "  - a: number",
        "    b:",
        "      - c: text",
    ]


def test_keys_of_all_examples():
    assert told({"a": 1}, {"b": None}, None) == ["x:  # or null", "  a: number", "  b: null"]


def test_free_names_are_one():
    assert told({"nginx.service": {"a": 1}, "ssh.service": {"a": None}}) == [
        "x:",
        "  <name>:",
        "    a: number or null",
    ]


def test_what_was_told_is_only_named():
    thing = dict.fromkeys("abcd", 1)
    assert told({"first": thing, "second": [thing]}) == [
        "x:",
        "  first:",
        *[f"    {key}: number" for key in "abcd"],
        "  second: [{…}, …]  # as first of x",
    ]


def test_what_could_not_be_observed_has_no_shape():
    assert told({"$error": "denied"}, {"a": 1}) == ["x:", "  a: number"]
