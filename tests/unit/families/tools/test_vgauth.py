"""vgauth.conf, judged as VGAuthService reads it: by GLib, up to a line that GLib can't read."""

import pytest

from inguestlib.families.tools import conffile, vgauth
from inguestlib.guest import Guest
from support.cases import write

from .judged import OFFLINE, judge, plan

CONF = vgauth.CONF
SKEW, CONNECTIONS = "[service] clockSkewAdjustment", "[service] maxDataConnectionsPerUser"
LINKS, CERTS = "[service] allowSymlinks", "[service] allowUnrelatedCerts"
TTL, AUDITED, LOGGED = (
    "[ticket] ticketTTL",
    "[auditing] auditSuccessEvents",
    "[service] enableLogging",
)
LIVE = {"services": {"units": {"vgauth.service": {"active": "active"}}}}


@pytest.fixture
def see(tmp_path):
    """``see(text, control, **policy)``: findings by key on a tree with that vgauth.conf."""

    def judged(text, control=vgauth.vgauth_settings, live=False, **params):
        if text is not None:
            write(tmp_path, {CONF: text})
        guest = Guest(str(tmp_path))
        seen = {"conf": conffile.observe(guest, {}), "vgauth": vgauth.observe(guest, {}), **LIVE}
        found = judge(control, seen, {} if live else OFFLINE, **params)
        return {resource.removeprefix(f"{CONF} "): finding for resource, finding in found.items()}

    return judged


@pytest.mark.parametrize(
    "text, drifts",
    [
        (None, []),
        ("", []),
        ("[service]\nallowSymlinks=false\n[auditing]\nauditSuccessEvents = 1\n", []),
        ("[service]\nallowSymlinks=true\n", [LINKS]),
        ("[service]\nallowSymlinks = 1\n", [LINKS]),
        ("[service]\nallowSymlinks=TRUE\n", []),  # no boolean to GLib
        ("[service]\nallowsymlinks=true\n", []),  # another key
        ("[Service]\nallowSymlinks=true\n", []),  # another group
        ("[service]\nallowSymlinks=true\nallowSymlinks=false\n", []),  # the last one counts
        ("[service]\nallowUnrelatedCerts=true\nclockSkewAdjustment=301\n", [CERTS, SKEW]),
        ("[service]\nclockSkewAdjustment=60\n[ticket]\nticketTTL=60\n", []),
        ("[service]\nmaxDataConnectionsPerUser=500\n", [CONNECTIONS]),
        ("[service]\nmaxDataConnectionsPerUser=0\n", []),  # refused: five
        ("[service]\nclockSkewAdjustment=many\n", []),
        ("[ticket]\nticketTTL=86401\n", [TTL]),
        ("[service]\nallowSymlinks=true\nbroken\nallowUnrelatedCerts=true\n", [LINKS]),
        ("broken\n[service]\nallowSymlinks=true\n", []),
    ],
)
def test_settings(see, text, drifts):
    found = see(text)
    assert [key for key, finding in found.items() if finding.verdict == "drift"] == drifts
    assert {str(finding.verdict) for finding in found.values()} <= {"compliant", "drift"}
    assert set(found) >= {LINKS, CERTS, SKEW, CONNECTIONS, TTL}


@pytest.mark.parametrize(
    "text, drifts",
    [
        (None, []),
        ("[service]\nenableLogging=false\n", [LOGGED]),
        ("[auditing]\nauditSuccessEvents=0\n", [AUDITED]),
        ("[service]\nauditSuccessEvents=false\n", []),
    ],
)
def test_audit(see, text, drifts):
    found = see(text, vgauth.vgauth_audit)
    assert set(found) == {LOGGED, AUDITED}
    assert [key for key, finding in found.items() if finding.verdict == "drift"] == drifts


def test_evidence_and_cure(see):
    finding = see("[service]\nallowSymlinks = true\n")[LINKS]
    assert finding.evidence == f"{CONF}:2 allowSymlinks = true"
    assert plan(finding) == [f"edit {CONF} [service] allowSymlinks removed"]


def test_a_running_service_is_restarted(see):
    found = see("[ticket]\nticketTTL=100000\n", live=True, vgauth={"ticket_seconds": 3600})
    assert plan(found[TTL]) == [f"edit {CONF} [ticket] ticketTTL 3600", "restart vgauth.service"]


def test_a_value_that_counts_for_nothing_is_said(see):
    assert "no boolean" in see("[service]\nallowSymlinks=yes\n")[LINKS].comment


def test_a_broken_file_is_mended_only_where_the_policy_lets_it(see):
    text = "[service]\nbroken\nallowSymlinks=true\n[auditing]\n"
    assert see(text)[LINKS].verdict == "compliant", "VGAuthService never comes to that line"
    finding = see(text, rewrite_rejected=True)[LINKS]
    assert plan(finding) == [f"edit {CONF} line 2; [service] allowSymlinks removed"]
    above = "[service]\nallowSymlinks=true\nbroken\n"
    assert not see(above)[LINKS].changes
    assert plan(see(above, rewrite_rejected=True)[LINKS]) == [
        f"edit {CONF} line 3; [service] allowSymlinks removed"
    ]


def test_the_schemas_lie_where_only_root_may_write(see, tmp_path):
    folder = tmp_path / "etc/schemas"
    folder.mkdir(parents=True)
    (tmp_path / "etc").chmod(0o755)
    text = "[service]\nsamlSchemaDir = /etc/schemas\n"
    folder.chmod(0o755)
    assert see(text)["[service] samlSchemaDir"].verdict == "compliant"
    folder.chmod(0o777)
    finding = see(text)["[service] samlSchemaDir"]
    assert finding.verdict == "drift" and "/etc/schemas is owned by" in finding.observed
    assert see("[service]\nsamlSchemaDir=schemas\n")["[service] samlSchemaDir"].verdict == "drift"


@pytest.mark.parametrize(
    "text, folder",
    [
        (None, vgauth.STORE),
        ("[service]\naliasStoreDir = /srv/aliases/ \n", "/srv/aliases"),
        ("[service]\naliasStoreDir=relative\n", vgauth.STORE),
        ("broken\n[service]\naliasStoreDir=/srv/aliases\n", vgauth.STORE),
    ],
)
def test_where_the_aliases_lie(tmp_path, text, folder):
    write(tmp_path, {CONF: text} if text else {})
    assert vgauth.store(Guest(str(tmp_path))) == folder
