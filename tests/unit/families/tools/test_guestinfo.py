"""tools-guestinfo-no-secrets: what is found in a variable is named, and never told."""

import base64
import gzip
import json

import pytest

from inguestlib.command import Answer
from inguestlib.families.tools import guestinfo, secretscan

from .judged import judge

PEM = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk\n"
CLOUD = "#cloud-config\nusers:\n- name: ada\n  plain_text_passwd: Tr0ub4dor\n"


def packed(text):
    return base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    "text, kinds",
    [
        (PEM, ["private key"]),
        (CLOUD, ["password"]),
        ("hashed_passwd: $6$rounds=4096$abcdefgh$ijklmnop", ["password", "password hash"]),
        ("chpasswd:\n  expire: false\n  list: |\n    root:hunter22\n", ["password"]),
        (
            "chpasswd:\n  users:\n  - name: ada\n    password: hunter22\n    type: text\n",
            ["password"],
        ),
        ('{"admin_password": "hunter22"}', ["password"]),
        ("DB_PASSWORD=hunter22", ["password"]),
        ("api_key: 0123456789abcdef", ["token"]),
        ("AWS: AKIAIOSFODNN7EXAMPLE", ["token"]),
        ("git: ghp_abcdefghijklmnopqrstuvwxyz0123", ["token"]),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.sig", ["token"]),
        ("repo: https://ada:hunter22@git.corp.example/x", ["credentials in a URL"]),
        ('<Property oe:key="admin-password" oe:value="x"/>', ["password property"]),
        (f"content: {packed(PEM)}", ["private key"]),
        (f"content: {packed('x: ' + packed(CLOUD))}", ["password"]),
        ("gz: " + base64.b64encode(gzip.compress(CLOUD.encode())).decode(), ["password"]),
    ],
)
def test_what_looks_like_a_secret(text, kinds):
    assert secretscan.kinds(text) == kinds


@pytest.mark.parametrize(
    "text",
    [
        "",
        "---",
        "#cloud-config\nssh_pwauth: true\nusers:\n- name: ada\n  lock_passwd: true\n",
        "chpasswd: {expire: false}\n",
        "chpasswd:\n  list:\n  - root:RANDOM\n",
        "password: ''\n",
        "password:\n",
        "password: {{ vault }}\n",
        "admin_password: null\n",
        "local-hostname: web1\ninstance-id: 1\n",
        "- ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl ada",
        "url: https://mirror.corp.example:8443/x@y",
        "key: " + "A" * 64,
        '<Property oe:key="hostname" oe:value="web1"/>',
        '<Property oe:key="password" oe:value=""/>',
    ],
)
def test_what_does_not(text):
    assert secretscan.kinds(text) == []


class Host:
    """Answers ``info-get`` as vmware-rpctool does."""

    live, container, hypervisor = True, "", "vmware"

    def __init__(self, values):
        self.values = values

    def ask(self, argv, timeout):
        key = argv[1].removeprefix("info-get ")
        value = self.values.get(key)
        if value is None:
            return Answer(argv, 1, "", "No value found\n")
        return value if isinstance(value, Answer) else Answer(argv, 0, value + "\n", "")


def observed(values, *keys):
    return guestinfo.observe(Host(values), {"guestinfo_keys": list(keys)})


def found(values, *keys):
    return judge(guestinfo.guestinfo_no_secrets, {"guestinfo": observed(values, *keys)})


def test_a_secret_is_found_and_stays_where_it_is():
    values = {"guestinfo.userdata": packed(CLOUD), "guestinfo.own": "token: 0123456789"}
    seen = observed(values, "guestinfo.own")
    finding = found(values, "guestinfo.own")["guestinfo.userdata"]
    assert (finding.verdict, finding.observed) == ("drift", ["password"])
    assert found(values, "guestinfo.own")["guestinfo.own"].observed == ["token"]
    for text in (json.dumps(seen), json.dumps(finding.to_dict())):
        assert "Tr0ub4dor" not in text and packed(CLOUD) not in text


def test_base64_with_line_breaks():
    text = base64.encodebytes((CLOUD * 3).encode()).decode()
    assert found({"guestinfo.userdata": text})["guestinfo.userdata"].observed == ["password"]


@pytest.mark.parametrize(
    "value, verdict, state",
    [
        (None, "compliant", "absent"),
        ("---", "compliant", "redacted"),
        ("local-hostname: web1", "compliant", "present"),
        (Answer((), 1, "", "NULL\n"), "unknown", "silent"),
        (Answer((), 255, "", "Error: must be run inside a virtual machine\n"), "unknown", "silent"),
    ],
)
def test_answers(value, verdict, state):
    values = {"guestinfo.metadata": value}
    assert observed(values)["guestinfo.metadata"]["state"] == state
    finding = found(values)["guestinfo.metadata"]
    assert finding.verdict == verdict
    assert "info-get guestinfo.metadata" in finding.evidence


def test_nobody_is_asked_elsewhere():
    host = Host({})
    host.hypervisor = "other"
    seen = {"guestinfo": guestinfo.observe(host, {"guestinfo_keys": []})}
    assert {one["state"] for one in seen["guestinfo"].values()} == {"silent"}
    [finding] = judge(guestinfo.guestinfo_no_secrets, seen, {"hypervisor": "other"}).values()
    assert finding.verdict == "not_applicable"
