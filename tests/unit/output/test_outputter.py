"""The outputter, loaded by Salt's own loader."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import salt.config as salt_config
import salt.loader

from support.reports import finding, report

CHECKOUT = Path(__file__).parents[3]

DRIFT = report("web1", finding("drift", observed="8.8.8.8", expected="10.0.0.53"))


@pytest.fixture
def show(tmp_path):
    opts = salt_config.master_config(None)
    opts.update(module_dirs=[str(CHECKOUT)], extension_modules=str(tmp_path), color=False)

    def out(data):
        return salt.loader.outputters(opts)["inguest"](data)

    return out


def test_a_report(show):
    assert re.search(r"8\.8\.8\.8 (→|->) 10\.0\.0\.53", show(DRIFT))


def test_reports_of_several_minions(show):
    text = show({"web1": DRIFT, "web2": {**DRIFT, "guest": "web2"}})
    assert text.startswith("web1") and "\nweb2" in text


def test_a_fleet(show):
    from inguestlib.fleet.answers import fleet

    assert "No answer (unknown)\n  web9" in show(fleet(["web9"], {}))


@pytest.mark.parametrize("data", ["text", {"web1": "ERROR: boo"}, [1, 2], {}, None])
def test_anything_else_goes_to_nested(show, data):
    show(data)  # no exception


def test_a_cold_process_finds_the_synced_library_beside_it(tmp_path):
    """Where Salt's sync puts them: extmods/output/inguest.py and extmods/utils/inguestlib."""
    (tmp_path / "output").mkdir()
    (tmp_path / "utils").mkdir()
    (tmp_path / "output" / "inguest.py").write_bytes((CHECKOUT / "_output/inguest.py").read_bytes())
    (tmp_path / "utils" / "inguestlib").symlink_to(CHECKOUT / "_utils" / "inguestlib")
    code = (
        "import runpy, sys; m = runpy.run_path(sys.argv[1]);"
        "m['output'].__globals__['__opts__'] = {};"
        f"print(m['output']({DRIFT!r}))"
    )
    environ = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "output" / "inguest.py")],
        env=environ,
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    assert "10.0.0.53" in done.stdout, done.stderr
