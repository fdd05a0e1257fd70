"""Where an installed distribution keeps what Salt loads: the `salt.loader` entry point.

Salt calls `directories` and adds what it returns to its search path of each loader. The folders
are computed from this file's place: asking Python for them by package name answered nothing at all
in an editable install.
"""

import os

KINDS = ("modules", "states", "grains", "runners", "engines", "beacons", "output")


def directories():
    """`{kind of loader: [folder]}`, of the kinds that are there.

    Installed, the folders lie inside the package (`inguestlib/modules`); in a checkout or an
    editable install they lie beside `_utils` (`_modules`).
    """
    package = os.path.dirname(os.path.abspath(__file__))
    checkout = os.path.dirname(os.path.dirname(package))
    found = {}
    for kind in KINDS:
        candidates = (os.path.join(package, kind), os.path.join(checkout, "_" + kind))
        folders = [folder for folder in candidates if os.path.isdir(folder)]
        if folders:
            found[kind] = folders[:1]
    return found
