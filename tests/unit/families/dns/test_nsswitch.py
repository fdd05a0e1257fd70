import pytest

from inguestlib.families.dns import nsswitch

from .facts import facts_of, one, policy_of

ALLOWED = ("files", "mymachines", "myhostname", "resolve", "dns")


def judged(text, path="/etc/nsswitch.conf", shipped="", authselect=None):
    line = nsswitch.parse(text, path)
    seen = {"path": path, "line": line, "shipped": shipped, "authselect": authselect}
    return one(nsswitch.nsswitch, facts_of(nsswitch=seen), policy_of())


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("files dns", "files dns"),
        ("files mdns4_minimal [NOTFOUND=return] dns", "files dns"),
        ("files resolve [!UNAVAIL=return] dns", "files resolve [!UNAVAIL=return] dns"),
        ("dns files", "files dns"),
        (
            "resolve [!UNAVAIL=return] files [success=return] wins",
            "files [success=return] resolve [!UNAVAIL=return]",
        ),
        ("files myhostname", "files myhostname dns"),
        ("", "files dns"),
        ("files nis [ NOTFOUND=return ] dns", "files dns"),
    ],
)
def test_the_line_that_the_policy_wants(value, wanted):
    assert nsswitch.wanted(value, ALLOWED) == wanted
    assert nsswitch.wanted(wanted, ALLOWED) == wanted


def test_the_line_is_edited_and_its_comment_stays():
    finding = judged("passwd: files\nhosts:  files mdns4 dns # x\n")
    (edit,) = finding.changes[0].edits
    assert (edit.line, edit.new) == (2, "hosts: files dns # x")


def test_a_missing_line_is_added():
    finding = judged("passwd: files\n")
    assert finding.changes[0].edits[0].new == "hosts: files dns"


def test_what_stands_under_usr_is_copied_to_etc():
    text = "passwd: files\nhosts: files mdns_minimal [NOTFOUND=return] dns\n"
    finding = judged(text, "/usr/etc/nsswitch.conf", shipped=text)
    (change,) = finding.changes
    assert change.path == "/etc/nsswitch.conf"
    assert change.content.splitlines()[1:] == ["passwd: files", "hosts: files dns"]


def test_authselects_source_is_mended_as_well():
    source = nsswitch.parse("hosts: files mdns4 dns", nsswitch.AUTHSELECT)
    finding = judged("hosts: files dns", authselect=source)
    assert [c.path for c in finding.changes] == [nsswitch.AUTHSELECT]


def test_no_file_no_judgement():
    seen = {"path": None, "line": None, "shipped": "", "authselect": None}
    assert (
        str(one(nsswitch.nsswitch, facts_of(nsswitch=seen), policy_of()).verdict)
        == "not_applicable"
    )
