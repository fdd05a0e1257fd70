"""A fleet that reports as a real machine does, with seeded variation, and grows as large as asked.

The report and the facts are those of the machine that this runs on, audited once. A share of its
controls is turned, and controls are added until there are as many as asked for, each with the
texts of a real finding. Nothing of it leaves the store that is measured.
"""

import datetime as dt
import json
import random

from inguestlib import audit, messages, policy
from inguestlib.families import all_families
from inguestlib.guest import Guest

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.timezone.utc)
DAY = dt.timedelta(days=1)
KEY = "sha256:" + "4b" * 32
POLICY = {
    "dns": {"servers": ["10.0.0.53", "10.0.1.53"], "search": ["corp.example"]},
    "services": {"required": {"cron.service": {}, "ssh.service": {}}},
    "tools": {"role": "deployed"},
    "drivers": {"devices": {"allow": ["serial"]}},
    "proxy": {"url": "http://proxy.corp.example:3128", "exceptions": ["localhost"]},
}
SHARES = (("compliant", 0.60), ("not_applicable", 0.30), ("drift", 0.08), ("unknown", 0.02))


class Base:
    """What the machines of the fleet vary.

    variants
        How many kinds of facts a family has in the fleet; 0: each host has its own.
    """

    def __init__(self, controls, variants=0):
        self.variants = variants
        rules = policy.load(POLICY, families=all_families()).for_guest("bench", NOW)
        self.facts = audit.observe(Guest("/"), rules)
        found, _waivers = audit.judged(self.facts, rules)
        self.policy = rules.digest
        real = audit.report(self.facts, found, [], rules, name="bench")["findings"]
        templates = [f for f in real if f["verdict"] in ("compliant", "drift")]
        ids = list(dict.fromkeys(f["control"] for f in real))[:controls]
        ids += [f"image-simulated-{n}" for n in range(controls - len(ids))]
        families = {f["control"]: f for f in real}
        self.findings = []
        for number, control in enumerate(ids):
            like = families.get(control) or templates[number % len(templates)]
            if not like["evidence"]:
                like = {**templates[number % len(templates)], "severity": like["severity"]}
            family = control.partition("-")[0]
            self.findings.append({**like, "control": control, "family": family})


class Machine:
    """One host; what it says depends on its number alone."""

    def __init__(self, base, number, seed=1):
        self.base, self.name = base, f"vm-{number:06}.corp.example"
        self.random = random.Random(f"{seed}/{number}")
        self.seq, self.digest = 0, None
        verdicts, weights = zip(*SHARES, strict=True)
        drawn = self.random.choices(verdicts, weights, k=len(base.findings))
        self.findings = [self._said(n, verdict) for n, verdict in enumerate(drawn)]

    def changed(self, part):
        """Change this part of all findings: as many begin to drift as are cured.

        Those that may not apply never change. Returns what changed.
        """
        begins, ends = part / 2 / 0.60, part / 2 / 0.08
        out = []
        for number, finding in enumerate(self.findings):
            chance = {"compliant": begins, "drift": ends}.get(finding["verdict"], 0)
            if chance and self.random.random() < chance:
                other = "drift" if finding["verdict"] == "compliant" else "compliant"
                self.findings[number] = self._said(number, other)
                out.append(self.findings[number])
        return out

    def report(self, time, facts=True):
        """A full report, with the facts."""
        body = self._body("report", time) | {
            "previous": self.digest,
            "guest": self.base.facts["guest"],
            "summary": {},
            "findings": self.findings,
            "waivers": [],
        }
        if facts:
            body["data"] = self.facts()
        return self._sent(body)

    def facts(self):
        """The base's, with the differences between machines that judges do not look at."""
        own = self.base.variants
        out = {**self.base.facts, "guest": {**self.base.facts["guest"], "hostname": self.name}}
        for family in all_families():
            which = self.random.randrange(own) if own else self.name
            out[family] = {**out.get(family, {}), "simulated": {"which": which}}
        return out

    def delta(self, time, changed):
        """What the beacon sends when something changed."""
        families = sorted({finding["family"] for finding in changed})
        body = self._body("delta", time) | {"previous": self.digest, "changed": changed}
        return self._sent(body | {"gone": [], "summary": {}, "families": families})

    def heartbeat(self, time):
        """What a host sends that has nothing to say."""
        body = self._body("heartbeat", time) | {"seq": self.seq, "last": self.digest}
        return message(body)

    def _said(self, number, verdict):
        like = self.base.findings[number]
        line = self.random.randint(1, 40)
        said = {**like, "verdict": verdict, "evidence": f"{like['evidence'][:80]} (line {line})"}
        if verdict != "drift":
            said["changes"] = []
        if verdict in ("not_applicable", "unknown"):
            said |= {"observed": None, "expected": None, "comment": "it says why in a few words"}
        return said

    def _body(self, kind, time):
        return {
            "schema": 1,
            "kind": kind,
            "host": self.name,
            "seq": self.seq + 1,
            "time": messages.stamp(time),
            "policy": self.base.policy,
            "facts": messages.digest(self.name.encode()),
            "revision": "8f14e45fceea167a5a36dedd4bea2543",
            "version": "0.1.0",
        }

    def _sent(self, body):
        sent = message(body)
        self.seq, self.digest = body["seq"], sent.digest
        return sent


def message(body):
    """An opened message, as if its signature had been checked; it shares nothing with others."""
    raw = messages.serialised(body)
    return messages.Unpacked(json.loads(raw), messages.digest(raw), raw, b"", KEY)
