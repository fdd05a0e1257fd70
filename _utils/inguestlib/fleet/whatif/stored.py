"""The stored facts of one family, seen by another policy than the one they were observed by."""

from inguestlib.audit import asked_of
from inguestlib.model import FactUnseen, FamilyFacts
from inguestlib.secrets import inside

NOT_OBSERVED = "was not observed when these facts were taken; only a new observation can tell"


class StoredFacts(FamilyFacts):
    """Facts that give a section only if the proposed policy would have had it observed alike.

    blocked
        ``{section: why}``; from :func:`blocked`.

    ``read`` are the sections that were asked for. Asking for one that is blocked, or that is not
    there, raises :class:`inguestlib.model.FactUnseen`: the control is ``unknown``.
    """

    def __init__(self, name, sections, guest, blocked):
        super().__init__(sections, guest)
        self._name = name
        self._blocked = blocked
        self.read = set()

    def __iter__(self):
        self.read.update(self._sections)
        return super().__iter__()

    def __getitem__(self, section):
        self.read.add(section)
        if section in self._blocked:
            raise FactUnseen(self._blocked[section])
        if section not in self._sections:
            what = f"section {section}" if self._sections else "the family"
            raise FactUnseen(f"{what} ({self._name}) {NOT_OBSERVED}")
        return super().__getitem__(section)


def blocked(family, asked, params):
    """``{section: why}`` of the sections that another value of a parameter was observed by.

    family
        The :class:`inguestlib.model.Family`.
    asked
        ``{section: {parameter: value}}``, as the facts tell it.
    params
        The family's parameters in the proposed policy.

    A parameter that holds a secret never counts as equal: facts do not keep it.
    """
    found = {}
    for section, values in asked.items():
        if section in family.telling:
            continue
        now = asked_of(params, values)
        other = [
            key
            for key in values
            if key not in now or now[key] != values[key] or inside(params[key])
        ]
        if other:
            keys = ", ".join(f"inguest:{family.name}:{key}" for key in sorted(other))
            found[section] = (
                f"it was observed by another value of {keys}; only a new observation can tell"
            )
    return found
