"""Added trust anchors in the layouts of the four distributions, as files have them."""

import pytest

from inguestlib import audit, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest
from support.cases import write
from support.certificates import authority

OWN, CORP, ROGUE = (authority(name) for name in ("A Public Root", "Corp Inspection", "Rogue"))
P11 = '[p11-kit-object-v1]\nlabel: "A Public Root"\n' + OWN.pem

DEBIAN = {
    "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
    "/etc/ca-certificates.conf": "# made by the package\nmozilla/Own.crt\n!mozilla/Gone.crt\n",
    "/usr/share/ca-certificates/mozilla/Own.crt": OWN.pem,
    "/usr/sbin/update-ca-certificates": "",
    "/etc/ssl/certs/Own.pem": ("->", "/usr/share/ca-certificates/mozilla/Own.crt"),
    "/etc/ssl/certs/ca-certificates.crt": OWN.pem,
}
REDHAT = {
    "/etc/os-release": 'ID="rhel"\nVERSION_ID="9.4"\n',
    "/usr/share/pki/ca-trust-source/ca-bundle.trust.p11-kit": P11,
    "/usr/bin/update-ca-trust": "",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem": f"# A Public Root\n{OWN.pem}",
}
SUSE = {
    "/etc/os-release": "ID=sles\nVERSION_ID=15.6\n",
    "/usr/share/pki/trust/ca-bundle.trust.p11-kit": P11,
    "/usr/sbin/update-ca-certificates": "",
    "/var/lib/ca-certificates/ca-bundle.pem": OWN.pem,
}
PHOTON = {
    "/etc/os-release": "ID=photon\nVERSION_ID=5.0\n",
    "/etc/ssl/certs/0123abcd.pem": OWN.pem,
    "/usr/bin/rehash_ca_certificates.sh": "",
    "/etc/pki/tls/certs/ca-bundle.crt": OWN.pem,
}
LAYOUTS = {
    "debian": (DEBIAN, "/usr/local/share/ca-certificates/{}.crt"),
    "redhat": (REDHAT, "/etc/pki/ca-trust/source/anchors/{}.pem"),
    "suse": (SUSE, "/etc/pki/trust/anchors/{}.pem"),
    "photon": (PHOTON, "/etc/ssl/certs/{}.pem"),
}
BUNDLES = {name: list(files)[-1] for name, (files, _place) in LAYOUTS.items()}
WANTED = {"certificates": {"corp": {"pem": CORP.pem}}}


@pytest.fixture
def judged(tmp_path_factory):
    """``judged(files, **ca)``: ``{resource: finding}`` of the control on a tree of these files."""

    def judge(files, der=None, **ca):
        root = tmp_path_factory.mktemp("root")
        write(root, files)
        if der:
            (root / der[0][1:]).write_bytes(der[1])
        pillar = {"proxy": {"mode": "enforce", "ca": ca}}
        loaded = policy.load(pillar, families=all_families(), needed=["proxy"])
        report = audit.audit(Guest(root), loaded, ["proxy"], ["proxy-ca-trust"])
        return {f["resource"]: f for f in report["findings"]}

    return judge


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_distributions_own_set_adds_nothing(judged, layout):
    files, _place = LAYOUTS[layout]
    (only,) = judged(files).values()
    assert only["verdict"] == "compliant", only
    assert only["resource"] == "added anchors"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_missing_authority_is_put_where_the_tool_takes_it(judged, layout):
    files, place = LAYOUTS[layout]
    found = judged(files, **WANTED)
    (change,) = found["anchor corp"]["changes"]
    assert change["path"] == place.format("inguest-corp")
    assert change["content"] == CORP.pem
    bundle = found[f"{BUNDLES[layout]} corp"]
    assert bundle["verdict"] == "drift" and not bundle["changes"], "an offline root runs no tool"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_authority_in_its_place_and_in_the_bundle_is_trusted(judged, layout):
    files, place = LAYOUTS[layout]
    bundle = BUNDLES[layout]
    there = {place.format("other-name"): CORP.pem, bundle: files[bundle] + CORP.pem}
    found = judged({**files, **there}, **WANTED)
    assert {f["verdict"] for f in found.values()} == {"compliant"}, found


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_stranger_is_drift_and_goes_only_when_the_policy_says_so(judged, layout):
    files, place = LAYOUTS[layout]
    path = place.format("rogue")
    files = {**files, path: ROGUE.pem}
    resource = f"{path} {ROGUE.fingerprint[:16]}"
    found = judged(files, allowed=[CORP.fingerprint])[resource]
    assert found["verdict"] == "drift" and not found["changes"]
    found = judged(files, allowed=[CORP.fingerprint], remove_unexpected=True)[resource]
    assert found["changes"] == [{"kind": "file", "path": path, "absent": True}]
    found = judged(files)[resource]
    assert found["verdict"] == "unknown" and "inguest:proxy:ca:allowed" in found["comment"]
    colons = ":".join(ROGUE.fingerprint.upper()[i : i + 2] for i in range(0, 64, 2))
    assert resource not in judged(files, allowed=[colons])


