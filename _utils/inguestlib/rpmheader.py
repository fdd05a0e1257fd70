"""Tags of an rpm header: the file list of a package, among others. The format is rpm's own."""

import struct

# rpmtag.h
NAME, SOURCERPM = 1000, 1044
FILESIZES, FILEMODES, FILEDIGESTS, FILELINKTOS, FILEFLAGS = 1028, 1030, 1035, 1036, 1037
FILEUSERNAME, FILEGROUPNAME = 1039, 1040
CHANGELOGTEXT = 1082
DIRINDEXES, BASENAMES, DIRNAMES = 1116, 1117, 1118
FILEDIGESTALGO = 5011

# rpmfi.h: RPMFILE_*
CONFIG, DOC, MISSINGOK, GHOST = 1, 2, 8, 64

_INTEGERS = {2: "b", 3: "H", 4: "I", 5: "Q"}  # by rpm's type: int8, 16, 32, 64
_STRINGS = (6, 8, 9)  # one, several, translated


def tags(blob, wanted):
    """``{tag: [value, …]}`` of the wanted tags that a header holds: integers and texts.

    Raises :class:`struct.error` or :class:`ValueError` for what is no header.
    """
    count, _size = struct.unpack_from(">II", blob)
    data = 8 + 16 * count
    found = {}
    for i in range(count):
        tag, kind, offset, number = struct.unpack_from(">IIiI", blob, 8 + 16 * i)
        if tag not in wanted:
            continue
        if kind in _INTEGERS:
            found[tag] = list(
                struct.unpack_from(f">{number}{_INTEGERS[kind]}", blob, data + offset)
            )
        elif kind in _STRINGS:
            found[tag] = _texts(blob, data + offset, number)
    return found


def _texts(blob, at, number):
    out = []
    for _ in range(number):
        end = blob.index(b"\0", at)
        out.append(blob[at:end].decode("utf-8", "surrogateescape"))
        at = end + 1
    return out


def paths(found):
    """The files of a package, from its tags."""
    folders = found.get(DIRNAMES, [])
    places = zip(found.get(DIRINDEXES, []), found.get(BASENAMES, []), strict=True)
    return [folders[index] + name for index, name in places]
