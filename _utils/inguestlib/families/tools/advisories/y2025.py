"""Advisories of 2025."""

from inguestlib.families.tools.advisories.rows import CHANGELOG, PHOTON, advisory, usn

_BROADCOM = (
    "https://support.broadcom.com/web/ecx/support-content-notification/-/external/content"
    "/SecurityAdvisories/0/"
)

ADVISORIES = (
    advisory(
        "CVE-2025-22247",
        published="2025-05-12",
        summary="VGAuth handles files insecurely: local users tamper with them",
        cvss="AV:L/AC:L/PR:L/UI:N/S:U/C:L/I:H/A:N",
        rows=(
            ("Debian:11", "2:11.2.5-2+deb11u4", CHANGELOG),
            ("Debian:12", "2:12.2.0-1+deb12u3", CHANGELOG),
            ("Debian:13", "2:12.5.0-2", CHANGELOG),
            ("Debian:unstable", "2:12.5.0-2", CHANGELOG),
            ("Ubuntu:Pro:16.04:LTS", "2:10.2.0-3~ubuntu0.16.04.1+esm5", "USN-7508-2"),
            ("Ubuntu:Pro:18.04:LTS", "2:11.0.5-4ubuntu0.18.04.3+esm4", "USN-7508-2"),
            ("Ubuntu:20.04:LTS", "2:11.3.0-2ubuntu0~ubuntu20.04.8", "USN-7508-1"),
            ("Ubuntu:22.04:LTS", "2:12.3.5-3~ubuntu0.22.04.2", "USN-7508-1"),
            ("Ubuntu:24.04:LTS", "2:12.4.5-1~ubuntu0.24.04.2", "USN-7508-1"),
            ("Ubuntu:25.04", "2:12.5.0-1ubuntu0.1", "USN-7508-1"),
            ("AlmaLinux:8", "12.3.5-2.el8.alma.1", "ALSA-2025:A001"),
            ("AlmaLinux:9", "12.5.0-1.el9.alma.1", "ALSA-2025:A002"),
            ("AlmaLinux:10", "12.5.0-1.el10.alma.1", "ALSA-2025:A003"),
            ("Photon OS:4.0", "12.5.0-2", PHOTON),
            ("Photon OS:5.0", "12.5.0-2", "PHSA-2025-5.0-91-0523"),
        ),
        inguest={
            "vmsa": "VMSA-2025-0007",
            "upstream": [{"introduced": "11.0.0"}, {"fixed": "12.5.2"}],
            "component": {"file": "VGAuthService"},
            "fingerprint": {"string": "allowSymlinks", "measured": ["Debian"]},
            "disabled_by": [{"group": "guestoperations", "key": "disabled"}],
        },
        references=(f"{_BROADCOM}25683", usn("7508-1"), usn("7508-2")),
    ),
    advisory(
        "CVE-2025-41244",
        published="2025-09-29",
        summary="local users become root through service discovery (SDMP)",
        cvss="AV:L/AC:L/PR:L/UI:N/S:U/C:H/I:H/A:H",
        rows=(
            ("Debian:11", "2:11.2.5-2+deb11u5", CHANGELOG),
            # by the point release, in the main suite: the security suite alone lacks it
            ("Debian:12", "2:12.2.0-1+deb12u4", CHANGELOG),
            ("Debian:13", "2:12.5.0-2+deb13u1", CHANGELOG),
            ("Debian:unstable", "2:13.0.5-1", CHANGELOG),
            ("Ubuntu:Pro:20.04:LTS", "2:11.3.0-2ubuntu0~ubuntu20.04.8+esm1", "USN-7785-1"),
            ("Ubuntu:22.04:LTS", "2:12.3.5-3~ubuntu0.22.04.3", "USN-7785-1"),
            ("Ubuntu:24.04:LTS", "2:12.5.0-1~ubuntu0.24.04.2", "USN-7785-1"),
            ("Ubuntu:25.04", "2:12.5.0-1ubuntu0.2", "USN-7785-1"),
            ("AlmaLinux:8", "12.3.5-2.el8_10.1", "ALSA-2025:17509"),
            ("AlmaLinux:9", "12.5.0-1.el9_6.2", "ALSA-2025:17428"),
            ("AlmaLinux:10", "12.5.0-1.el10_0.1", "ALSA-2025:17429"),
            ("SUSE:Linux Enterprise Server 12 SP5", "13.0.0-4.89.1", "SUSE-SU-2025:03436-1"),
            ("SUSE:Linux Enterprise Server 16.0", "13.0.5-160000.1.1", "SUSE-SU-2026:20100-1"),
            ("Photon OS:5.0", "13.0.0-2", "PHSA-2025-5.0-92-0631"),
        ),
        inguest={
            "vmsa": "VMSA-2025-0015",
            "exploited": True,
            "upstream": [
                {"introduced": "11.2.0"},
                {"fixed": "12.5.4"},
                {"introduced": "13.0.0"},
                {"fixed": "13.0.5"},
            ],
            "component": {"file": "libserviceDiscovery.so", "package": "open-vm-tools-sdmp"},
            "fingerprint": {"string": "version-check-enabled", "measured": ["Debian"]},
            "disabled_by": [{"group": "servicediscovery", "key": "disabled"}],
            "reopened_by": [{"group": "servicediscovery", "key": "version-check-enabled"}],
        },
        references=(f"{_BROADCOM}36149", usn("7785-1")),
    ),
)
