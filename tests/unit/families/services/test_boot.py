"""services-unattended-boot, judged on the facts of a live guest."""

from inguestlib import fstab
from inguestlib.families.services import luks
from inguestlib.families.services.boot import unattended_boot

from .judged import judge, plan

TARGET = {"default": "multi-user.target", "at": "default.target of the distribution", "paths": {}}
NO_MOUNTS = {"mounts": [], "volumes": [], "clevis": False}
ENFORCE = {"unattended_boot": {"enforce": True}}


def variable(name, value):
    text = f'{name}="{value}"'
    return {name: {"value": value, "path": "/etc/default/grub", "line": 2, "text": text}}


def menu(timeout=5, words="ro fsck.repair=yes"):
    kernel = {"line": 9, "text": f"linux /vmlinuz {words}", "value": words}
    return {
        "path": "/boot/grub/grub.cfg",
        "timeouts": [{"value": timeout, "line": 1, "text": f"set timeout={timeout}"}],
        "superusers": None,
        "first": {"line": 8, "text": "menuentry x", "unrestricted": False},
        "cmdline": kernel,
    }


def loader(defaults, menu_=None, entries=()):
    seen = {"defaults": defaults, "base": defaults, "menu": menu_ or menu()}
    return {**seen, "entries": list(entries), "unreadable": None}


def facts(loader_, mounts=NO_MOUNTS, target=TARGET):
    return {"loader": loader_, "mounts": mounts, "target": target}


ROOT = {
    **NO_MOUNTS,
    "mounts": fstab.parse_fstab([(1, "UUID=1 / ext4 defaults 0 1")]),
}
GOOD = {**variable("GRUB_TIMEOUT", "5"), **variable("GRUB_CMDLINE_LINUX", "fsck.repair=yes")}


def test_a_guest_that_boots_by_itself():
    found = judge(unattended_boot, facts(loader(GOOD), ROOT))
    assert {f.verdict for f in found.values()} == {"compliant"}
    assert all(f.evidence for f in found.values())


def test_a_live_menu_is_made_anew():
    seen = loader({**GOOD, **variable("GRUB_TIMEOUT", "-1")}, menu(-1))
    finding = judge(unattended_boot, facts(seen, ROOT), **ENFORCE)["grub timeout"]
    assert plan(finding) == ["write /etc/default/grub.d/zz-inguest.cfg", "run update-grub"]


def test_a_menu_older_than_its_defaults_is_only_made_anew():
    seen = loader(GOOD, menu(words="ro"))
    finding = judge(unattended_boot, facts(seen, ROOT), **ENFORCE)["kernel arguments"]
    assert plan(finding) == ["run update-grub"]


def test_red_hat_edits_the_defaults_and_the_entries():
    guest = {"os": {"id": "rhel", "family": "redhat"}}
    options = {"value": "ro", "line": 3, "text": "options ro"}
    entry = {"path": "/boot/loader/entries/a.conf", "cmdline": options, "saved": False}
    defaults = {**GOOD, **variable("GRUB_CMDLINE_LINUX", "ro")}
    made = {**menu(), "cmdline": None, "path": "/boot/grub2/grub.cfg"}
    seen = loader(defaults, made, [{**entry, "unrestricted": True}])
    finding = judge(unattended_boot, facts(seen, ROOT), guest, **ENFORCE)["kernel arguments"]
    assert [c.describe().split()[0] for c in finding.changes] == ["edit", "edit", "run"]
    saved = loader(defaults, seen["menu"], [{**entry, "saved": True, "unrestricted": True}])
    finding = judge(unattended_boot, facts(saved, ROOT), guest, **ENFORCE)["kernel arguments"]
    assert finding.verdict == "drift"
    assert not finding.changes, "grubenv is not ours to write"


def test_a_menu_that_can_not_be_made_anew_is_for_a_person():
    guest = {"os": {"id": "rhel", "family": "redhat"}}
    path = "/boot/efi/EFI/redhat/grub.cfg"
    seen = loader({**GOOD, **variable("GRUB_TIMEOUT", "-1")}, {**menu(-1), "path": path})
    finding = judge(unattended_boot, facts(seen, ROOT), guest, **ENFORCE)["grub timeout"]
    assert finding.verdict == "drift"
    assert not finding.changes


