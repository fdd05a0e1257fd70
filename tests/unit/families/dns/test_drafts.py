"""Edits by column."""

from inguestlib.audit import plain
from inguestlib.families.dns.drafts import Draft


def test_columns_of_a_line_with_foreign_bytes():
    """An observer counts a byte as one column; facts, and so judges, see it as four."""
    raw = "hosts: files [\udcf7] dns # B\udcfcro"
    start = raw.index("dns")
    directive = plain(
        {"option": "hosts", "value": "", "path": "/f", "parts": [[1, raw, start, start + 3]]}
    )
    draft = Draft()
    draft.replace(directive, "resolve dns")
    (change,) = draft.files()
    (edit,) = change.edits
    assert edit.old == plain(raw)
    assert edit.new == plain("hosts: files [\udcf7] resolve dns # B\udcfcro")
