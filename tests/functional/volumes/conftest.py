"""Volumes in image files."""

import pytest

from support import need
from support.volumes import Images


@pytest.fixture
def images(tmp_path):
    """An empty image of 64 MiB and an offline tree: :class:`support.volumes.Images`."""
    need.root()
    need.program("cryptsetup", "blkid", "wipefs")
    return Images(tmp_path)
