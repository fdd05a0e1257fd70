"""What :mod:`inguestlib.keyfile` says of a text is what GLib says of it: asked of the library."""

import ctypes
import ctypes.util
import random

import pytest

from inguestlib import keyfile
from support import need

SEED = 20261123
ROUNDS = 30000


class Glib:
    """The few functions of libglib that read a key file."""

    class Error(ctypes.Structure):
        _fields_ = [("domain", ctypes.c_uint), ("code", ctypes.c_int), ("text", ctypes.c_char_p)]

    def __init__(self, name):
        self.lib = lib = ctypes.CDLL(name)
        lib.g_key_file_new.restype = ctypes.c_void_p
        for function in ("value", "string"):
            getattr(lib, f"g_key_file_get_{function}").restype = ctypes.c_void_p
        lib.g_key_file_get_groups.restype = ctypes.POINTER(ctypes.c_char_p)
        lib.g_key_file_get_keys.restype = ctypes.POINTER(ctypes.c_char_p)

    def read(self, data):
        """``None`` when GLib refuses it, else ``{(group, key): (value, boolean, int, string)}``."""
        lib, error = self.lib, ctypes.POINTER(self.Error)()
        file = ctypes.c_void_p(lib.g_key_file_new())
        try:
            size = ctypes.c_size_t(len(data))
            taken = lib.g_key_file_load_from_data(file, data, size, 2, ctypes.byref(error))
            if not taken:
                lib.g_clear_error(ctypes.byref(error))
                return None
            out = {}
            for group in self._names(lib.g_key_file_get_groups, file):
                for key in self._names(lib.g_key_file_get_keys, file, group):
                    out[group, key] = self._values(file, group, key)
            return out
        finally:
            lib.g_key_file_free(file)

    def _names(self, function, file, *group):
        more = [ctypes.byref(ctypes.POINTER(self.Error)())] if group else []
        names = function(file, *group, None, *more)
        out = []
        while names and names[len(out)] is not None:
            out.append(names[len(out)])
        self.lib.g_strfreev(names)
        return out

    def _values(self, *at):
        return (
            self._text("value", *at),
            self._ask(lambda error: bool(self.lib.g_key_file_get_boolean(*at, error))),
            self._ask(lambda error: self.lib.g_key_file_get_integer(*at, error)),
            self._text("string", *at),
        )

    def _ask(self, question):
        error = ctypes.POINTER(self.Error)()
        answer = question(ctypes.byref(error))
        if error:
            self.lib.g_clear_error(ctypes.byref(error))
            return None
        return answer

    def _text(self, kind, *at):
        error = ctypes.POINTER(self.Error)()
        address = getattr(self.lib, f"g_key_file_get_{kind}")(*at, ctypes.byref(error))
        text = ctypes.string_at(address) if address else None
        self.lib.g_free(ctypes.c_void_p(address))
        if error:
            self.lib.g_clear_error(ctypes.byref(error))  # with a text all the same, if there is one
        return text


def ours(data):
    """The same by :mod:`inguestlib.keyfile`."""
    found = keyfile.parse(data.decode("utf-8", "surrogateescape"))
    if found.rejects:
        return None

    def raw(text):
        return None if text is None else text.encode("utf-8", "surrogateescape")

    return {
        (raw(e.group), raw(e.key)): (
            raw(e.value),
            keyfile.boolean(e.value),
            keyfile.integer(e.value),
            raw(keyfile.string(e.value)),
        )
        for e in found.entries  # the last one of a key counts
    }


@pytest.fixture(scope="module")
def glib():
    name = ctypes.util.find_library("glib-2.0")
    if name is None:
        need.unmet("libglib-2.0 missing; tests/support/install-rig.sh installs it")
    return Glib(name)


