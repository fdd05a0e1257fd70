"""Advisories of 2023."""

from inguestlib.families.tools.advisories.rows import (
    BORN_FIXED,
    CHANGELOG,
    PHOTON,
    advisory,
    usn,
    vmsa,
)

_GUEST_OPERATIONS = [{"group": "guestoperations", "key": "disabled"}]

# One update of October 2023 fixed two: the rows are the same.
_OCTOBER = (
    ("Debian:11", "2:11.2.5-2+deb11u3", CHANGELOG),
    ("Debian:12", "2:12.2.0-1+deb12u2", CHANGELOG),
    ("Debian:13", BORN_FIXED, CHANGELOG),
    ("Debian:unstable", "2:12.3.5-1", CHANGELOG),
    ("Ubuntu:Pro:16.04:LTS", "2:10.2.0-3~ubuntu0.16.04.1+esm4", "USN-6463-2"),
    ("Ubuntu:Pro:18.04:LTS", "2:11.0.5-4ubuntu0.18.04.3+esm3", "USN-6463-2"),
    ("Ubuntu:20.04:LTS", "2:11.3.0-2ubuntu0~ubuntu20.04.7", "USN-6463-1"),
    ("Ubuntu:22.04:LTS", "2:12.1.5-3~ubuntu0.22.04.4", "USN-6463-1"),
    # The series was released with it; earlier numbers are of its development.
    ("Ubuntu:24.04:LTS", BORN_FIXED, "USN-6463-1"),
    ("AlmaLinux:8", "12.2.5-3.el8_9.1", "ALSA-2023:7265"),
    ("AlmaLinux:9", "12.2.5-3.el9_3.2", "ALSA-2023:7277"),
    ("Photon OS:3.0", "12.2.0-4", PHOTON),
    ("Photon OS:4.0", "12.3.0-2", PHOTON),
    ("Photon OS:5.0", "12.3.0-2", PHOTON),
)

