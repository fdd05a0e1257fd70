"""The fleet as one page of HTML that needs nothing else: no network, no second file.

:func:`render` is the way in. The parts: :mod:`gather` reads the store, :mod:`findings` groups what
is equal on many hosts, :mod:`packed` turns what the script shows into one compressed block,
:mod:`trend` draws drift over time; :mod:`template`, :mod:`style` and :mod:`script` are the page,
and :mod:`html` fills it. Only files that end in ``.py`` reach a master by Salt's sync, so markup,
style and script are Python too.

What a guest reported was perhaps written by somebody hostile. It goes two ways into the page: as
text through Jinja2's escaping, and in the compressed block, whose base64 has no character that
HTML knows; the script makes text nodes of it, never markup. A Content-Security-Policy allows this
one script and this one style sheet by their digests and nothing else, so the browser holds to it.
"""

from inguestlib.fleet.page.gather import gather
from inguestlib.fleet.page.html import write

__all__ = ["gather", "render", "write"]


def render(reader, *, names=None, since=None, now=None, silent_after=10800, tick=None):
    """The page, as an iterator of text.

    reader
        What the store's ``read()`` gives.
    names
        Only these hosts; ``None``: all of them.
    since
        Where drift over time begins, an aware datetime; 90 days ago when left out.
    now
        The time of the report, an aware datetime.
    silent_after
        Seconds without a word after which a host is called silent.
    tick
        Called now and then while it reads: ``tick(words)``.
    """
    fleet = gather(reader, names=names, since=since, now=now, silent_after=silent_after, tick=tick)
    return write(fleet)
