"""What reporting takes from a minion's options; pure functions over that mapping."""

import os

from inguestlib import messages
from inguestlib.reporting import chain


def home(opts):
    """The directory of the chain."""
    return os.path.join(opts["cachedir"], "inguest")


def root(opts):
    """What this minion audits and reports: the machine, or the tree that stands for it."""
    return opts.get("inguest.root") or "/"


def place(opts):
    """The :class:`inguestlib.reporting.chain.Place` of this minion; its key isn't read yet."""
    return chain.Place(
        home(opts),
        opts["id"],
        messages.Signer(os.path.join(opts["pki_dir"], "minion.pem")),
        opts.get("max_event_size") or chain.EVENT_SIZE,
    )


def without_master(opts):
    """Why nothing can be told from here, in words; empty where a master listens.

    The same rule as that of Salt's own ``event.send``.
    """
    if opts.get("use_master_when_local"):
        return ""
    if opts.get("master_type") == "disable":
        return "this minion has no master (master_type: disable)"
    if opts.get("local") or opts.get("file_client") == "local":
        return "this call works without a master (salt-call --local, or file_client: local)"
    return ""
