"""services-unattended-boot on hand-written trees."""

import json
import shutil
import subprocess

import pytest

from support import need

from .guestbox import Box

CONTROL = "services-unattended-boot"
ENFORCE = {"unattended_boot": {"enforce": True}}
FSTAB = """# <file system> <mount point> <type> <options> <dump> <pass>
UUID=1111-2222 / ext4 errors=remount-ro 0 1
UUID=1111-3333 /boot/efi vfat umask=0077 0 1
UUID=1111-4444\t/srv/data\txfs\tdefaults\t0 2
nas.corp.example:/vol1 /mnt/nas nfs4 rw,hard,nofail 0 0
tmpfs /tmp tmpfs defaults 0 0
/dev/sr0 /media/cdrom0 udf,iso9660 user,noauto 0 0
UUID=1111-5555 none swap sw 0 0
"""
GRUB = 'GRUB_DEFAULT=0\nGRUB_TIMEOUT=-1\nGRUB_CMDLINE_LINUX_DEFAULT="quiet"\n'
GOOD_GRUB = 'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="console=ttyS0 fsck.repair=yes"\n'


def debian(tmp_path, **files):
    paths = {"fstab": "/etc/fstab", "grub": "/etc/default/grub", "crypttab": "/etc/crypttab"}
    files = {"fstab": FSTAB, "grub": GOOD_GRUB, **files}
    return Box(tmp_path, "debian", {paths.get(k, k): v for k, v in files.items() if v is not None})


def test_mounts_are_audited_by_default(tmp_path):
    found = debian(tmp_path).judge(CONTROL)
    data = found["/srv/data"]
    assert data.verdict == "drift"
    assert data.evidence.startswith("/etc/fstab:4 UUID=1111-4444")
    assert not data.changes
    assert "inguest:services:unattended_boot:enforce" in data.comment
    assert found["/mnt/nas"].expected == ["rw", "hard", "nofail", "_netdev"]
    assert found["/boot/efi"].verdict == "compliant", "the guest needs it"
    assert not {"/", "/tmp", "/media/cdrom0", "none"} & set(found)


def test_fstab_is_edited_in_its_lines_alone(tmp_path):
    box = debian(tmp_path)
    box.cure(CONTROL, **ENFORCE)
    expected = FSTAB.replace("\txfs\tdefaults\t", "\txfs\tdefaults,nofail\t")
    expected = expected.replace("rw,hard,nofail", "rw,hard,nofail,_netdev")
    assert box.read("/etc/fstab") == expected


def test_findmnt_accepts_the_cured_fstab(tmp_path):
    if not shutil.which("findmnt"):
        need.unmet("findmnt is not installed")
    box = debian(tmp_path)
    box.cure(CONTROL, **ENFORCE)
    argv = ["findmnt", "--tab-file", str(tmp_path / "etc/fstab"), "--fstab", "-J"]
    mounts = json.loads(subprocess.run(argv, capture_output=True, check=True).stdout)
    options = {m["target"]: m["options"] for m in mounts["filesystems"]}
    assert options["/srv/data"] == "defaults,nofail"
    assert options["/mnt/nas"] == "rw,hard,nofail,_netdev"


@pytest.mark.parametrize(
    "options,verdict",
    [
        ("defaults", "drift"),
        ("defaults,nofail", "compliant"),
        ("defaults,x-systemd.device-timeout=10s", "compliant"),
        ("defaults,x-systemd.device-timeout=0", "drift"),
        ("nofail,x-systemd.device-timeout=0", "compliant"),
        ("x-systemd.automount", "compliant"),
    ],
)
def test_what_keeps_a_mount_from_holding_the_boot(tmp_path, options, verdict):
    box = debian(tmp_path, fstab=f"/dev/sdb1 /srv ext4 {options} 0 0\n")
    assert box.judge(CONTROL)["/srv"].verdict == verdict
    if verdict == "drift":
        box.cure(CONTROL, **ENFORCE)
        assert box.judge(CONTROL)["/srv"].verdict == "compliant"


def test_an_endless_wait_is_taken_from_a_mount_that_the_guest_needs(tmp_path):
    box = debian(tmp_path, fstab="/dev/sdb1 /var ext4 x-systemd.device-timeout=infinity 0 0\n")
    box.cure(CONTROL, **ENFORCE)
    assert box.read("/etc/fstab") == "/dev/sdb1 /var ext4 defaults 0 0\n"


