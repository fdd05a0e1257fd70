"""The engine as Salt loads it: its keys and its configuration."""

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


def test_accepted_keys_are_those_of_the_master(engine, opts, tmp_path):
    folder = tmp_path / "minions"
    folder.mkdir()
    (folder / "web1").write_text("PEM")
    assert engine["accepted"](opts).of("web1") == "PEM"
    cluster = {**opts, "cluster_id": "c", "cluster_pki_dir": str(tmp_path), "pki_dir": "/nowhere"}
    assert engine["accepted"](cluster).of("web1") == "PEM"


def test_a_configuration_with_mistakes_is_said_and_does_not_burn(engine, opts, caplog, monkeypatch):
    slept = []
    monkeypatch.setattr(engine["time"], "sleep", slept.append)
    opts["inguest"] = {"flush": "soon"}
    monkeypatch.setitem(engine, "__opts__", opts)
    engine["start"]()
    assert "inguest:flush" in caplog.text
    assert slept == [engine["_WRONG"]]
