"""What was said, and what is to be said: pure functions over findings as they are in a report."""

from inguestlib.model import Verdict, digest

# Evidence and comment count only where nothing else says what is wrong: they name line numbers,
# ages and answers that move while what was judged stays.
_SAID = ("severity", "verdict", "observed", "expected", "changes")
_WORST = {verdict: n for n, verdict in enumerate(["error", "drift", "unknown", "waived"])}


def rows(findings):
    """``[[control, resource, family, verdict, digest], …]``: findings in a form to keep."""
    return [[f["control"], f["resource"], f["family"], f["verdict"], _digest(f)] for f in findings]


def _digest(finding):
    said = {key: finding[key] for key in _SAID}
    if finding["verdict"] == "error":
        said["comment"] = finding["comment"]
    return digest(said)[7:23]


def changed(before, now):
    """``(changed, gone)``: keys ``(control, resource)`` that say something new, or no more.

    before, now
        As :func:`rows` gives them.
    """
    old, new = _by_key(before), _by_key(now)
    differs = [key for key, said in new.items() if old.get(key) != said]
    return differs, [key for key in old if key not in new]


def verdicts(known):
    """``{(control, resource): verdict}`` of rows; the worst where one key has several."""
    return {
        key: min((verdict for verdict, _ in said), key=lambda v: _WORST.get(v, len(_WORST)))
        for key, said in _by_key(known).items()
    }


def summary(known):
    """A count for each of the six verdicts, as in a report."""
    counts = {verdict.value: 0 for verdict in Verdict}
    for row in known:
        counts[row[3]] += 1
    return counts


def merged(before, families, now):
    """The rows of a guest when those of some families are new."""
    return [row for row in before if row[2] not in families] + now


def reasons(state, known, facts):
    """Words for what makes a report of an audit; none, and a heartbeat will do.

    state
        :class:`inguestlib.reporting.chain.State`.
    known
        What the audit says, as fields of the state.
    facts
        The digest of the stable facts.
    """
    if not state.seq:
        return ["first"]
    words = [
        word
        for word in ("policy", "revision", "version", "waivers")
        if known[word] != getattr(state, word)
    ]
    if any(changed(state.findings, known["findings"])):
        words.append("findings")
    if facts != state.given:
        words.append("facts")
    return words


def _by_key(known):
    found = {}
    for control, resource, _family, verdict, said in known:
        found.setdefault((control, resource), []).append((verdict, said))
    for said in found.values():
        said.sort()
    return found