def test_two_mounts_on_one_place(tmp_path):
    box = debian(tmp_path, fstab="/dev/a /srv ext4 nofail 0 0\n/dev/b /srv ext4 ro 0 0\n")
    found = box.judge(CONTROL)
    assert found["/srv"].verdict == "compliant"
    assert found["/srv (line 2)"].verdict == "drift"


def test_a_password_in_fstab_stays_there(tmp_path):
    line = "//nas/share /mnt/share cifs username=u,password=hunter2 0 0\n"
    box = debian(tmp_path, fstab=line)
    finding = box.judge(CONTROL, **ENFORCE)["/mnt/share"]
    assert finding.verdict == "drift"
    assert not finding.changes
    assert "hunter2" not in json.dumps(finding.to_dict())


@pytest.mark.parametrize(
    "line,verdict",
    [
        ("data UUID=aa none luks", "drift"),
        ("data UUID=aa - luks,discard", "drift"),
        ("data UUID=aa", "drift"),
        ("data UUID=aa none luks,keyscript=decrypt_keyctl", "drift"),
        ("data UUID=aa root luks,keyscript=/lib/cryptsetup/scripts/decrypt_derived", "compliant"),
        ("data UUID=aa none luks,tpm2-device=auto", "compliant"),
        ("data UUID=aa - fido2-device=auto", "compliant"),
        ("data UUID=aa none luks,noauto", "compliant"),
        ("swap /dev/sdb2 /dev/urandom swap", "compliant"),
        ("data UUID=aa /root/data.key luks", "compliant"),
        ("keyed UUID=aa none luks", "compliant"),
    ],
)
def test_volumes_that_ask_for_a_passphrase(tmp_path, line, verdict):
    box = debian(tmp_path, crypttab=f"# comment\n{line}\n")
    box.write("/etc/cryptsetup-keys.d/keyed.key", "secret-key-bytes")
    finding = box.judge(CONTROL, **ENFORCE)[f"/dev/mapper/{line.split()[0]}"]
    assert finding.verdict == verdict
    assert finding.evidence == f"/etc/crypttab:2 {line}"
    assert not finding.changes
    assert "secret-key-bytes" not in repr(finding)


def test_clevis_can_not_be_seen_without_the_header(tmp_path):
    box = debian(tmp_path, crypttab="data UUID=aa none luks\n")
    box.write("/usr/bin/clevis", "")
    assert box.judge(CONTROL)["/dev/mapper/data"].verdict == "unknown"


def test_grub_waits_forever_and_fsck_may_ask(tmp_path):
    box = debian(tmp_path, grub=GRUB)
    box.write("/etc/default/grub.d/50-cloud.cfg", "GRUB_RECORDFAIL_TIMEOUT=-1 # odd\n")
    found = box.judge(CONTROL)
    assert "/etc/default/grub:2 GRUB_TIMEOUT=-1" in found["grub timeout"].evidence
    assert "50-cloud.cfg:1 GRUB_RECORDFAIL_TIMEOUT=-1" in found["grub timeout"].evidence
    assert found["kernel arguments"].expected == "fsck.repair=yes"
    box.cure(CONTROL, **ENFORCE)
    assert box.read("/etc/default/grub") == GRUB, "the file of others stays as it is"
    argv = ["sh", "-c", '. "$0"; . "$1"; echo $GRUB_TIMEOUT "[$GRUB_CMDLINE_LINUX]"']
    files = [str(tmp_path / "etc/default" / n) for n in ("grub", "grub.d/zz-inguest.cfg")]
    done = subprocess.run([*argv, *files], capture_output=True, text=True, check=True)
    assert done.stdout == "5 [ fsck.repair=yes]\n"


