"""What controls and wrappers must say about themselves, because people read it."""

import ast
from pathlib import Path

import pytest

from inguestlib.families import all_families

ROOT = Path(__file__).resolve().parents[3]
CONTROLS = [(family, control) for family in all_families().values() for control in family.controls]
CATALOGUES = {"scg", "cis", "stig", "nist_800_53", "pci_dss_4", "complianceascode"}


def _functions(folder):
    for path in sorted((ROOT / folder).glob("*.py")):
        body = ast.parse(path.read_text()).body
        names = {  # several files may share one virtual name
            node.targets[0].id: node.value.value
            for node in body
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant)
        }
        for node in body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                node.wrapper = names.get("__virtualname__", path.stem)
                yield pytest.param(node, id=f"{folder}/{path.stem}.{node.name}")


@pytest.mark.parametrize("family, control", CONTROLS, ids=[c.id for _, c in CONTROLS])
def test_a_control_says_what_it_is(family, control):
    assert control.id.startswith(f"{family.name}-")
    for text in (control.title, control.why, control.topic):
        assert text.strip() and "\n" not in text
    assert len(control.title) <= 90
    assert not control.title.endswith(".")
    assert control.why.rstrip(".") != control.title.rstrip(".")


@pytest.mark.parametrize("control", [c for _, c in CONTROLS], ids=[c.id for _, c in CONTROLS])
def test_references_are_of_known_catalogues(control):
    assert set(control.references) <= CATALOGUES
    for catalogue, ids in control.references.items():
        ids = list(ids)
        assert ids and len(ids) == len(set(ids)), f"{control.id}: {catalogue}"
        assert all(isinstance(one, str) and one == one.strip() for one in ids)


def test_ids_are_unique():
    ids = [c.id for _, c in CONTROLS]
    assert sorted(ids) == sorted(set(ids))


@pytest.mark.parametrize("function", [*_functions("_modules"), *_functions("_runners")])
def test_what_is_called_by_hand_shows_how(function):
    text = ast.get_docstring(function) or ""
    assert "CLI Example:" in text
    assert f"{function.wrapper}.{function.name.rstrip('_')}" in text


@pytest.mark.parametrize("function", [*_functions("_states"), *_functions("_output")])
def test_states_and_outputters_are_described(function):
    assert (ast.get_docstring(function) or "").strip()


@pytest.mark.parametrize(
    "function",
    [*_functions("_modules"), *_functions("_states"), *_functions("_runners")],
)
def test_every_argument_is_described(function):
    text = ast.get_docstring(function)
    args = function.args
    names = [a.arg for a in (*args.args, *args.kwonlyargs)]
    headings = [line.strip() for line in text.split("\n") if line and "  " not in line.strip()]
    described = {word.strip() for line in headings for word in line.split(",")}
    for name in names:
        assert name in described, f"{name} is not described"
