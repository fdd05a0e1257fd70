"""The alias store of VGAuthService: whose certificates may act as which guest user.

Written by VGAuth's ``serviceImpl/alias.c``: ``user-NAME.xml`` holds the aliases of a user,
``mapping.xml`` those that find their user by the certificate alone. An entry of either is one
certificate for one user, with the SAML subjects that it may speak for.
"""

import base64
import binascii
import hashlib
import re
from xml.parsers import expat

MAPPING = "mapping.xml"
LIMIT = 10 * 1024 * 1024  # VGAuthService reads no larger file

_ROOTS = ("userAliases", "mappings")
_ENTRIES = ("alias", "mapping")
_SUBJECTS = ("aliasInfo", "subject", "anySubject")  # the first one wraps one of the others


class Malformed(Exception):
    """A file that is no alias store; ``line`` says where."""

    def __init__(self, message, line):
        super().__init__(message)
        self.line = line


def user_of(name):
    """The user of a file's name, or ``None``: VGAuth looks at no other."""
    if name.startswith("user-") and name.endswith(".xml") and len(name) > len("user-.xml"):
        return name[len("user-") : -len(".xml")]
    return None


def fingerprint(text):
    """The SHA-256 of the certificate in PEM, hex digits; ``""`` for what is none."""
    body = re.sub(r"-----[A-Z ]+-----|\s", "", text)
    try:
        der = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        return ""
    return hashlib.sha256(der).hexdigest() if der else ""


def parse(data, user=None):
    """``[{"user", "certificate", "subjects", "first", "last", "own"}, …]`` of a file's bytes.

    user
        Whose file it is; a mapping names its own.

    ``subjects`` are ``{"name": text or None for any, "first", "last", "own"}``. An entry and a
    subject span the lines ``first`` to ``last``, which hold nothing else where ``own``. Raises
    :class:`Malformed`; a document type, which could define entities, is malformed as well.
    """
    if len(data) > LIMIT:
        raise Malformed("larger than VGAuthService reads", 1)
    reader = _Reader(user, data.split(b"\n"))
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = lambda name, _attributes: reader.start(name, _line(parser))
    parser.EndElementHandler = lambda name: reader.end(name, _line(parser))
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = lambda *_: reader.refuse("a document type", _line(parser))
    try:
        parser.Parse(data, True)
    except expat.ExpatError as exc:
        raise Malformed(expat.errors.messages.get(exc.code, "not XML"), exc.lineno) from None
    return reader.entries


def _line(parser):
    return parser.CurrentLineNumber


class _Reader:
    """Collects entries while the elements pass by."""

    def __init__(self, user, lines):
        self.user = user
        self.entries = []
        self._lines = lines
        self._open = []  # names of the elements around
        self._text = ""
        self._entry = None
        self._subject = None

    def refuse(self, what, line):
        raise Malformed(f"{what} has no place in an alias store", line)

    def start(self, name, line):
        if not self._open and name not in _ROOTS:
            self.refuse(f"<{name}>", line)
        if name in _ENTRIES and self._entry is None:
            self._entry = {"user": self.user, "certificate": "", "subjects": [], "first": line}
        elif name in _SUBJECTS and self._entry is not None and self._subject is None:
            self._subject = {"name": None, "first": line, "element": name}
        self._open.append(name)
        self._text = ""

    def text(self, text):
        self._text += text

    def end(self, name, line):
        self._open.pop()
        entry, subject = self._entry, self._subject
        if entry is None:
            return
        if name == "pemCertificate":
            entry["certificate"] = fingerprint(self._text)
        elif name == "userName":
            entry["user"] = self._text.strip()
        elif name == "subject" and subject:
            subject["name"] = self._text
        if subject and subject["element"] == name and name not in self._open:
            entry["subjects"].append(self._ended(subject, name, line))
            self._subject = None
        elif name in _ENTRIES and name not in self._open:
            self.entries.append(self._ended(entry, name, line))
            self._entry = None

    def _ended(self, span, name, line):
        """The span with its end, and whether its lines are its own."""
        opening, closing = (self._at(number) for number in (span["first"], line))
        own = (
            opening.startswith(f"<{name}".encode())
            and opening.count(f"<{name}".encode()) == 1
            and closing.endswith((f"</{name}>".encode(), f"<{name}/>".encode()))
        )
        kept = {key: value for key, value in span.items() if key != "element"}
        return {**kept, "last": line, "own": own}

    def _at(self, number):
        return self._lines[number - 1].strip() if number <= len(self._lines) else b""
