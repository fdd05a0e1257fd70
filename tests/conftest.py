"""Fixtures of the rig, for every folder of tests. ``tests/README.md`` tells how it works."""

import logging
import sys
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # so that `import support` is the rig

from support import trees, variants
from support.containers import Container
from support.wire import Wire


def pytest_unconfigure():
    """Salt still logs at exit, when pytest has closed its streams: nobody needs to read that."""
    logging.raiseExceptions = False


@pytest.fixture
def offline_tree(tmp_path):
    """``offline_tree("bookworm", "resolved")`` gives a Debian root the test may change.

    The tree is made of real packages; ``network`` (:class:`support.variants.Network`)
    is set up in the variant's own files. ``network=None`` leaves it as installed.
    """
    with ExitStack() as copies:

        def make(suite, variant="base", network=variants.DOCUMENTATION):
            return copies.enter_context(
                trees.writable(suite, variant, _fresh(tmp_path, suite, variant), network)
            )

        yield make


@pytest.fixture(scope="session")
def wire():
    """The session's :class:`support.wire.Wire`: bridge, addresses, resolvers."""
    wire = Wire().open()
    yield wire
    wire.close()


@pytest.fixture(scope="session")
def master(wire, tmp_path_factory):
    """The session's :class:`support.salt_rig.Master`, on the wire's address."""
    from support import salt_rig  # imports Salt, which the unit tests do without

    master = salt_rig.Master(tmp_path_factory.mktemp("master") / "salt", wire.master)
    try:
        yield master.start()
    finally:
        master.stop()


@pytest.fixture(scope="session")
def postgres():
    """The session's :class:`support.postgres.Server`; ``postgres.database()`` is a new one."""
    from support.postgres import Server

    with Server() as server:
        yield server


@pytest.fixture
def boot(wire, tmp_path):
    """``boot("trixie", "networkmanager")`` gives a booted :class:`Container`.

    ``prepare(container)`` is called before it boots. Other keywords change the network's
    set-up: ``dhcp=True``, ``resolvers=(wire.stranger,)``.
    """
    with ExitStack() as stack:

        def make(suite, variant="base", prepare=None, binds=None, **network):
            link = wire.plug(**network)
            return stack.enter_context(_booted(link, tmp_path, suite, variant, prepare, binds))

        yield make


@pytest.fixture(scope="session")
def salted(wire, master, tmp_path_factory):
    """``with salted("bookworm", "resolved") as minion:`` gives a :class:`support.salt_rig.Minion`.

    Its container is booted, its minion is accepted and holds the checkout's modules,
    as after ``saltutil.sync_all``. Keywords change the network's set-up, as
    for ``boot``.
    """
    from support import salt_rig

    @contextmanager
    def make(suite, variant="base", **network):
        minions = []

        def prepare(container):
            minions.append(salt_rig.Minion(container, master))
            minions[0].install()

        scratch = tmp_path_factory.mktemp("container")
        link = wire.plug(**network)
        with _booted(link, scratch, suite, variant, prepare, salt_rig.binds()):
            minion = minions[0].wait()
            minion.salt("saltutil.sync_all")
            yield minion

    return make


@pytest.fixture
def salted_container(salted):
    """``salted_container("bookworm", "resolved")``: as ``salted``, until the test's end."""
    with ExitStack() as stack:
        yield lambda *args, **network: stack.enter_context(salted(*args, **network))


@contextmanager
def _booted(link, scratch, suite, variant, prepare=None, binds=None):
    with trees.writable(suite, variant, _fresh(scratch, suite, variant), link.network) as root:
        container = Container(f"{suite}-{variant}-{link.name}", root, link, binds)
        if prepare:
            prepare(container)
        try:
            yield container.boot()
        finally:
            container.cut()


def _fresh(directory, *words):
    """A directory that isn't there yet, named after ``words``."""
    name = "-".join(words)
    number = 1
    while (directory / f"{name}-{number}").exists():
        number += 1
    return directory / f"{name}-{number}"
