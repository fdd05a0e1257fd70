"""inguest.report and its kin through Salt's loader; the events that would go out are kept."""

import json
import os
import re

import pytest
from cryptography.hazmat.primitives import serialization as ser
from cryptography.hazmat.primitives.asymmetric import rsa
from salt.exceptions import CommandExecutionError, SaltInvocationError

from inguestlib import messages
from support.cases import write

pytestmark = pytest.mark.functional

PILLAR = {"mode": "off", "dns": {"mode": "audit", "servers": ["10.0.0.53", "10.0.1.53"]}}
SECRET = "correct-horse-battery"


def _write_key(path, password=None):
    key = rsa.generate_private_key(65537, 2048)
    how = ser.BestAvailableEncryption(password) if password else ser.NoEncryption()
    path.write_bytes(key.private_bytes(ser.Encoding.PEM, ser.PrivateFormat.TraditionalOpenSSL, how))
    public = key.public_key()
    pem = public.public_bytes(ser.Encoding.PEM, ser.PublicFormat.SubjectPublicKeyInfo)
    return pem.decode()


# In place of Salt's own module, which would want a minion's process.
EVENTS = """
import json


def send(tag, data):
    if not __opts__["test.reaches"]:
        return False
    with open(__opts__["test.events"], "a") as file:
        file.write(json.dumps([tag, data]) + "\\n")
    return True
"""


class World:
    """A minion whose guest is a tree; ``events`` are those that it sent."""

    def __init__(self, folder, loaded, modules):
        self._loaded = loaded
        write(folder, {"/modules/event.py": EVENTS})
        self._events = folder / "events"
        self.tree, self.cache, self.pki = folder / "tree", folder / "cache", folder / "pki"
        self.pki.mkdir()
        self.public = _write_key(self.pki / "minion.pem")
        self.options = {
            "module_dirs": [str(folder / "modules"), *modules],
            "test.events": str(self._events),
            "test.reaches": True,
            "cachedir": str(self.cache),
            "pki_dir": str(self.pki),
            "inguest.root": str(self.tree),
            "file_client": "remote",
        }
        write(
            self.tree,
            {
                "/etc/os-release": "ID=debian\nVERSION_ID=12\n",
                "/etc/hostname": "image1\n",
                "/etc/resolv.conf": "nameserver 8.8.8.8\n",
            },
        )

    def functions(self, pillar=None, **options):
        return self._loaded(pillar or PILLAR, **{**self.options, **options})[0]

    @property
    def events(self):
        if not self._events.exists():
            return []
        return [json.loads(line) for line in self._events.read_text().splitlines()]

    def said(self, index=-1):
        """The body of an event; its signature is the minion's."""
        opened = messages.unpack(self.events[index][1]["message"])
        assert messages.verified(opened, self.public)
        return opened.body


@pytest.fixture
def world(tmp_path, loaded, minion_opts):
    return World(tmp_path, loaded, minion_opts["module_dirs"])


def test_first_a_report_then_a_heartbeat(world):
    functions = world.functions()
    first = functions["inguest.report"]()
    assert (first["kind"], first["seq"], first["why"], first["sent"]) == (
        "report",
        1,
        ["first"],
        True,
    )
    assert world.events[0][0] == "inguest/report"
    body = world.said()
    assert (body["host"], body["previous"], body["schema"]) == ("web1", None, 1)
    assert body["summary"] == first["summary"]
    assert body["data"]["dns"]
    second = functions["inguest.report"]()
    assert (second["kind"], second["seq"]) == ("heartbeat", 1)
    assert world.events[1][0] == "inguest/heartbeat"
    assert world.said()["last"] == first["digest"]
    assert second["bytes"] <= 1024
    assert json.loads(json.dumps(first)) == first


def test_drift_is_a_report_that_follows(world):
    functions = world.functions()
    first = functions["inguest.report"]()
    write(world.tree, {"/etc/resolv.conf": "nameserver 1.1.1.1\n"})
    second = functions["inguest.report"]()
    assert (second["kind"], second["why"]) == ("report", ["findings", "facts"])
    assert world.said()["previous"] == first["digest"]


def test_the_audit_names_what_was_said_last(world):
    functions = world.functions()
    assert functions["inguest.audit"]()["previous"] is None
    first = functions["inguest.report"]()
    audit = functions["inguest.audit"]()
    assert audit["previous"] == first["digest"]
    assert audit["facts"] == world.said()["facts"]
    assert functions["inguest.audit"](families="dns")["previous"] is None


def test_the_revision_is_the_pillars(world):
    world.functions({**PILLAR, "revision": "0123abc"})["inguest.report"]()
    assert world.said()["revision"] == "0123abc"
    told = world.functions({**PILLAR, "revision": "4567def"})["inguest.report"]()
    assert told["why"] == ["revision"]
    world.functions()["inguest.report"]()
    assert world.said()["revision"] is None


