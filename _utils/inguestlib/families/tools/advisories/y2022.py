"""Advisories of 2022."""

from inguestlib.families.tools.advisories.rows import (
    BORN_FIXED,
    CHANGELOG,
    PHOTON,
    advisory,
    usn,
    vmsa,
)

ADVISORIES = (
    advisory(
        "CVE-2022-31676",
        published="2022-08-23",
        summary="local users become root through guest operations",
        cvss="AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H",
        rows=(
            ("Debian:11", "2:11.2.5-2+deb11u1", CHANGELOG),
            ("Debian:12", BORN_FIXED, CHANGELOG),
            ("Debian:13", BORN_FIXED, CHANGELOG),
            ("Debian:unstable", "2:12.1.0-1", CHANGELOG),
            ("Ubuntu:Pro:16.04:LTS", "2:10.2.0-3~ubuntu0.16.04.1+esm1", "USN-5578-2"),
            ("Ubuntu:18.04:LTS", "2:11.0.5-4ubuntu0.18.04.2", "USN-5578-1"),
            ("Ubuntu:20.04:LTS", "2:11.3.0-2ubuntu0~ubuntu20.04.3", "USN-5578-1"),
            ("Ubuntu:22.04:LTS", "2:11.3.5-1ubuntu4.1", "USN-5578-1"),
            ("AlmaLinux:8", "11.3.5-1.el8_6.1", "ALSA-2022:6357"),
            ("AlmaLinux:9", "11.3.5-1.el9_0.1", "ALSA-2022:6358"),
            (
                "SUSE:Linux Enterprise Server 15 SP2",
                "11.3.5-150200.5.16.11.1",
                "SUSE-SU-2022:2985-1",
            ),
            ("openSUSE:Leap Micro 5.2", "12.1.0-150300.19.1", "SUSE-SU-2022:2936-2"),
            ("Photon OS:3.0", "12.0.5-2", PHOTON),
            ("Photon OS:4.0", "12.0.5-2", PHOTON),
            ("Photon OS:5.0", "12.0.5-2", PHOTON),
        ),
        inguest={
            "vmsa": "VMSA-2022-0024",
            "upstream": [{"introduced": "10.3.0"}, {"fixed": "12.1.0"}],
        },
        references=(vmsa("2022-0024"), usn("5578-1"), usn("5578-2")),
    ),
)
