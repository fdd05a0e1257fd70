"""A store with a few hosts that are like real ones, for the tests of what reads it.

The reports are those of ``inguest.audit`` on small trees, made once; hosts and days differ from
them by a seeded choice of what was changed, so that every run of the tests sees the same fleet.

::

    with store.open_store(f"sqlite:///{tmp_path}/store.sqlite") as kept:
        fleet_store.fill(kept, hosts=5, days=10)
"""

import copy
import datetime as dt
import functools
import random
import zlib

from inguestlib import audit, messages, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.timezone.utc)
"""When the fleet reported last."""

KEY = "sha256:" + "4b" * 32
POLICY = {
    "dns": {"mode": "audit", "servers": ["10.0.0.53", "10.0.1.53"], "search": ["corp.example"]},
    "services": {"mode": "audit"},
    "tools": {"mode": "audit"},
    "drivers": {"mode": "audit"},
}
FILES = {
    "etc/os-release": 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nNAME="Debian"\n',
    "etc/hostname": "web1\n",
    "etc/resolv.conf": "nameserver 8.8.8.8\nsearch example.net\n",
    "etc/machine-id": "0123456789abcdef0123456789abcdef\n",
    "etc/nsswitch.conf": "hosts: files dns\n",
    "etc/ssh/sshd_config": "PermitRootLogin yes\n",
    "var/lib/dpkg/status": "Package: base-files\nStatus: install ok installed\n"
    "Architecture: amd64\nVersion: 12.4\n\n",
}


@functools.lru_cache(maxsize=1)
def base():
    """``(facts, report)`` of a real audit, plain data; don't write to it."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as root:
        for path, content in FILES.items():
            file = Path(root, path)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
        rules = policy.load(POLICY, families=all_families()).for_guest("web1", NOW)
        facts = audit.observe(Guest(root), rules)
        found, waivers = audit.judged(facts, rules)
        report = audit.report(facts, found, waivers, rules, name="web1")
    facts["guest"]["root"] = report["root"] = "/"
    facts["guest"]["live"] = True
    return facts, report


def message(body, key=KEY):
    """The :class:`inguestlib.messages.Unpacked` of a body, as if its signature had been checked."""
    raw = messages.serialised(messages.checked(body))
    return messages.Unpacked(body, messages.digest(raw), raw, b"", key)


def summary(findings):
    """``{verdict: findings}``."""
    out = dict.fromkeys(("compliant", "drift", "waived", "not_applicable", "unknown", "error"), 0)
    for finding in findings:
        out[finding["verdict"]] += 1
    return out


class Machine:
    """One simulated host: its findings now, and the messages that it sends.

    seed
        Two machines of one name and seed say the same on the same days.
    """

    def __init__(self, name, seed=0):
        self.name = name
        self.random = random.Random(f"{seed}/{name}")
        facts, report = base()
        self.facts = copy.deepcopy(facts)
        self.facts["guest"]["hostname"] = name
        self.policy = report["policy"]
        self.findings = [dict(finding) for finding in report["findings"]]
        self.waivers = []
        self.revision = "8f14e45fceea167a5a36dedd4bea2543"
        self.seq, self.digest = 0, None
        self.change(0.1)

    def change(self, part):
        """Turn this part of the findings: what was compliant drifts, what drifted is cured."""
        for number, finding in enumerate(self.findings):
            if self.random.random() < part:
                self.findings[number] = turned(finding, self.random)

    def report(self, time, data=False):
        """A full report; with ``data`` it brings the facts."""
        body = self._body("report", time)
        body |= {
            "previous": self.digest,
            "guest": self.facts["guest"],
            "summary": summary(self.findings),
            "findings": list(self.findings),
            "waivers": self.waivers,
        }
        if data:
            body["data"] = self.facts
        return self._sent(body)

    def delta(self, time, changed=(), gone=()):
        """A delta: these findings in full, and these ``(control, resource)`` no more."""
        keys = {(f["control"], f["resource"]) for f in changed} | set(gone)
        self.findings = [
            f for f in self.findings if (f["control"], f["resource"]) not in keys
        ] + list(changed)
        body = self._body("delta", time) | {
            "previous": self.digest,
            "changed": list(changed),
            "gone": [list(key) for key in gone],
            "summary": summary(self.findings),
            "families": sorted({f["family"] for f in changed}),
        }
        return self._sent(body)

    def heartbeat(self, time):
        """A heartbeat after the last message."""
        return message(self._body("heartbeat", time) | {"seq": self.seq, "last": self.digest})

    def _body(self, kind, time):
        return {
            "schema": 1,
            "kind": kind,
            "host": self.name,
            "seq": self.seq + 1,
            "time": messages.stamp(time),
            "policy": self.policy,
            "facts": messages.digest(self.name.encode()),
            "revision": self.revision,
            "version": "0.1.0",
        }

    def _sent(self, body):
        sent = message(body)
        self.seq, self.digest = body["seq"], sent.digest
        return sent


def turned(finding, choice):
    """The finding with another verdict, as a change on the guest would make it."""
    finding = dict(finding)
    if finding["verdict"] == "compliant":
        finding["verdict"] = "drift" if choice.random() < 0.9 else "unknown"
        finding["observed"] = choice.choice(["8.8.8.8", "off", "0777", None])
        finding["evidence"] = f"/etc/settings.conf:{choice.randint(1, 9)} value = other"
    elif finding["verdict"] == "not_applicable":
        return finding
    else:
        finding |= {"verdict": "compliant", "changes": [], "observed": finding["expected"]}
        finding["evidence"] = finding["evidence"] or "/etc/settings.conf:1 value = wanted"
    return finding


def fill(kept, hosts=5, days=10, part=0.03, seed=0, until=NOW):
    """Fill a store; the :class:`Machine` of each host, ``web1`` … ``webN``.

    Each host reports every day with this part of its findings changed, or sends a heartbeat when
    nothing did. The last host has been silent for a day. Each has a waiver.
    """
    machines = [Machine(f"web{number + 1}", seed) for number in range(hosts)]
    for day in range(days):
        time = until - dt.timedelta(days=days - 1 - day)
        with kept.write() as w:
            w.chains([machine.name for machine in machines])
            for number, machine in enumerate(machines):
                at = time + dt.timedelta(seconds=zlib.crc32(machine.name.encode()) % 600 - 600)
                if day == days - 1 and number == hosts - 1 and days > 1:
                    continue
                _say(w, machine, at, day, part)
    return machines


def _say(w, machine, at, day, part):
    before = list(machine.findings)
    if day:
        machine.change(part)
    else:
        machine.waivers = [_waiver(machine)]
    if day and machine.findings == before:
        w.beat(machine.name, machine.heartbeat(at), at)
    else:
        sent = machine.report(at, data=not day)
        w.take(machine.name, sent, at + dt.timedelta(seconds=1), "master1")


def _waiver(machine):
    number = next(n for n, f in enumerate(machine.findings) if f["verdict"] == "drift")
    finding = machine.findings[number]
    machine.findings[number] = finding | {"verdict": "waived", "comment": "waived until 2027"}
    return {
        "control": finding["control"],
        "resource": finding["resource"],
        "hosts": "*",
        "reason": "the appliance needs it",
        "approver": "alice",
        "start": None,
        "expires": "2027-01-01T00:00:00Z",
        "state": "active",
        "used": 1,
    }
