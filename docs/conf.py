"""Sphinx configuration: `sphinx-build -W -b html docs docs/_build/html`."""

import sys
import types
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(HERE), str(ROOT / "_utils")]

import generate  # noqa: E402

import inguestlib  # noqa: E402

project = "saltext.inguest"
author = "the maintainers of saltext.inguest"
copyright = f"2026, {author}"  # noqa: A001 - the name is Sphinx's
release = version = inguestlib.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_build", "_generated"]
myst_enable_extensions = ["colon_fence", "deflist"]
myst_heading_anchors = 3

html_theme = "furo"
html_title = f"inguest {release}"
html_copy_source = False
html_static_path = []

# The wrappers are read without Salt: what its loader puts into them is never called here.
autodoc_mock_imports = ["salt"]
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
add_module_names = False

# The reference names the wrappers as an installed distribution does (`inguestlib.modules.inguest`),
# which keeps the module `inguest` apart from the states and the runner of that name.
for kind in ("modules", "states", "runners", "engines", "output"):
    package = types.ModuleType(f"inguestlib.{kind}")
    package.__path__ = [str(ROOT / f"_{kind}")]
    sys.modules.setdefault(package.__name__, package)


def _near(app, env, node, contnode):
    """Find `inguest.audit` as Salt's users call it: in the module of the page it stands on."""
    wrapper, _dot, name = node.get("reftarget", "").partition(".")
    if wrapper not in ("inguest", "inguest_luks"):
        return None
    usual = f"inguestlib.modules.{wrapper}"
    domain = env.get_domain("py")
    for module in (node.get("py:module") or usual, usual):
        if f"{module}.{name}" in domain.objects:
            return domain.resolve_xref(
                env, node["refdoc"], app.builder, "func", f"{module}.{name}", node, contnode
            )
    return None


def setup(app):
    """Generate before the sources are read."""
    generate.write(HERE / "_generated")
    app.connect("missing-reference", _near)