def test_grub_on_red_hat_with_boot_loader_entries(tmp_path):
    options = "root=/dev/mapper/rhel-root ro crashkernel=1G"
    box = Box(
        tmp_path,
        "redhat",
        {
            "/etc/fstab": "/dev/mapper/rhel-root / ext4 defaults 1 1\n",
            "/etc/default/grub": f'GRUB_TIMEOUT=5\nGRUB_CMDLINE_LINUX="{options}"\n',
            "/boot/loader/entries/a-5.14.conf": f"title RHEL\nlinux /vmlinuz\noptions {options}\n"
            "grub_users $grub_users\ngrub_arg --unrestricted\n",
            "/etc/kernel/cmdline": f"{options}\n",
        },
    )
    box.cure(CONTROL, **ENFORCE)
    assert f'GRUB_CMDLINE_LINUX="{options} fsck.repair=yes"\n' in box.read("/etc/default/grub")
    entry = box.read("/boot/loader/entries/a-5.14.conf")
    assert f"\noptions {options} fsck.repair=yes\n" in entry
    assert box.read("/etc/kernel/cmdline") == f"{options} fsck.repair=yes\n"


MENU = """set timeout=5
set superusers="admin"
password_pbkdf2 admin grub.pbkdf2.sha512.10000.ABCDEF
menuentry 'Debian GNU/Linux' --class debian {extra} $menuentry_id_option 'simple' {{
	linux	/vmlinuz root=UUID=1 ro quiet fsck.repair=yes
}}
menuentry 'recovery' --class debian {{
	linux	/vmlinuz root=UUID=1 ro single
}}
"""


@pytest.mark.parametrize("extra,verdict", [("", "drift"), ("--unrestricted", "compliant")])
def test_grubs_password(tmp_path, extra, verdict):
    box = debian(tmp_path, **{"/boot/grub/grub.cfg": MENU.format(extra=extra)})
    finding = box.judge(CONTROL)["grub password"]
    assert finding.verdict == verdict
    assert "ABCDEF" not in repr(finding)


def test_red_hats_conditional_password_counts_with_its_file(tmp_path):
    menu = (
        "if [ -f ${prefix}/user.cfg ]; then\n  source ${prefix}/user.cfg\n"
        '  if [ -n "${GRUB2_PASSWORD}" ]; then\n    set superusers="root"\n  fi\nfi\n'
    )
    entry = "title x\nlinux /v\noptions ro fsck.repair=yes\n"
    files = {"/boot/grub2/grub.cfg": menu, "/boot/loader/entries/a.conf": entry}
    box = Box(tmp_path, "redhat", files)
    assert box.judge(CONTROL)["grub password"].verdict == "compliant"
    box.write("/boot/grub2/user.cfg", "GRUB2_PASSWORD=grub.pbkdf2.sha512.10000.ABCDEF\n")
    assert box.judge(CONTROL)["grub password"].verdict == "drift"
    box.write("/boot/loader/entries/a.conf", entry + "grub_arg --unrestricted\n")
    assert box.judge(CONTROL)["grub password"].verdict == "compliant"


@pytest.mark.parametrize("word", ["single", "systemd.unit=rescue.target", "init=/bin/bash"])
def test_arguments_that_end_in_a_shell(tmp_path, word):
    box = debian(tmp_path, grub=f'GRUB_CMDLINE_LINUX="fsck.repair=yes {word}"\n')
    assert box.judge(CONTROL)["kernel arguments"].observed == [word]


def test_photons_menu_is_judged_and_left_alone(tmp_path):
    menu = (
        'set timeout=-1\nmenuentry "Photon" {\n  linux /boot/$photon_linux root=$rootpartition\n}\n'
    )
    fstab = "PARTUUID=1 / ext4 defaults 1 1\n"
    box = Box(tmp_path, "photon", {"/boot/grub2/grub.cfg": menu, "/etc/fstab": fstab})
    found = box.judge(CONTROL, **ENFORCE)
    assert found["grub timeout"].verdict == "drift"
    assert found["kernel arguments"].verdict == "drift"
    assert not any(f.changes for f in found.values())


def test_the_default_target(tmp_path):
    box = debian(tmp_path)
    link = tmp_path / "etc/systemd/system/default.target"
    link.unlink()
    link.symlink_to("/usr/lib/systemd/system/rescue.target")
    finding = box.judge(CONTROL)["default.target"]
    assert (finding.verdict, finding.observed) == ("drift", "rescue.target")
    box.cure(CONTROL, **ENFORCE)
    assert box.judge(CONTROL)["default.target"].observed == "multi-user.target"
