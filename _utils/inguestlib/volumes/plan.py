"""All that is left to do to a volume, in order. Pure: what ``test=True`` shows is what a run does.

The parts are asked in a fixed order, so that whatever is cut halfway is carried on first, a way
in stands before the next boot needs it, and what is given up goes last.
"""

from typing import NamedTuple

from inguestlib.volumes import (
    backup,
    clone,
    entries,
    flags,
    format,
    guards,
    inplace,
    keyplan,
    network,
    randomkey,
    reencrypt,
    retire,
    use,
    wiring,
)


class Plan(NamedTuple):
    """``steps`` in order; ``refusal`` says why nothing is done, in words; ``notes`` for people."""

    steps: tuple = ()
    refusal: str | None = None
    notes: tuple = ()


def plan(declared, observed):
    """The :class:`Plan` of one volume.

    declared
        :data:`inguestlib.volumes.declared.VOLUME`.
    observed
        :func:`inguestlib.volumes.observed.observe`, with ``keys`` of
        :func:`inguestlib.volumes.keyslots.observe`.
    """
    if declared["intent"] == "encrypted" and entries.is_random(declared):
        why = randomkey.refusal(declared, observed)
        if why:
            return Plan(refusal=why)
        steps = randomkey.planned(declared, observed)
        return Plan(tuple(steps), None, randomkey.notes(declared, observed))
    why = guards.refusal(declared, observed)
    if why:
        return Plan(refusal=why)
    if declared["intent"] == "encrypted":
        return _encrypted(declared, observed)
    if declared["intent"] == "clear":
        return Plan(tuple(wiring.planned_leave(declared, observed)))
    why = retire.refusal(declared, observed)
    if why:
        return Plan(refusal=why)
    leaving = wiring.planned_leave(declared, observed)
    return Plan((*leaving, *retire.planned(declared, observed)))


def _encrypted(declared, observed):
    refusals = (inplace.refusal, reencrypt.refusal, clone.refusal)
    why = next(filter(None, (ask(declared, observed) for ask in refusals)), None)
    if why:
        return Plan(refusal=why)
    in_place = inplace.planned(declared, observed)
    resumed = in_place or reencrypt.resumed(declared, observed)
    resumed = resumed or reencrypt.converted(declared, observed)
    first = resumed or format.planned(declared, observed)
    if first:
        if not resumed and not observed["record"].get("format"):
            why = guards.no_format(declared, observed)
            if why:
                return Plan(refusal=why)
        # what stands there now is gone by then
        gone = {"header": None, "keys": {}, "mapping": None, "inside": None, "backup": None}
        observed = {**observed, **gone}
    keys, renewed = keyplan.planned(declared, observed), reencrypt.planned(declared, observed)
    keys, renewed = clone.ordered(declared, observed, keys, renewed)
    steps = [
        *first,
        *(() if resumed else reencrypt.named(declared, observed)),
        *clone.planned(declared, observed),
        *keys,
        *wiring.planned(declared, observed),
        *network.planned(declared, observed),
        *(s for s in use.planned_open(declared, observed) if not resumed or s.kind != "mkfs"),
        *wiring.planned_mount(declared, observed),
        *use.planned_use(declared, observed),
        *renewed,
        *flags.planned(declared, observed),
        *keyplan.superseded(declared, observed),
        *backup.planned(declared, observed),
    ]
    return Plan(tuple(steps), None, tuple(_notes(declared, observed)))


def _notes(declared, observed):
    parts = (keyplan.notes, reencrypt.notes, clone.notes)
    return [note for notes in parts for note in notes(declared, observed)]