ADVISORIES = (
    advisory(
        "CVE-2023-20867",
        published="2023-06-13",
        summary="a compromised ESX host gets round the authentication of guest operations",
        cvss="AV:L/AC:H/PR:H/UI:N/S:C/C:L/I:L/A:N",
        rows=(
            ("Debian:11", "2:11.2.5-2+deb11u2", CHANGELOG),
            ("Debian:12", "2:12.2.0-1+deb12u1", CHANGELOG),
            ("Debian:13", BORN_FIXED, CHANGELOG),
            ("Debian:unstable", "2:12.2.5-1", CHANGELOG),
            ("Ubuntu:Pro:16.04:LTS", "2:10.2.0-3~ubuntu0.16.04.1+esm2", "USN-6257-1"),
            ("Ubuntu:Pro:18.04:LTS", "2:11.0.5-4ubuntu0.18.04.3+esm1", "USN-6257-1"),
            ("Ubuntu:20.04:LTS", "2:11.3.0-2ubuntu0~ubuntu20.04.5", "USN-6257-1"),
            ("Ubuntu:22.04:LTS", "2:12.1.5-3~ubuntu0.22.04.2", "USN-6257-1"),
            ("AlmaLinux:8", "12.1.5-2.el8_8", "ALSA-2023:3949"),
            ("AlmaLinux:9", "12.1.5-1.el9_2.1", "ALSA-2023:3948"),
            ("SUSE:Linux Enterprise Server 12 SP5", "12.2.0-4.53.1", "SUSE-SU-2023:2530-1"),
            ("Photon OS:3.0", "12.2.0-2", PHOTON),
            ("Photon OS:4.0", "12.2.0-2", PHOTON),
            ("Photon OS:5.0", "12.2.0-3", PHOTON),
        ),
        inguest={
            "vmsa": "VMSA-2023-0013",
            "exploited": True,
            "upstream": [{"introduced": "10.3.0"}, {"fixed": "12.2.5"}],
            "component": {"file": "libvix.so"},
            "disabled_by": _GUEST_OPERATIONS,
        },
        references=(vmsa("2023-0013"), usn("6257-1")),
    ),
    advisory(
        "CVE-2023-20900",
        published="2023-08-31",
        summary="the signature of a SAML token can be got round in VGAuth",
        cvss="AV:A/AC:H/PR:N/UI:N/S:U/C:H/I:H/A:H",
        rows=(
            ("Debian:11", "2:11.2.5-2+deb11u2", CHANGELOG),
            ("Debian:12", "2:12.2.0-1+deb12u1", CHANGELOG),
            ("Debian:13", BORN_FIXED, CHANGELOG),
            ("Debian:unstable", "2:12.3.0-1", CHANGELOG),
            ("Ubuntu:Pro:16.04:LTS", "2:10.2.0-3~ubuntu0.16.04.1+esm3", "USN-6365-2"),
            ("Ubuntu:Pro:18.04:LTS", "2:11.0.5-4ubuntu0.18.04.3+esm2", "USN-6365-2"),
            ("Ubuntu:20.04:LTS", "2:11.3.0-2ubuntu0~ubuntu20.04.6", "USN-6365-1"),
            ("Ubuntu:22.04:LTS", "2:12.1.5-3~ubuntu0.22.04.3", "USN-6365-1"),
            ("AlmaLinux:8", "12.1.5-2.el8_8.3", "ALSA-2023:5312"),
            ("AlmaLinux:9", "12.1.5-1.el9_2.3", "ALSA-2023:5313"),
            ("SUSE:Linux Enterprise Server 12 SP5", "12.3.0-4.59.1", "SUSE-SU-2023:3795-1"),
            ("openSUSE:Leap 15.4", "12.3.0-150300.37.1", "SUSE-SU-2023:3835-1"),
            ("openSUSE:Leap 15.5", "12.3.0-150300.37.1", "SUSE-SU-2023:3835-1"),
            ("Photon OS:3.0", "12.2.0-3", PHOTON),
            ("Photon OS:4.0", "12.2.5-2", PHOTON),
            ("Photon OS:5.0", "12.2.5-2", PHOTON),
        ),
        inguest={
            "vmsa": "VMSA-2023-0019",
            "upstream": [{"introduced": "10.3.0"}, {"fixed": "12.3.0"}],
            "component": {"file": "VGAuthService"},
            "disabled_by": _GUEST_OPERATIONS,
        },
        references=(vmsa("2023-0019"), usn("6365-1"), usn("6365-2")),
    ),
    advisory(
        "CVE-2023-34058",
        published="2023-10-26",
        summary="the signature of a SAML token can be got round in VGAuth",
        cvss="AV:A/AC:H/PR:L/UI:N/S:U/C:H/I:H/A:H",
        rows=_OCTOBER,
        inguest={
            "vmsa": "VMSA-2023-0024",
            "upstream": [{"introduced": "11.0.0"}, {"fixed": "12.3.5"}],
            "component": {"file": "VGAuthService"},
            "fingerprint": {"string": "allowUnrelatedCerts", "measured": ["Debian"]},
            "disabled_by": _GUEST_OPERATIONS,
        },
        references=(vmsa("2023-0024"), usn("6463-1"), usn("6463-2")),
    ),
    advisory(
        "CVE-2023-34059",
        published="2023-10-26",
        summary="vmware-user-suid-wrapper lets go of the descriptor of /dev/uinput",
        cvss="AV:L/AC:H/PR:L/UI:N/S:U/C:H/I:H/A:H",
        rows=_OCTOBER,
        inguest={
            "upstream": [{"introduced": "11.0.0"}, {"fixed": "12.3.5"}],
            "component": {"file": "vmware-user-suid-wrapper", "package": "open-vm-tools-desktop"},
        },
        references=(usn("6463-1"), usn("6463-2")),
    ),
)
