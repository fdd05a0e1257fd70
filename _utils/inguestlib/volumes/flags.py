"""Whether TRIM passes through an open volume: space comes back, and which blocks are free shows."""

from inguestlib.volumes import Step, backup

ON, STORED = "allow_discards", "allow-discards"  # in dm-crypt's table, in the header


def planned(declared, observed):
    """The step that gives an open mapping the flag, or takes it away. Pure."""
    wanted, mapping, header = declared["discard"], observed["mapping"], observed["header"]
    if wanted is None or mapping is None or not mapping["ours"] or header is None:
        return []
    if (ON in mapping["flags"]) == wanted and not _keeps(header, wanted):
        return []
    why = "the policy passes TRIM through" if wanted else "the policy hides which blocks are free"
    return [Step("discard", observed["name"], {"allow": wanted}, why)]


def _keeps(header, wanted):
    """Whether the header would bring the flag back at the next opening."""
    return not wanted and STORED in header["flags"]


def do_discard(job, step):
    """Give the mapping its flags while it is used; the header loses one that the policy forbids."""
    seen = job.look()
    wanted, header = job.declared["discard"], seen["header"]
    key = job.keys.authority(seen["path"], header)
    stored = _keeps(header, wanted)
    if stored:
        backup.ensure(job)
    job.tool.refresh(job.name, key, discard=wanted, persistent=stored)
    job.step("discard: done")


STEPS = {"discard": do_discard}
