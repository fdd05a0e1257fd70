"""
What a minion has of inguest
============================

``inguest: {version: …, families: […]}``, for targeting:

.. code-block:: bash

    salt -G inguest:version:0.1.0 inguest.audit

A minion loads its grains in the process that its jobs are forks of. So the library is
imported there once, and an audit that is the first call of a job begins at once.
"""

import sys

import inguestlib

if not hasattr(inguestlib, "refresh"):
    # Met in the middle of a sync: a folder without its __init__.py. This process must not keep it.
    del sys.modules["inguestlib"]
    raise ImportError("inguestlib is being synced")

inguestlib = inguestlib.refresh()

from inguestlib import apply, audit, families  # noqa: F401  # imported for the jobs to come

INTERFACE = 1


def __virtual__():
    reason = inguestlib.check(__file__, INTERFACE)
    return (False, reason) if reason else True


def inguest():
    """
    The version of the library and the families that it knows.
    """
    known = sorted(families.all_families())
    return {"inguest": {"version": inguestlib.__version__, "families": known}}
