"""What a test needs of the machine it runs on.

A machine that lacks it gets a skip that says why. Where ``INGUEST_CI`` is set
the same reason is a failure: on the project's own machines no gap stays hidden.
"""

import os
import shutil

import pytest

# put before a command: a test run that is killed leaves no container and no master behind
DIES_WITH_US = ("setpriv", "--pdeathsig", "TERM")


def unmet(reason):
    """Skip the test for ``reason``; fail it where ``INGUEST_CI`` is set."""
    if os.environ.get("INGUEST_CI"):
        pytest.fail(f"the rig of INGUEST_CI cannot run this: {reason}", pytrace=False)
    pytest.skip(reason)


def root():
    """The test mounts, makes network devices or boots a container."""
    if os.geteuid() != 0:
        unmet("needs root")


def program(*names):
    """The test starts these programs."""
    missing = [name for name in names if shutil.which(name) is None]
    if missing:
        unmet(f"{', '.join(missing)} missing; tests/support/install-rig.sh installs it")
