"""How the shipped advisories are written: one line for each release, OSV objects come out."""

SCHEMA_VERSION = "1.7.0"  # of the OSV schema, https://ossf.github.io/osv-schema/
DATE = "2026-11-23T00:00:00Z"  # when the shipped data were last compared with their sources
PACKAGE = "open-vm-tools"

BORN_FIXED = "0"  # the release's first package held the fix already

CHANGELOG = "the changelog in the package"
PHOTON = "the changelog of the spec file"


def advisory(cve, *, published, summary, cvss, rows, inguest, references):
    """One advisory as an OSV object.

    rows
        ``(ecosystem, fixed version, source)``; :data:`BORN_FIXED` for a release that was
        never affected. What an ecosystem's row does not say, nobody told us.
    inguest
        What OSV has no field for; see :func:`inguestlib.families.tools.advisories.chosen`.
    """
    return {
        "schema_version": SCHEMA_VERSION,
        "id": cve,
        "published": f"{published}T00:00:00Z",
        "modified": DATE,
        "summary": summary,
        "severity": [{"type": "CVSS_V3", "score": f"CVSS:3.1/{cvss}"}],
        "affected": [_row(*row) for row in rows],
        "references": [
            {"type": "REPORT", "url": f"https://www.cve.org/CVERecord?id={cve}"},
            *({"type": "ADVISORY", "url": url} for url in references),
        ],
        "database_specific": {"inguest": inguest},
    }


def _row(ecosystem, fixed, source):
    said = {"source": source}
    if fixed == BORN_FIXED:
        said["born_fixed"] = True
    if ecosystem.startswith("AlmaLinux:") and "A00" in source:
        said["own"] = True  # AlmaLinux fixed it by itself: RHEL has no such release
    return {
        "package": {"ecosystem": ecosystem, "name": PACKAGE},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}],
        "database_specific": said,
    }


def usn(number):
    """The address of an Ubuntu security notice."""
    return f"https://ubuntu.com/security/notices/USN-{number}"


def vmsa(number):
    """The address of a VMware security advisory, as it was published."""
    return f"https://www.vmware.com/security/advisories/VMSA-{number}"