@pytest.mark.parametrize("layout", LAYOUTS)
def test_what_only_the_bundle_holds_is_found(judged, layout):
    files, _place = LAYOUTS[layout]
    bundle = BUNDLES[layout]
    found = judged({**files, bundle: files[bundle] + ROGUE.pem}, allowed=[CORP.fingerprint])
    assert found[f"{bundle} {ROGUE.fingerprint[:16]}"]["verdict"] == "drift"


def test_a_selected_anchor_beside_mozillas_is_an_added_one(judged):
    conf = DEBIAN["/etc/ca-certificates.conf"] + "local/rogue.crt\n"
    path = "/usr/share/ca-certificates/local/rogue.crt"
    files = {**DEBIAN, "/etc/ca-certificates.conf": conf, path: ROGUE.pem}
    found = judged(files, allowed=[CORP.fingerprint], remove_unexpected=True)
    (change,) = found[f"{path} {ROGUE.fingerprint[:16]}"]["changes"]
    assert change["path"] == "/etc/ca-certificates.conf"
    assert change["edits"] == [{"line": 4, "old": "local/rogue.crt", "new": "!local/rogue.crt"}]


def test_a_file_that_openssl_finds_by_its_hash_is_an_anchor_and_a_servers_is_not(judged):
    place = "/etc/ssl/certs/loose.pem"
    files = {**DEBIAN, place: ROGUE.pem, "/etc/ssl/certs/server.pem": CORP.pem}
    assert list(judged(files)) == ["added anchors"]
    files["/etc/ssl/certs/aabbccdd.0"] = ("->", "loose.pem")
    assert f"{place} {ROGUE.fingerprint[:16]}" in judged(files)


def test_an_expired_authority_is_drift_that_a_person_mends(judged):
    old = authority("Old", days=-1)
    files = {**DEBIAN, "/usr/local/share/ca-certificates/old.crt": old.pem}
    found = judged(files, certificates={"corp": {"pem": old.pem}})["anchor corp"]
    assert found["verdict"] == "drift" and not found["changes"]
    assert "expired" in found["comment"]


def test_a_file_with_another_certificate_than_the_policy_names_is_not_installed(judged):
    files = {**DEBIAN, "/srv/ca.pem": ROGUE.pem}
    given = {"file": "/srv/ca.pem", "fingerprint": CORP.fingerprint}
    found = judged(files, certificates={"corp": given})["anchor corp"]
    assert found["verdict"] == "drift" and not found["changes"]
    assert ROGUE.fingerprint in found["observed"]


def test_der_and_several_in_one_file(judged):
    path = "/etc/pki/ca-trust/source/anchors/two.pem"
    files = {**REDHAT, path: CORP.pem + ROGUE.pem}
    found = judged(files, allowed=[CORP.fingerprint], remove_unexpected=True)
    stranger = found[f"{path} {ROGUE.fingerprint[:16]}"]
    assert stranger["verdict"] == "drift" and not stranger["changes"], "it would take CORP along"
    found = judged(files, der=(path, ROGUE.der), allowed=[CORP.fingerprint])
    assert f"{path} {ROGUE.fingerprint[:16]}" in found


@pytest.mark.parametrize("wrong", ["no certificate", CORP.pem + ROGUE.pem, "", 7])
def test_the_policy_takes_one_certificate(judged, wrong):
    with pytest.raises(policy.PolicyInvalid, match="inguest:proxy:ca:certificates:corp:pem"):
        judged(DEBIAN, certificates={"corp": {"pem": wrong}})
