"""Drive an enforcement: each step is written into the store before it begins and after it ends.

A step carries the id of the job that it is (``jid``), which is written before the job is
published. Whoever goes on after a kill asks with the same id: a minion that has had it does not do
it again, and answers that came meanwhile are in the master's job cache.
"""

from inguestlib.fleet.enforce import states


def begun(plan, window):
    """The data of a run that has not begun, and its hosts: ``(data, {name: record})``."""
    hosts = {
        name: {"state": "planned", "batch": number}
        for number, wave in enumerate(plan["waves"])
        for name in wave
    }
    return {"plan": plan, "window": window, "step": None, "reason": ""}, hosts


class Driver:
    """Brings one run to its end.

    ledger
        ``save(state, data, hosts)`` writes the run and the records of the given hosts in one
        transaction.
    fleet
        ``jid()`` makes a new id; ``ask(function, hosts, arguments, jid, again)`` gives
        ``{host: answer}`` of those that answered. ``again``: the job may have been published.
    tell
        Called with each step before it begins.
    """

    def __init__(self, ledger, fleet, tell=lambda step, data: None):
        self.ledger = ledger
        self.fleet = fleet
        self.tell = tell

    def run(self, data, hosts):
        """From wherever the run is to its end: ``(state, data, hosts)``."""
        hosts = {name: dict(record) for name, record in hosts.items()}
        while True:
            step = states.following(data["plan"], hosts)
            if isinstance(step, states.End):
                data = {**data, "step": None, "reason": step.reason}
                self.ledger.save(step.state, data, {})
                return step.state, data, hosts
            pending = data.get("step") or {}
            again = (pending.get("wave"), pending.get("name")) == (step.wave, step.name)
            jid = pending["jid"] if again else self.fleet.jid()
            data = {**data, "step": {"wave": step.wave, "name": step.name, "jid": jid}}
            if not again:
                self.ledger.save("running", data, {})
            self.tell(step, data)
            told = states.arguments(step, data["plan"], hosts, data["window"])
            function = states.FUNCTIONS[step.name]
            answers = self.fleet.ask(function, list(step.hosts), told, jid, again)
            changed = states.taken(step, data["plan"], hosts, answers)
            hosts.update(changed)
            data = {**data, "step": None}
            self.ledger.save("running", data, changed)
