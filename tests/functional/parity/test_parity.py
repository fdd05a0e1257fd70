"""``test=True`` shows exactly the changes that the real run then makes, for every control.

Both are run, through the state module and Salt's real functions, on a tree of its own
for each case; then a third run must find nothing to do.
"""

import importlib
import pkgutil
from pathlib import Path

import pytest

from inguestlib.families import all_families
from support.toyfamily import snapshot

_MODULES = [
    importlib.import_module(f"{__package__}.{info.name}")
    for info in pkgutil.iter_modules([str(Path(__file__).parent)])
    if info.name.startswith("cases_")
]
# What no offline root can show is proven in booted containers; see tests/integration/containers.
CASES = [case for module in _MODULES for case in module.CASES]
# Seen offline, cured on a live guest only: no package manager works in a tree that isn't its own.
LIVE_CURES = {name for module in _MODULES for name in getattr(module, "LIVE_CURES", ())}


@pytest.fixture
def state(loaded, tmp_path):
    """``state(case, test)`` runs the family's state function on ``tmp_path/tree``."""

    def run(case, test):
        _modules, states = loaded(case.pillar, test=test)
        return states[f"inguest.{case.family}"](
            name=case.name, root=str(tmp_path / "tree"), controls=case.controls
        )

    return run


@pytest.fixture
def tree(case, tmp_path):
    root = tmp_path / "tree"
    root.mkdir()
    case.build(root)
    return root


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_dry_run_is_the_real_run(case, tree, state):
    before = snapshot(tree)
    dry = state(case, test=True)
    assert snapshot(tree) == before, "a dry run changes nothing"
    assert dry["result"] is None, dry
    assert dry["changes"]

    real = state(case, test=False)
    assert real["result"] is True, real
    assert real["changes"] == dry["changes"]
    after = snapshot(tree)

    again = state(case, test=False)
    assert again["result"] is True
    assert again["changes"] == {}
    assert snapshot(tree) == after


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_named_controls_drift_and_have_a_cure(case, tree):
    from inguestlib import audit, policy
    from inguestlib.guest import Guest

    loaded = policy.load(case.pillar, families=all_families(), needed=[case.family])
    before = audit.audit(Guest(tree), loaded, [case.family], case.controls)
    drifting = {f["control"] for f in before["findings"] if f["changes"]}
    assert set(case.drifts) <= drifting


def test_every_control_that_can_be_enforced_offline_has_a_case():
    wanted = {
        control.id
        for family in all_families().values()
        for control in family.controls
        if control.enforceable != "no" and control.offline
    }
    cured = {control for case in CASES for control in case.drifts}
    assert not LIVE_CURES & cured, "it is cured offline, too"
    assert wanted - cured - LIVE_CURES == set()