def test_a_live_systemd_reads_fstab_again():
    mounts = fstab.parse_fstab([(3, "UUID=2 /srv ext4 defaults 0 2")])
    seen = facts(loader(GOOD), {**NO_MOUNTS, "mounts": mounts})
    found = judge(unattended_boot, seen, **ENFORCE)
    assert plan(found["/srv"]) == ["edit /etc/fstab line 3", "daemon-reload systemd"]
    found = judge(unattended_boot, seen, {"live": False}, **ENFORCE)
    assert plan(found["/srv"]) == ["edit /etc/fstab line 3"]


def test_fsck_only_matters_where_it_runs():
    xfs = {**NO_MOUNTS, "mounts": fstab.parse_fstab([(1, "UUID=1 / xfs defaults 0 0")])}
    seen = loader(variable("GRUB_TIMEOUT", "5"), menu(words="ro"))
    assert judge(unattended_boot, facts(seen, xfs))["kernel arguments"].verdict == "compliant"
    found = judge(unattended_boot, facts(seen, ROOT), unattended_boot={"fsck_repair": False})
    assert found["kernel arguments"].verdict == "compliant"


def test_what_can_not_be_read_is_not_known():
    seen = {**loader(None), "unreadable": "[Errno 13] Permission denied: '/boot/grub/grub.cfg'"}
    assert judge(unattended_boot, facts(seen))["grub"].verdict == "unknown"


def test_a_guest_without_grub():
    seen = {**loader(None), "menu": None}
    assert judge(unattended_boot, facts(seen))["grub"].verdict == "not_applicable"


def test_a_container_only_has_a_target():
    found = judge(unattended_boot, facts(loader(None)), {"container": "systemd-nspawn"})
    verdicts = {resource: str(f.verdict) for resource, f in found.items()}
    assert verdicts == {"default.target": "compliant", "/etc/fstab": "not_applicable"}


def test_tokens_of_a_volume():
    volume = fstab.parse_crypttab([(1, "data UUID=aa none luks")])[0]
    for tokens, verdict in ((["clevis"], "compliant"), (["systemd-recovery"], "drift")):
        seen = {**NO_MOUNTS, "volumes": [{**volume, "default_key": None, "tokens": tokens}]}
        found = judge(unattended_boot, facts(loader(GOOD), seen))
        assert found["/dev/mapper/data"].verdict == verdict


def test_a_luks2_header_tells_its_tokens_and_nothing_else():
    data = b'{"tokens":{"0":{"type":"systemd-tpm2","tpm2-blob":"AAAA"}},"keyslots":{}}'
    head = luks.MAGIC + (2).to_bytes(2, "big") + (16384).to_bytes(8, "big")
    header = head.ljust(4096, b"\0") + data.ljust(16384 - 4096, b"\0")
    assert luks.tokens(header) == ["systemd-tpm2"]
    assert luks.tokens(b"\0" * 4096) is None
    assert luks.tokens(luks.MAGIC + b"\0\1" + b"\0" * 4096) is None, "LUKS1 has no tokens"


def test_options_are_added_in_place():
    add = fstab.with_options
    assert add("a\t/b  ext4   ro\t0 2 # x", ["nofail"]) == "a\t/b  ext4   ro,nofail\t0 2 # x"
    assert add("a /b ext4", ["nofail"]) == "a /b ext4 defaults,nofail"
    assert add("a /b ext4 x=0", [], ["x=0"]) == "a /b ext4 defaults"


def test_escapes_and_comments_of_fstab():
    lines = [(1, "#a /b c d"), (2, ""), (3, r"LABEL=x /mnt/my\040disk ext4 defaults 0 2")]
    (mount,) = fstab.parse_fstab(lines)
    assert (mount["target"], mount["passno"], mount["line"]) == ("/mnt/my disk", 2, 3)