LINES = [
    *("", " ", "\t", "# comment", "  # comment", "; comment", ";a=b", "word", "two words"),
    *("[a]", "[b]", " [a]", "[a] ", "[a]\t \t", "[a]x", "[a", "[]", "[a]]", "[[a]]", "[a b]"),
    *("[a=b", "[a]=b", "[é]", "[a\tb]", "[a] # x", "=v", " =v", "k=", "k", "k =v", "k= v"),
    *("k=v ", "k =  v  ", "k=v\t", "a key=v", "k[de]=v", "k[de_DE@euro.x]=v", "k[de=v", "k]=v"),
    *("k[]=v", "k[d e]=v", "k[de]x=v", "k[é]=v", "[k]=v", "\tk=v", "k\t=v", "k\f=v", "k\v=v"),
    *("\vk=v", "\fk=v", "Encoding=UTF-8", "Encoding=utf-8", "Encoding=latin1", "Encoding=UTF-8 "),
    *("k=true", "k=TRUE", "k=True", "k=1", "k=0", "k=false", "k=yes", "k=on", 'k="true"'),
    *("k=true # no", "k=true  ", "k=true\v", "k= true", "k=01", "k=10", "k=0s", "k=5 x", "k=5\vx"),
    *("k=+5", "k=-5", "k=--5", "k=2147483647", "k=2147483648", "k=-2147483648", "k=-2147483649"),
    *(
        "k=99999999999999999999",
        "k=0x10",
        "k=\v7",
        "k=7\t",
        "k=a\\sb",
        "k=a\\nb\\t\\r\\\\",
        "k=a\\",
    ),
    *("k=a\\x", "k=\\;", "k=a;b;", "k=a,b", "k=\\s\\sv", "\ufeff[a]", "\ufeffk=v", "k=ü", "ü=v"),
    *("k=\udcff", "\udcffk=v", "[\udcff]", "k[\udcff]=v", "\udce9=v", "k\0=v", "k=v\0w", "[a]\0]"),
    *("[a\0]", "\0", "k=\0v", "k=v\r", "\r", "[a]\r", "# c\r", "k==v", "k=v=w", "k =\rv", "k\r=v"),
]


@pytest.mark.parametrize("line", LINES)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"], ids=["open", "lf", "crlf"])
def test_every_line_alone_and_in_a_group(glib, line, end):
    for before in ("", "[g]\n", "[g]\nk=1\n"):
        data = (before + line + end).encode("utf-8", "surrogateescape")
        assert ours(data) == glib.read(data), data


def test_random_files(glib):
    rng = random.Random(SEED)
    taken = 0
    alphabet = "[]=#;\\ \t\r\v\fkatrue01\ufeffé\udcff\0"
    harmless = [line for line in LINES if "[" not in line and "=" in line and line[0].isalpha()]
    for _ in range(ROUNDS):
        lines = ["[g]"] if rng.random() < 0.9 else []
        for _ in range(rng.randrange(6)):
            source = rng.random()
            if source < 0.5:
                lines.append(rng.choice(harmless))
            elif source < 0.8:
                lines.append(rng.choice(LINES))
            elif source < 0.9:
                lines.append("".join(rng.choices(alphabet, k=rng.randrange(9))))
            else:
                word = "".join(rng.choices(alphabet.replace("[", "").replace("]", ""), k=5))
                lines.append(f"k{word}={word}")
        text = rng.choice(["\n", "\n", "\r\n"]).join(lines) + rng.choice(["", "\n"])
        data = text.encode("utf-8", "surrogateescape")
        expected = glib.read(data)
        assert ours(data) == expected, data
        taken += expected is not None
    assert taken > ROUNDS / 10, "most random files should not be refused at once"


def test_what_is_repaired_is_taken_and_what_is_edited_is_read(glib):
    rng = random.Random(SEED + 1)
    values = ["true", "0", " two blanks ", "back\\slash", "tab\tand\nline", "", "ü"]
    for _ in range(ROUNDS // 10):
        lines = rng.choices([line for line in LINES if "\n" not in line], k=rng.randrange(1, 7))
        text = rng.choice(["\n", "\r\n"]).join(lines) + rng.choice(["", "\n", "\r"])
        fixed = text.split("\n")
        for number, _old, new in keyfile.repairs(text):
            fixed[number - 1] = new
        fixed = "\n".join(fixed)
        data = fixed.encode("utf-8", "surrogateescape")
        before = glib.read(data)
        assert before is not None, text
        value = rng.choice([*values, None])
        group, key = rng.choice(["a", "g"]), rng.choice(["k", "other"])
        new = keyfile.edited(fixed, [(group, key, value)])
        after = glib.read(new.encode("utf-8", "surrogateescape"))
        at = (group.encode(), key.encode())
        assert after is not None
        if value is None:
            assert at not in after
        else:
            assert after.pop(at)[3] == value.encode(), (fixed, new)
        before.pop(at, None)
        assert after == before, (fixed, new)
        assert keyfile.edited(new, [(group, key, value)]) == new
