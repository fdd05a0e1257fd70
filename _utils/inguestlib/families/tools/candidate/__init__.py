"""The candidates: what the enabled repositories offer of open-vm-tools, and how old that is.

Read from the package managers' own copies of the metadata, without a process where the standard
library can read them. The section is ``{"manager", "repositories", "offers", "chosen",
"fetched", "unread", "asked"}``:

manager
    ``apt``, ``dnf``, ``tdnf``, ``zypper``, or ``None`` where there is none.
repositories
    Each with ``id``, ``suite``, ``enabled``, where that is said (``path``, ``line``, ``text``),
    its ``metadata`` file, when it was made (``date``), until when it counts (``until``), when
    the guest last fetched it (``fetched``, rpm's managers only), and whether it is ``local``.
offers
    ``{package: [{"version", "repository", "priority", "pinned"}, …]}`` of enabled repositories.
chosen
    ``{package: {"version", "newest"}}``: what the manager would install by all its settings, and
    without those that name single packages.
fetched
    apt: when any repository was last fetched.
unread
    Lists that nobody could read, so that the offers are not all.
asked
    The question that gave the offers where files could not.
"""

from inguestlib.families.tools import names
from inguestlib.families.tools.candidate import apt, rpm


def observe(guest, params):
    """The ``candidates`` section."""
    del params
    manager = next((package.manager for package in guest.packages.values()), "")
    known = names.of(guest.distro.family, manager)
    return (rpm if manager == "rpm" else apt).observe(guest, known)
