"""Salt's real execution functions, and the toy family in place of the real ones."""

import functools

import pytest

from inguestlib import apply as core_apply
from inguestlib import audit, policy
from inguestlib.effects import Effects
from support import toyfamily


@functools.lru_cache(maxsize=1)
def _functions(folder):
    import salt.config
    import salt.loader

    opts = salt.config.minion_config(None)
    opts.update(
        {"root_dir": folder, "cachedir": folder, "file_client": "local", "grains": {}, "id": "toy"}
    )
    opts["extension_modules"] = folder
    return salt.loader.minion_mods(opts)


@pytest.fixture(scope="session")
def effects(tmp_path_factory):
    return Effects(_functions(str(tmp_path_factory.mktemp("salt"))))


@pytest.fixture
def toy(tmp_path, monkeypatch):
    """``(tree, policy)``: a tree that drifts, and the toy family as the only one."""
    families = {"toy": toyfamily.FAMILY}
    monkeypatch.setattr(audit, "all_families", lambda: families)
    tree = toyfamily.build(tmp_path / "tree")
    return tree, policy.load(toyfamily.PILLAR, families=families)


@pytest.fixture
def run(effects):
    """Apply the toy's policy; keywords go to :func:`inguestlib.apply.apply`."""

    def run_(tree, policy_, **kwargs):
        return core_apply.apply(str(tree), policy_, effects, **kwargs)

    return run_
