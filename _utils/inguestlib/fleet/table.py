"""A table that fits the terminal: columns where there is room, stacked lines where not."""

from inguestlib.fleet.text import pad, width, wrap
from inguestlib.record import record

GAP = 2
NARROWEST = 24  # a flexible column narrower than this is no column any more
MOST_LINES = 6  # of one cell


@record
class Cell:
    """The text of one cell (clean; newlines break lines) and its style.

    ``label`` goes before the text where no column's title says what it is.
    """

    text: str
    style: str = ""
    label: str = ""


def render(titles, rows, columns, paint, *, fixed=2):
    """The lines of a table.

    titles
        One for each column.
    rows
        Sequences of :class:`Cell`, one for each column.
    columns
        The width of the terminal.
    paint
        From :func:`inguestlib.fleet.text.painter`.
    fixed
        How many columns on the left are never wrapped.
    """
    natural = [
        max(width(titles[i]), *(_widest(row[i].text) for row in rows)) for i in range(len(titles))
    ]
    room = columns - sum(natural[:fixed]) - GAP * (len(titles) - 1)
    widths = _fit(natural[fixed:], room)
    if widths is None:
        return _stacked(rows, natural[:fixed], columns, paint)
    widths = natural[:fixed] + widths
    head = [Cell(title, "bold") for title in titles]
    return [line for row in [head, *rows] for line in _row(row, widths, paint)]


def _widest(text):
    return max(map(width, text.split("\n")))


def _fit(natural, room):
    """Widths that fill at most ``room``: the widest columns give way first. None: no room."""
    if sum(natural) <= room:
        return list(natural)
    if sum(min(n, NARROWEST) for n in natural) > room:
        return None
    level = max(natural)
    while sum(min(n, level) for n in natural) > room:
        level -= 1
    out = [min(n, level) for n in natural]
    spare = room - sum(out)
    for i, n in enumerate(natural):
        if spare and out[i] < n:
            out[i] += 1
            spare -= 1
    return out


def _lines(text, columns):
    """The wrapped lines of a cell, cut off after :data:`MOST_LINES`."""
    text = text[: 2 * columns * MOST_LINES]
    lines = [line for part in text.split("\n") for line in wrap(part, columns)]
    if len(lines) > MOST_LINES:
        last = wrap(lines[MOST_LINES - 1], columns - 4)[0]
        lines = [*lines[: MOST_LINES - 1], f"{last} ..."]
    return lines


def _row(row, widths, paint):
    cells = [_lines(cell.text, w) for cell, w in zip(row, widths)]
    out = []
    for n in range(max(map(len, cells))):
        parts = []
        for cell, lines, w in zip(row, cells, widths):
            text = lines[n] if n < len(lines) else ""
            parts.append(paint(text, cell.style) + pad("", w - width(text)))
        out.append((" " * GAP).join(parts).rstrip())
    return out


def _stacked(rows, widths, columns, paint):
    """The fixed columns and the next one on the first line, each other cell below it."""
    fixed = len(widths)
    indent = sum(widths) + GAP * fixed
    if indent > columns // 3:
        indent = 4
    out = []
    for row in rows:
        first = (" " * GAP).join(
            paint(c.text, c.style) + pad("", w - width(c.text)) for c, w in zip(row, widths)
        )
        out.append(f"{first}{' ' * GAP}{paint(row[fixed].text, row[fixed].style)}".rstrip())
        for cell in row[fixed + 1 :]:
            if cell.text:
                lines = _lines(cell.label + cell.text, columns - indent)
                out += [" " * indent + paint(line, cell.style) for line in lines]
    return out
