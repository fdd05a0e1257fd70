"""Text of a header that anybody may have written: bounded, printable, never an error."""

_LONGEST = 200


def field(raw):
    """The text of a field that ends with its first NUL."""
    return shown(raw.split(b"\0", 1)[0].decode("utf-8", "replace"))


def shown(value, longest=_LONGEST):
    """Text fit for a report; what is no text gives ``""``."""
    if not isinstance(value, str):
        return ""
    value = value if len(value) <= longest else value[:longest] + "…"
    if not value.isprintable():
        value = "".join(c if c.isprintable() else "\ufffd" for c in value)
    return value


def number(value):
    """A number or a string of digits (as LUKS2 writes 64-bit numbers), else None."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value if 0 <= value < 1 << 64 else None
    if isinstance(value, str) and 0 < len(value) <= 20 and value.isascii() and value.isdigit():
        found = int(value)
        return found if found < 1 << 64 else None
    return None


def numbers(value, most=1024):
    """The numbers in a list, as integers, in their order."""
    if not isinstance(value, list):
        return []
    found = (number(item) for item in value[:most])
    return [item for item in found if item is not None]


def strings(value, most=64):
    """The strings in a list."""
    if not isinstance(value, list):
        return []
    return [shown(item) for item in value[:most] if isinstance(item, str)]


def mapping(value):
    """The value when it is a mapping, else an empty one."""
    return value if isinstance(value, dict) else {}
