"""The engine as Salt loads it: its configuration."""

import pytest
import salt.config
import salt.loader

from support.salt_rig import CHECKOUT


@pytest.fixture
def opts(tmp_path):
    """A master's configuration."""
    opts = salt.config.master_config(None)
    opts.update(
        {
            "__role": "master",
            "id": "master1",
            "cachedir": str(tmp_path / "cache"),
            "pki_dir": str(tmp_path),
            "extension_modules": str(tmp_path / "extmods"),
            "engines_dirs": [str(CHECKOUT / "_engines")],
        }
    )
    return opts


@pytest.fixture
def engine(opts):
    """The engine's module, as Salt loads it."""
    loader = salt.loader.engines(opts, {}, {}, {})
    assert "inguest.start" in loader
    return loader["inguest.start"].__globals__


def test_a_configuration_with_mistakes_is_said_and_does_not_burn(engine, opts, caplog, monkeypatch):
    slept = []
    monkeypatch.setattr(engine["time"], "sleep", slept.append)
    opts["inguest"] = {"flush": "soon"}
    monkeypatch.setitem(engine, "__opts__", opts)
    engine["start"]()
    assert "inguest:flush" in caplog.text
    assert slept == [engine["_WRONG"]]
