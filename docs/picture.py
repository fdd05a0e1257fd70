#!/usr/bin/env python3
"""Run a command in a terminal of its own and draw what it showed as SVG.

    python docs/picture.py OUT.svg COLUMNS COMMAND [ARGUMENT …]

    python docs/picture.py --readme     draws docs/images/audit.svg: an audit of the
                                        demonstration's guest by the example policy

The picture is what the command printed, with its colours; nothing is drawn by hand. The fonts are
those of the reader's machine, so each piece of text is stretched to its columns.
"""

import os
import pty
import re
import struct
import sys
import tempfile
import termios
from fcntl import ioctl
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SIZE, CHAR, LINE, MARGIN = 13, 7.8, 18, 16  # pixels: font, column, row, border
PAPER, INK = "#14181f", "#d5dae2"
COLOURS = {
    "31": "#ff7b72",
    "32": "#7ee787",
    "33": "#e3b341",
    "35": "#d2a8ff",
    "36": "#79c0ff",
}
_STYLED = re.compile(r"\x1b\[([\d;]*)m")


def screen(command, columns):
    """What the command writes to a terminal of that width, with its colours."""
    pid, master = pty.fork()
    if pid == 0:
        ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(columns)}
        environ.pop("NO_COLOR", None)
        os.execvpe(command[0], list(command), {**environ, "PYTHONIOENCODING": "utf-8"})
    data = b""
    while True:
        try:
            piece = os.read(master, 65536)
        except OSError:  # Linux says so when the other side is closed
            break
        if not piece:
            break
        data += piece
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    text = data.decode()
    if status:
        raise SystemExit(f"{command} ended with {status}:\n{text}")
    return [_final(line) for line in text.replace("\r\n", "\n").rstrip("\n").split("\n")]


def _final(line):
    """What is left of a line that was written over: the text after its last return or erasure."""
    return re.split(r"\r|\x1b\[K", line)[-1]


def pieces(line):
    """``(column, text, style codes)`` of each run of equal style."""
    found, column, style = [], 0, ()
    parts = _STYLED.split(line)
    for i, part in enumerate(parts):
        if i % 2:
            codes = [c for c in part.split(";") if c not in ("", "0")]
            style = tuple(codes)
        elif part:
            found.append((column, part, style))
            column += len(part)
    return found


def svg(lines, columns, title):
    """The picture of a terminal that shows these lines."""
    wide = round(columns * CHAR + 2 * MARGIN)
    high = len(lines) * LINE + 2 * MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{high}"'
        f' viewBox="0 0 {wide} {high}" role="img">',
        f"<title>{escape(title)}</title>",
        f'<rect width="{wide}" height="{high}" rx="8" fill="{PAPER}"/>',
        f'<g font-family="monospace" font-size="{SIZE}" fill="{INK}" xml:space="preserve">',
    ]
    for row, line in enumerate(lines):
        y = MARGIN + row * LINE + SIZE
        for column, text, style in pieces(line):
            out += _words(column, text, style, y)
    return "\n".join([*out, "</g>", "</svg>", ""])


def _words(column, text, style, y):
    """One element for each stretch without wide gaps, so that columns stay aligned."""
    look = ""
    for code in style:
        look += f' fill="{COLOURS[code]}"' if code in COLOURS else ""
        look += ' font-weight="bold"' if code == "1" else ""
        look += ' fill-opacity="0.6"' if code == "2" else ""
    for match in re.finditer(r"\S+(?: \S+)*", text):
        x = MARGIN + (column + match.start()) * CHAR
        length = len(match.group()) * CHAR
        yield (
            f'<text x="{x:.1f}" y="{y}" textLength="{length:.1f}"'
            f' lengthAdjust="spacingAndGlyphs"{look}>{escape(match.group())}</text>'
        )


def readme():
    """Draw the picture of the README."""
    sys.path.insert(0, str(ROOT / "tools"))
    import demo_guest

    with tempfile.TemporaryDirectory(prefix="guest-") as scratch:
        guest = Path(scratch) / "demo"
        demo_guest.write(guest)
        command = [sys.executable, str(ROOT / "tools/audit.py"), "--root", str(guest)]
        lines = [line.replace(str(guest), "/mnt/demo") for line in screen(command, 130)]
    _write(ROOT / "docs/images/audit.svg", lines, 130, "An audit by inguest")


def _write(path, lines, columns, title):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(svg(lines, columns, title), encoding="utf-8")
    print(f"{path}: {len(lines)} lines")


def main(argv):
    """See the module's text."""
    if argv == ["--readme"]:
        readme()
    elif len(argv) >= 3:
        _write(Path(argv[0]), screen(argv[2:], int(argv[1])), int(argv[1]), " ".join(argv[2:]))
    else:
        print(__doc__, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
