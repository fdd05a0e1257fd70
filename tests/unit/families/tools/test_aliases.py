"""tools-vgauth-aliases: the files that VGAuthService writes, and the judgement of their entries."""

import base64
import hashlib

import pytest

from inguestlib.families.tools import aliasstore
from inguestlib.families.tools.aliases import vgauth_aliases

from .judged import judge, plan

DER = b"a certificate"
PRINT = hashlib.sha256(DER).hexdigest()
PEM = base64.b64encode(DER).decode()
STORE = "/var/lib/vmware/VGAuth/aliasStore"

ALIAS = f"""<?xml version="1.0" encoding="UTF-8" ?>
<userAliases>
<alias>
   <pemCertificate>{PEM}</pemCertificate>
   <aliasInfos>
      <aliasInfo>
         <subject>backup&amp;restore</subject>
         <comment>nightly</comment>
      </aliasInfo>
      <aliasInfo>
         <anySubject/>
         <comment></comment>
      </aliasInfo>
   </aliasInfos>
</alias>
</userAliases>
"""
MAPPING = f"""<?xml version="1.0" encoding="UTF-8" ?>
<mappings>
  <mapping>
    <pemCertificate>-----BEGIN CERTIFICATE-----
{PEM}
-----END CERTIFICATE-----
</pemCertificate>
    <userName>root</userName>
    <subjects>
      <subject>backup</subject>
    </subjects>
  </mapping>
</mappings>
"""


def test_a_users_file():
    [entry] = aliasstore.parse(ALIAS.encode(), "root")
    assert (entry["user"], entry["certificate"]) == ("root", PRINT)
    assert [s["name"] for s in entry["subjects"]] == ["backup&restore", None]
    assert (entry["first"], entry["last"], entry["own"]) == (3, 15, True)
    assert [(s["first"], s["last"], s["own"]) for s in entry["subjects"]] == [
        (6, 9, True),
        (10, 13, True),
    ]


def test_a_mapping_names_its_user_and_its_certificate_may_have_its_lines():
    [entry] = aliasstore.parse(MAPPING.encode())
    assert (entry["user"], entry["certificate"]) == ("root", PRINT)
    assert entry["subjects"] == [{"name": "backup", "first": 10, "last": 10, "own": True}]


def test_what_shares_lines_does_not_own_them():
    [entry] = aliasstore.parse(ALIAS.replace("\n", "").encode(), "root")
    assert not entry["own"]


@pytest.mark.parametrize(
    "text, line",
    [
        ("<userAliases>\n<alias>", 2),
        ("<html/>", 1),
        ("", 1),
        ('<!DOCTYPE x [<!ENTITY e "a">]>\n<userAliases/>', 1),
        ('<!DOCTYPE x SYSTEM "file:///etc/passwd">\n<userAliases/>', 1),
    ],
)
def test_what_is_no_alias_store(text, line):
    with pytest.raises(aliasstore.Malformed) as caught:
        aliasstore.parse(text.encode(), "root")
    assert caught.value.line == line


def test_what_is_too_large_for_the_service_is_not_read():
    with pytest.raises(aliasstore.Malformed):
        aliasstore.parse(b" " * (aliasstore.LIMIT + 1), "root")


@pytest.mark.parametrize(
    "name, user",
    [
        ("user-root.xml", "root"),
        ("user-.xml", None),
        ("user-root.xml.bad", None),
        ("mapping.xml", None),
        ("rootXXXXXX", None),
    ],
)
def test_names_of_files(name, user):
    assert aliasstore.user_of(name) == user


@pytest.mark.parametrize("text", ["", "no base64!", "-----BEGIN CERTIFICATE-----"])
def test_no_certificate_no_fingerprint(text):
    assert aliasstore.fingerprint(text) == ""


def facts(*files, problems=(), found=True):
    entries = []
    for path, text, user in files:
        lines = list(enumerate(text.splitlines(), 1))
        for entry in aliasstore.parse(text.encode(), user):
            numbered = lines[entry["first"] - 1 : entry["last"]]
            entries.append({**entry, "path": f"{STORE}/{path}", "lines": numbered})
    store = {"folder": STORE, "found": found, "problems": list(problems), "entries": entries}
    return {"vgauth_aliases": store}


USER = ("user-root.xml", ALIAS, "root")
RESOURCE = f"{STORE}/user-root.xml root sha256:{PRINT}"


def one(seen, **allowed):
    return judge(vgauth_aliases, seen, vgauth_aliases=allowed)


@pytest.mark.parametrize("found", [True, False])
def test_no_alias_at_all(found):
    [(resource, finding)] = one(facts(found=found)).items()
    assert (resource, finding.verdict) == (STORE, "compliant")


@pytest.mark.parametrize(
    "allowed, verdict",
    [
        ([], "drift"),
        ([PRINT], "compliant"),
        ([f"SHA256:{PRINT.upper()}"], "compliant"),
        ([":".join(PRINT[i : i + 2] for i in range(0, 64, 2))], "compliant"),
        (["0" * 64], "drift"),
        ([{"certificate": PRINT, "user": "root"}], "compliant"),
        ([{"certificate": PRINT, "user": "web"}], "drift"),
        ([{"certificate": PRINT, "subject": "backup&restore"}], "drift"),  # the other one is any
    ],
)
def test_allowed_by_fingerprint(allowed, verdict):
    finding = one(facts(USER), allowed=allowed)[RESOURCE]
    assert finding.verdict == verdict
    assert finding.evidence.startswith(f"{STORE}/user-root.xml:3 root: backup&restore, any subject")
    assert not finding.changes, "nothing goes unless the policy says so"


def test_the_whole_entry_goes():
    finding = one(facts(USER), remove=True)[RESOURCE]
    lines = ", ".join(str(n) for n in range(3, 16))
    assert plan(finding) == [f"edit {STORE}/user-root.xml line {lines}"]


def test_one_subject_goes_where_another_is_allowed():
    allowed = [{"certificate": PRINT, "subject": "backup&restore"}]
    finding = one(facts(USER), allowed=allowed, remove=True)[RESOURCE]
    assert plan(finding) == [f"edit {STORE}/user-root.xml line 10, 11, 12, 13"]


def test_what_shares_lines_is_removed_by_hand():
    packed = ("user-root.xml", ALIAS.replace("\n", ""), "root")
    finding = one(facts(packed), remove=True)[RESOURCE]
    assert not finding.changes and "vmware-vgauth-cmd" in finding.comment


def test_files_that_others_could_write_and_files_that_say_nothing():
    at = {"path": f"{STORE}/mapping.xml", "line": 0}
    open_ = {**at, "text": "mode 0666 lets others in", "unread": False}
    broken = {**at, "path": f"{STORE}/user-x.xml", "text": "not XML", "unread": True}
    found = one(facts(problems=[open_, broken]))
    assert {r.rpartition("/")[2]: str(f.verdict) for r, f in found.items()} == {
        "mapping.xml": "drift",
        "user-x.xml": "unknown",
    }
