"""The families of controls. Each module or package here that has a ``FAMILY`` is one."""

import importlib
import pkgutil
from functools import lru_cache


@lru_cache(maxsize=1)
def all_families():
    """``{name: Family}``, in the order of their names."""
    found = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        family = getattr(module, "FAMILY", None)
        if family is not None:
            found[family.name] = family
    return dict(sorted(found.items()))