def test_acknowledged_refused_and_sent_again(world):
    functions = world.functions()
    first = functions["inguest.report"]()
    functions["inguest.report"](full=True)
    shown = functions["inguest.outbox"]()
    assert [one["seq"] for one in shown["waiting"]] == [1, 2]
    assert (shown["acknowledged"], shown["key"]) == (0, messages.fingerprint(world.public))
    assert functions["inguest.acknowledge"]({"web9": [1, "x"]}) == {}
    got = {"web1": [1, first["digest"]], "web2": [9, "x"]}
    assert functions["inguest.acknowledge"](got) == {"acknowledged": 1, "wait": 1}
    functions["inguest.refused"]({"web1": [2, "broken chain"]})
    assert functions["inguest.outbox"]()["refused"][:2] == [2, "broken chain"]
    assert functions["inguest.resend"]() == {"sent": [], "missing": None}
    assert functions["inguest.resend"](since=2) == {"sent": [2], "missing": None}
    assert functions["inguest.resend"](since={"web1": 1}) == {"sent": [2], "missing": 1}
    assert functions["inguest.resend"](since={"web2": 1}) == {}
    assert world.said()["seq"] == 2


def test_anew(world):
    functions = world.functions()
    functions["inguest.report"]()
    told = functions["inguest.report"](anew=True)
    assert (told["kind"], told["seq"]) == ("report", 2)
    assert [one["seq"] for one in functions["inguest.outbox"]()["waiting"]] == [2]


def test_what_could_not_be_sent_waits(world):
    assert world.functions(**{"test.reaches": False})["inguest.report"]()["sent"] is False
    assert world.functions()["inguest.resend"](since=1)["sent"] == [1]


@pytest.mark.parametrize(
    ("function", "argument"),
    [
        ("acknowledge", ["web1"]),
        ("acknowledge", {"web1": 7}),
        ("acknowledge", {"web1": ["7", "x"]}),
        ("refused", {"web1": [7]}),
        ("resend", "web1"),
    ],
)
def test_wrong_arguments_are_named(world, function, argument):
    with pytest.raises(SaltInvocationError):
        world.functions()[f"inguest.{function}"](argument)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"file_client": "local"}, "nobody to report to"),
        ({"local": True}, "nobody to report to"),
        ({"master_type": "disable"}, "has no master"),
        ({"max_event_size": 6000}, "max_event_size is 6000"),
        ({"pki_dir": "/nowhere"}, "/nowhere/minion.pem does not exist"),
    ],
)
def test_what_cannot_be_told_is_refused_in_words(world, options, words):
    with pytest.raises(CommandExecutionError, match=re.escape(words)):
        world.functions(**options)["inguest.report"]()
    assert world.events == []
    assert not (world.cache / "inguest/outbox").exists() or not os.listdir(
        world.cache / "inguest/outbox"
    )


def test_a_key_with_a_passphrase_signs_nothing(world):
    _write_key(world.pki / "minion.pem", b"pass")
    with pytest.raises(CommandExecutionError, match="protected by a passphrase"):
        world.functions()["inguest.report"]()


def test_a_new_key_begins_a_new_chain(world):
    world.functions()["inguest.report"]()
    world.public = _write_key(world.pki / "minion.pem")
    told = world.functions()["inguest.report"]()
    assert (told["kind"], told["seq"], told["why"]) == ("report", 1, ["first"])
    assert world.said()["previous"] is None


def test_no_secret_is_told_or_kept(world):
    """Credentials in files that are read, in the policy, and the key: none in events or on disk."""
    write(
        world.tree,
        {
            "/etc/environment": f"http_proxy=http://joe:{SECRET}@proxy.corp.example:3128\n",
            "/etc/apt/apt.conf.d/90proxy": (
                f'Acquire::http::Proxy "http://joe:{SECRET}@proxy.corp.example:3128";\n'
            ),
            "/root/.curlrc": f'proxy-user = "joe:{SECRET}"\n',
        },
    )
    pillar = {
        **PILLAR,
        "proxy": {
            "mode": "audit",
            "url": "http://proxy.corp.example:3128",
            "credentials": {"user": "joe", "password": SECRET, "consumers": ["apt"]},
        },
    }
    functions = world.functions(pillar)
    functions["inguest.report"]()
    functions["inguest.report"](full=True)
    functions["inguest.report"]()
    key = (world.pki / "minion.pem").read_text().split()[3]
    told = [messages.unpack(data["message"]).raw.decode() for _tag, data in world.events]
    assert len(told) == 3 and "proxy.corp.example" in told[0]
    for path in (world.cache / "inguest").rglob("*"):
        if path.is_file():
            told.append(path.read_text())
            if path.parent.name == "outbox":
                told.append(messages.unpack(json.loads(path.read_text())["envelope"]).raw.decode())
    told.append(json.dumps(functions["inguest.outbox"]()))
    for text in told:
        assert SECRET not in text
        assert key not in text
