"""Progress is told when it takes long, and only then."""

import io

from inguestlib.fleet.progress import Progress
from support.reports import finding, report


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


class Terminal(io.StringIO):
    def isatty(self):
        return True


DRIFT = report("a", finding("drift"))


def test_what_is_quick_is_silent():
    stream, clock = io.StringIO(), Clock()
    told = Progress(["a"], stream, clock)
    clock.now = 1.9
    told.tick()
    told.answered("a", DRIFT)
    told.done()
    assert stream.getvalue() == ""


def test_a_line_every_two_seconds():
    stream, clock = io.StringIO(), Clock()
    told = Progress(["a", "b"], stream, clock)
    told.answered("a", DRIFT)
    for tenths in range(0, 65):
        clock.now = tenths / 10
        told.tick()
    assert stream.getvalue().split("\n") == [
        "2 s: 1 of 2 hosts answered (1 drift), waiting for b",
        "4 s: 1 of 2 hosts answered (1 drift), waiting for b",
        "6 s: 1 of 2 hosts answered (1 drift), waiting for b",
        "",
    ]


def test_a_terminal_gets_one_line_that_fits_and_is_cleared():
    stream, clock = Terminal(), Clock()
    told = Progress([f"host{n}" for n in range(50)], stream, clock, columns=40)
    clock.now = 3
    told.tick()
    told.done()
    drawn, cleared = stream.getvalue().split("\r\x1b[K")[1:]
    assert drawn.startswith("3 s: 0 of 50 hosts answered") and len(drawn) < 40
    assert cleared == ""


def test_events_for_each_answer_and_a_second_answer_counts_once():
    events = []
    told = Progress(["a", "b"], None, Clock(), events.append)
    told.answered("a", DRIFT)
    told.answered("a", DRIFT)
    told.answered("b", "boo")
    told.tick()
    told.done()
    assert events == [
        {"answered": 1, "expected": 2, "host": "a", "standing": "drift"},
        {"answered": 2, "expected": 2, "host": "b", "standing": "trouble"},
    ]


def test_names_are_harmless_and_few():
    told = Progress(["\x1b[2J", "b", "c", "d", "e"], None, Clock())
    assert told.text(9) == "9 s: 0 of 5 hosts answered, waiting for \\x1b[2J, b, c and 2 more"
