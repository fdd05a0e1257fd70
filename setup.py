"""The packages of the distribution, found in the folders that Salt syncs from.

One tree, two ways in: `_utils/inguestlib` and the loader folders beside it are a `file_roots` as
they are; installed, the same files make up the package `inguestlib`. The rest is in `setup.cfg`.
"""

from pathlib import Path

from setuptools import find_packages, setup

ROOT = Path(__file__).parent

# What Salt's own sync calls `_modules` is `inguestlib.modules` when installed, and so on.
LOADERS = ("modules", "states", "grains", "runners", "engines", "beacons", "output")
# Text, for those who install and copy: the SLS files and the example policy.
SHARED = ("states", "pillar")

where = {"inguestlib": "_utils/inguestlib"}
packages = find_packages("_utils", include=["inguestlib", "inguestlib.*"])

for kind in LOADERS:
    if any((ROOT / f"_{kind}").glob("*.py")):
        where[f"inguestlib.{kind}"] = f"_{kind}"
        packages.append(f"inguestlib.{kind}")

data = {}
for folder in SHARED:
    if (ROOT / folder).is_dir():
        where[f"inguestlib.share.{folder}"] = folder
        packages.append(f"inguestlib.share.{folder}")
        data[f"inguestlib.share.{folder}"] = ["**/*"]

setup(packages=packages, package_dir=where, package_data=data)
