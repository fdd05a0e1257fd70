"""Cases of drift, for the proof that ``test=True`` shows what the real run makes.

Each family keeps its own in ``tests/functional/parity/cases_<family>.py`` as ``CASES``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Case:
    """An offline root that drifts, and the policy that cures it.

    build
        Writes the drifting tree into an empty directory.
    pillar
        What stands under ``inguest:``; the family's mode is ``enforce``.
    drifts
        The controls that drift and are cured.
    """

    name: str
    family: str
    build: Callable[[Path], None]
    pillar: dict
    drifts: tuple[str, ...]
    controls: tuple[str, ...] | None = field(default=None)


def write(root, files):
    """Write ``{guest path: text, or ("->", target)}`` into a tree."""
    for path, text in files.items():
        real = root / path.lstrip("/")
        real.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, tuple):
            real.symlink_to(text[1])
        else:
            real.write_text(text)
