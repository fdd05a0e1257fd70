"""A fleet as data: guests that drift, answer, wait for their confirmation, or don't.

It remembers each job as minions and the master's job cache do, so that a driver that was killed may
ask again with the same id.
"""

import json

from inguestlib.fleet.enforce import driver, planning
from inguestlib.fleet.enforce.states import FUNCTIONS
from inguestlib.model import SCHEMA, digest

OPTIONS = {"canary": "1", "batch": "2", "stop_after": "1", "families": None, "controls": None}


class Killed(BaseException):
    """The runner's process is gone."""


class Town:
    """``habits``: ``{host: word}``, what a guest does otherwise than it should:

    ``silent``, ``angry`` (an error), ``reverts``, ``mute`` (applies and then does not answer),
    ``stubborn`` (its drift is still there), ``late`` (it reverted before it was confirmed),
    ``other`` (its drift has changed).
    """

    def __init__(self, names, habits=None):
        self.habits = dict(habits or {})
        self.drift = {name: f"servers {ord(name[-1]) % 2}" for name in names}
        self.waits, self.applied, self.asked, self.jobs = {}, {}, [], {}
        self._jids = 0

    def plans(self):
        """What the guests answer to ``inguest.plan``."""
        return {name: self._plan(name) for name in self.drift if name not in self._silent()}

    def jid(self):
        self._jids += 1
        return f"jid{self._jids}"

    def ask(self, function, hosts, arguments, jid, again):
        assert again or jid not in self.jobs, "an id is used for one job"
        json.dumps(arguments)
        cache = self.jobs.setdefault(jid, {})
        for name in hosts:
            if name not in cache:
                self.asked.append((function, name))
                cache[name] = self._answer(function, name, arguments)
        return {name: cache[name] for name in hosts if cache[name] is not None}

    def _silent(self):
        return {name for name, habit in self.habits.items() if habit == "silent"}

    def _answer(self, function, name, arguments):
        habit = self.habits.get(name)
        if habit == "silent" or (habit == "mute" and self.applied.get(name)):
            return None
        if function == FUNCTIONS["apply"]:
            return self._apply(name, habit, arguments)
        if function == FUNCTIONS["audit"]:
            return self._report(name)
        if function == FUNCTIONS["confirm"]:
            (journal,) = arguments["ids"][name]
            if habit == "late":
                return {journal: "reverted"}
            assert self.waits.pop(name) == journal
            return {journal: "confirmed"}
        assert function == FUNCTIONS["revert"]
        return [{"id": self.waits.pop(name), "undone": []}] if name in self.waits else []

    def _apply(self, name, habit, arguments):
        if habit == "angry":
            return "Traceback (most recent call last):\n  ...\nCommandExecutionError: no such key"
        planned = self._plan(name)
        if habit == "other" or arguments["expect"][name] != planned["plan"]:
            return {**planned, "refused": "its drift is no longer the one that was planned"}
        self.applied[name] = self.applied.get(name, 0) + 1
        if habit == "reverts":
            part = {"result": "reverted", "comment": "not cured, so undone", "changes": {}}
            return {**self._report(name), "families": {"dns": part}}
        self.waits[name] = f"journal-{name}"
        if habit != "stubborn":
            self.drift[name] = None
        part = {"result": "unconfirmed", "comment": "", "changes": {"/etc/resolv.conf": {}}}
        waits = {"until": "soon", "journals": [self.waits[name]]}
        return {**self._report(name), "families": {"dns": part}, "confirm": waits}

    def _report(self, name):
        finding = {
            "control": "dns-servers-approved",
            "family": "dns",
            "resource": "/etc/resolv.conf",
            "severity": "high",
            "verdict": "drift" if self.drift[name] else "compliant",
            "changes": [{"kind": "file"}] if self.drift[name] else [],
        }
        return {"schema": SCHEMA, "findings": [finding], "waivers": []}

    def _plan(self, name):
        result = "planned" if self.drift[name] else "clean"
        part = {"result": result, "plan": [], "changes": {"/etc/resolv.conf": {}}}
        return {**self._report(name), "families": {"dns": part}, "plan": digest(self.drift[name])}


class Ledger:
    """What is written lasts; ``tick`` is called around each writing and may kill."""

    def __init__(self, data, hosts, tick=lambda: None):
        self.text = json.dumps({"state": "planned", "data": data, "hosts": hosts})
        self.tick = tick

    def save(self, state, data, hosts):
        self.tick()
        known = json.loads(self.text)
        known = {"state": state, "data": data, "hosts": {**known["hosts"], **hosts}}
        self.text = json.dumps(known)
        self.tick()

    def load(self):
        known = json.loads(self.text)
        return known["data"], known["hosts"]


def planned(town, **options):
    return planning.plan(town.plans(), list(town.drift), {**OPTIONS, **options})


def begin(town, **options):
    """The ledger of a run that is planned."""
    return Ledger(*driver.begun(planned(town, **options), 300))


def go(town, ledger):
    """Drive from what the ledger holds: ``(state, data, hosts)``."""
    return driver.Driver(ledger, town).run(*ledger.load())
