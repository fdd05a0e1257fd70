"""Many workers, one for each processor.

They are new interpreters that talk through pipes: neither forked from a daemon with threads, nor
children that :mod:`multiprocessing` would refuse to a daemonic process, as Salt's are. They find
this library though it be synced, for they are told where it lies.
"""

import os
import subprocess
import sys
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait

import inguestlib
from inguestlib.fleet.whatif.worker import Worker, receive, send

ALONE = 200
"""Hosts that one process judges sooner than others have started."""

_CHILD = (
    "import sys; sys.path.insert(0, sys.argv.pop(1)); "
    "from inguestlib.fleet.whatif.worker import main; main()"
)


class WorkerDied(RuntimeError):
    """A process of the pool ended before its work; the message says how."""


def processors():
    """How many processors this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def answers(shares, proposed, now, jobs):
    """The answers to an iterator of shares, as they come; see :mod:`.worker`.

    jobs
        How many processes; with 1 it is all done in this one. One share for each is held in memory.

    Raises :class:`WorkerDied`.
    """
    if jobs <= 1 or not sys.executable:
        worker = Worker(proposed, now)
        for share in shares:
            yield worker.share(share)
        return
    children = []
    shares = iter(shares)
    try:
        with ThreadPoolExecutor(jobs) as threads:
            free, busy = [], {}
            while True:
                while len(busy) < jobs:
                    share = next(shares, None)
                    if share is None:
                        break
                    if not free:
                        free.append(_Child(proposed, now))
                        children.append(free[0])
                    child = free.pop()
                    busy[threads.submit(child.ask, share)] = child
                if not busy:
                    return
                for future in wait(busy, return_when=FIRST_COMPLETED).done:
                    free.append(busy.pop(future))
                    yield future.result()
    finally:
        for child in children:
            child.end()


class _Child:
    def __init__(self, proposed, now):
        home = os.path.dirname(os.path.dirname(os.path.abspath(inguestlib.__file__)))
        self._process = subprocess.Popen(
            [sys.executable, "-c", _CHILD, home],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd="/",
        )
        self._first = (proposed, now)

    def ask(self, share):
        try:
            if self._first:
                send(self._process.stdin, self._first)
                self._first = None
            send(self._process.stdin, share)
            answer = receive(self._process.stdout)
        except OSError as exc:
            raise WorkerDied(f"a process of the judgement ended: {exc}") from exc
        if answer is None:
            code = self._process.wait()
            raise WorkerDied(f"a process of the judgement ended with {code}; nothing is known")
        return answer

    def end(self):
        for stream in (self._process.stdin, self._process.stdout):
            try:
                stream.close()
            except OSError:
                pass
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
