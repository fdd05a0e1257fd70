"""How far a view has come."""

import io

from inguestlib.fleet.steps import Steps


class Terminal(io.StringIO):
    def isatty(self):
        return True


def run(stream, times):
    told, now = [], [0.0]
    steps = Steps(stream, lambda: now[0], told.append, columns=20)
    for at in times:
        now[0] = at
        steps(f"{int(at)} hosts, and more words than there are columns")
    steps.done()
    return told


def test_nothing_in_the_first_two_seconds():
    stream = io.StringIO()
    assert run(stream, [0.0, 1.9]) == [] and stream.getvalue() == ""


def test_a_line_every_two_seconds():
    stream = io.StringIO()
    told = run(stream, [1, 2, 2.5, 3.9, 4, 7])
    assert [line.split()[0] for line in stream.getvalue().splitlines()] == ["2", "4", "7"]
    assert [event["seconds"] for event in told] == [2, 4, 7]


def test_a_terminal_has_one_line_that_fits_and_goes():
    stream = Terminal()
    run(stream, [3, 6])
    assert stream.getvalue().endswith("\r\x1b[K")
    assert all(len(part) < 20 for part in stream.getvalue().split("\r\x1b[K"))


def test_no_stream_still_tells_the_bus():
    assert run(None, [3]) == [
        {"seconds": 3, "words": "3 hosts, and more words than there are columns"}
    ]
