"""Fields of the metadata that have to be there, each of its kind."""

from inguestlib.luks.text import number as digits


class Invalid(Exception):
    """The copy does not count; the text says why."""


def string(item, name, what):
    value = item.get(name)
    if not isinstance(value, str) or not value or value[0] == "\0":
        raise Invalid(f"{what} lacks {name}")
    return value


def number(item, name, what):
    """A 64-bit number, which LUKS2 writes as a string."""
    value = digits(string(item, name, what))
    if value is None:
        raise Invalid(f"{name} of {what} is not a number")
    return value


def integer(item, name, what):
    value = item.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Invalid(f"{what} lacks {name}")
    return value


def references(item, name, known, what):
    listed = item.get(name)
    if not isinstance(listed, list):
        raise Invalid(f"{what} lacks {name}")
    for key in listed:
        if not isinstance(key, str) or key not in known:
            raise Invalid(f"{what} names {name} that are not there")
