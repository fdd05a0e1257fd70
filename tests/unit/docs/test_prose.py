"""What people wrote by hand names only what is there."""

import ast
import re
from pathlib import Path

import pytest
import yaml

from inguestlib import policy
from inguestlib.families import all_families

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted(
    path
    for path in [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "docs").rglob("*.rst"),
    ]
    if not {"_build", "_generated"} & set(path.parts)
)
IDS = [str(path.relative_to(ROOT)) for path in PAGES]
CONTROLS = {control.id for family in all_families().values() for control in family.controls}


def _functions(wrapper):
    """Of the file of this name, and of those that share its virtual name."""
    for folder in ("_modules", "_states", "_runners"):
        for path in (ROOT / folder).glob(f"{wrapper}*.py"):
            text = path.read_text()
            if path.stem != wrapper and f'__virtualname__ = "{wrapper}"' not in text:
                continue
            for node in ast.parse(text).body:
                if isinstance(node, ast.FunctionDef):
                    yield node.name.rstrip("_")


# A state's or function's name, an SLS file's, or the minion's option.
NAMES = {
    "inguest": {
        *_functions("inguest"),
        *(path.stem for path in (ROOT / "states/inguest").glob("*.sls")),
        "root",
    },
    "inguest_luks": set(_functions("inguest_luks")),
}


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_functions_and_controls_exist(page):
    text = page.read_text()
    called = r"(?<![\w./-])(inguest(?:_luks)?)\.([a-z_0-9]+)(?!\w|\.git)"
    for wrapper, name in re.findall(called, text):
        if name not in ("conf", "sls", "py", "git"):
            assert name in NAMES[wrapper], f"{wrapper}.{name}"
    prefixes = "|".join(all_families())
    for control in re.findall(rf"(?<![\w/.=-])(?:{prefixes})-[a-z]+(?:-[a-z]+)*(?![\w.-])", text):
        if control != "dns-nameservers":  # an option of ifupdown
            assert control in CONTROLS, control


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target:
            path = page.parent / target
            assert path.exists(), target


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_policies_that_are_shown_are_valid(page):
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text(), re.S):
        if block.startswith("inguest:\n"):
            data = yaml.safe_load(block)["inguest"]
            policy.load(data, families=all_families(), needed=set(data) & set(all_families()))
