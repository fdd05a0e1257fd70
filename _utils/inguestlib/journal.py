"""The journal of an apply: written before anything is done, gone when all is done or undone.

On disk, below ``/var/lib/inguest`` of the guest (0700, root)::

    journal/<id>.new/     being made: nothing was done yet
    journal/<id>/         open: what was begun may have to be undone
        plan.json         the family, the changes, when it began
        steps.jsonl       one line for each change that was begun, with what stood there
        before/<n>        contents of files as they were
        reserve           room for the undo on a disk that is full by then
        undone            numbers of the steps that an undo has finished
        unconfirmed       all is verified, and waits; see :mod:`inguestlib.confirmation`
    journal/<id>.closed/  committed or undone; only its removal was interrupted
    kept/<id>/            files that somebody else changed between an apply and its undo

Each state follows the other by one ``rename``, so that a power cut finds one or
the other. Contents and metadata are restored to the byte; see :mod:`inguestlib.images`.
"""

import contextlib
import json
import os
import shutil
import time
import uuid

from inguestlib import bootimages, efivars, images, pkgchange, secrets
from inguestlib import changes as c
from inguestlib.effects import rendered
from inguestlib.guest import Guest
from inguestlib.rootlock import HOME, Busy, lock

RESERVE = 64 << 10  # bytes kept free for the undo, should the disk fill up meanwhile


__all__ = (
    "HOME",
    "RESERVE",
    "Busy",
    "Journal",
    "JournalError",
    "lock",
    "open_ones",
    "recover",
    "waiting",
)


class JournalError(Exception):
    """A journal that can't be undone; the message names it and the reason."""


# ---- the journal itself --------------------------------------------------------------------


class Journal:
    """The journal of one family's apply.

    home
        The real path of :data:`HOME`, from :func:`lock`.
    step
        Called with a label before and after everything that lasts; a test kills there.
    """

    def __init__(self, folder, step=lambda label: None):
        self.folder = folder
        self.kept = []  # copies of what somebody else has changed meanwhile, after an undo
        self.left = []  # what no undo can bring back, in words
        self._step = step

    @classmethod
    def open(cls, home, family, changes, step=lambda label: None):
        """A new journal, durable before this returns."""
        name = f"{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}-{family}-{uuid.uuid4().hex[:8]}"
        top = os.path.join(home, "journal")
        os.makedirs(top, mode=0o700, exist_ok=True)
        folder = os.path.join(top, name)
        new = folder + ".new"
        plan = {"id": name, "family": family, "changes": [change.to_dict() for change in changes]}
        try:
            os.mkdir(new, 0o700)
            os.mkdir(os.path.join(new, "before"), 0o700)
            step("journal: new")
            images.write(os.path.join(new, "plan.json"), json.dumps(plan, indent=1).encode())
            # Random, for a filesystem that compresses would keep no room for zeros.
            images.write(os.path.join(new, "reserve"), os.urandom(RESERVE))
            images.sync_dir(new)
        except OSError:
            shutil.rmtree(new, ignore_errors=True)
            raise
        step("journal: plan written")
        os.rename(new, folder)
        images.sync_dir(top)
        step("journal: open")
        return cls(folder, step)

    @property
    def id(self):
        """The journal's name."""
        return os.path.basename(self.folder)

    @property
    def plan(self):
        """What ``plan.json`` holds."""
        with open(os.path.join(self.folder, "plan.json"), encoding="utf-8") as file:
            return json.load(file)

    def begin(self, number, change, guest):
        """Keep what the change will touch; durable before this returns."""
        record, content = images.before(guest, change)
        if _builds(change):
            record = bootimages.keep(guest, os.path.join(self.folder, "before"), number)
        if content is not None:
            path = os.path.join(self.folder, "before", str(number))
            images.write(path, content)
            images.sync_dir(os.path.dirname(path))
            self._step(f"{number}: before-image written")
        line = json.dumps({"n": number, "before": record}) + "\n"
        images.write(os.path.join(self.folder, "steps.jsonl"), line.encode(), append=True)
        images.sync_dir(self.folder)
        self._step(f"{number}: begun")

    def done(self, number, change, guest):
        """Keep what the change has made, where others may add to it before an undo."""
        after = bootimages.made(guest) if _builds(change) else images.after(guest, change)
        if after is not None:
            line = json.dumps({"n": number, "after": after}) + "\n"
            images.write(os.path.join(self.folder, "steps.jsonl"), line.encode(), append=True)
        self._step(f"{number}: done {change.describe()}")

    def steps(self):
        """``[(number, change, record, content or None), …]`` of what was begun, in order.

        A torn last line was never acted upon: it is left out.
        """
        changes = [c.from_dict(data) for data in self.plan["changes"]]
        try:
            with open(os.path.join(self.folder, "steps.jsonl"), encoding="utf-8") as file:
                lines = file.read().splitlines()
        except FileNotFoundError:
            return []
        found = []
        for i, line in enumerate(lines):
            try:
                row = json.loads(line)
            except ValueError as exc:
                if i == len(lines) - 1:
                    break
                raise JournalError(f"{self.folder}/steps.jsonl:{i + 1} is damaged") from exc
            if "after" in row:
                found[-1][2]["after"] = row["after"]
                continue
            content = None
            path = os.path.join(self.folder, "before", str(row["n"]))
            if os.path.exists(path):
                with open(path, "rb") as file:
                    content = file.read()
            found.append((row["n"], changes[row["n"]], row["before"], content))
        return found

    def close(self):
        """Committed or undone: from here on nothing of it will be undone."""
        closed = self.folder + ".closed"
        self._step("journal: closing")
        os.rename(self.folder, closed)
        images.sync_dir(os.path.dirname(closed))
        self._step("journal: closed")
        shutil.rmtree(closed)
        self._step("journal: removed")

    def wait(self):
        """All is verified and durable; it stays open until somebody confirms it."""
        images.write(os.path.join(self.folder, "unconfirmed"), b"")
        images.sync_dir(self.folder)
        self._step("journal: unconfirmed")

    def settle(self, guest):
        """Make what was done durable, before the journal that could undo it goes."""
        for _number, change, record, _content in self.steps():
            if "path" in record:
                images.sync_file(guest, record["path"])
            elif "links" in record:
                for folder in images.link_folders(guest):
                    images.sync_dir(guest.path(folder))
            self._step(f"durable: {change.target}")

    def undo(self, guest, effects):
        """Undo what was begun: first what lasts, in reverse; then make it count, in order.

        A service is restarted only after its files are back. Returns the targets. Where one
        step can't be undone the others are all the same; then :class:`JournalError` names
        what is left, and the next undo does only that.
        """
        with contextlib.suppress(FileNotFoundError):
            # From here on it is too late to confirm it.
            os.unlink(os.path.join(self.folder, "unconfirmed"))
            images.sync_dir(self.folder)
        steps, undone = self.steps(), self._undone()
        todo = [step for step in _firsts(steps)[::-1] if step[0] not in undone]
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.folder, "reserve"))
        # Twice: on a full disk, what is taken away makes room for what is put back.
        for _ in range(2):
            todo, failed = self._undo_each(todo, guest, effects)
        if guest.live:
            failed += self._undo_runtime(steps, effects)
        if failed:
            raise JournalError("; ".join(failed))
        return [change.target for _n, change, _r, _c in steps]

    def _undo_each(self, steps, guest, effects):
        """``(the steps that failed, why)``."""
        left, failed = [], []
        for step in steps:
            number, change, record, content = step
            self._step(f"{number}: undoing {change.target}")
            try:
                self._undo_lasting(change, record, content, guest, effects)
            except Exception as exc:  # noqa: BLE001 - the others are undone all the same
                left.append(step)
                failed.append(f"{change.target}: {type(exc).__name__}: {exc}")
            else:
                with contextlib.suppress(OSError):  # without the mark it is undone once more
                    done = os.path.join(self.folder, "undone")
                    images.write(done, f"{number}\n".encode(), append=True)
        return left, failed

    def _undone(self):
        """Numbers of the steps that an earlier undo has finished: a person may have gone on."""
        try:
            with open(os.path.join(self.folder, "undone"), encoding="ascii") as file:
                return {int(line) for line in file if line.endswith("\n")}
        except FileNotFoundError:
            return set()

    def _undo_lasting(self, change, record, content, guest, effects):
        if "path" in record:
            self._keep(record, content, guest)
            images.restore(guest, record, content)
        elif "links" in record:
            images.restore_links(guest, record)
        elif "boot_images" in record:
            bootimages.restore(guest, record, os.path.join(self.folder, "before"))
        elif isinstance(change, c.Package):
            stays = pkgchange.undo(change, record, guest, effects)
            self.left += [stays] if stays else []
        elif isinstance(change, c.Sysctl) and record["value"] is not None:
            effects.do(c.Sysctl(change.name, record["value"]), guest)
        elif isinstance(change, c.BootOrder) and efivars.order(guest) == list(change.order):
            efivars.set_order(guest, record["order"])  # another order is somebody else's

    def _keep(self, record, content, guest):
        """Keep a copy of a file that somebody else has changed since: nothing is ever lost."""
        now = images.text_at(guest, record)
        if now is None or now == content or self._is_ours(now, record, content):
            return
        kept = os.path.join(self._home, "kept", self.id)
        os.makedirs(kept, mode=0o700, exist_ok=True)
        os.chmod(os.path.dirname(kept), 0o700)
        name = record["path"].strip("/").replace("/", "_")
        images.write(os.path.join(kept, name), now)
        images.sync_dir(kept)
        shown = f"{HOME}/kept/{self.id}/{name}"
        self.kept += [] if shown in self.kept else [shown]

    def _is_ours(self, now, record, content):
        """Whether the changes of this journal have made these bytes; it knows no secret of them."""
        text = now.decode("utf-8", "surrogateescape")
        return any(secrets.matches(made, text) for made in self._ours(record, content))

    def _ours(self, record, content):
        """The contents that the changes of this journal make of a file, one after another."""
        text = None if content is None else content.decode("utf-8", "surrogateescape")
        made = []
        for _number, change, other, _content in self.steps():
            if isinstance(change, c.File) and other.get("path") == record["path"]:
                with contextlib.suppress(c.ChangeError):
                    text = rendered(change, text)
                    if text is not None:
                        made.append(text)
        return made

    @property
    def _home(self):
        return os.path.dirname(os.path.dirname(self.folder))

    @staticmethod
    def _undo_runtime(steps, effects):
        """Make the running guest follow its files again; what failed, in words."""
        todo = []
        if any(isinstance(change, c.Unit) for _n, change, _r, _c in steps):
            todo.append(c.Unit("systemd", "daemon-reload"))
        for _number, change, record, _content in steps:
            if isinstance(change, c.Refresh):
                # Images are back as they were; to build them again might fail again.
                todo += [] if _builds(change) else [change]
            elif isinstance(change, c.Unit) and "active" in record:
                was = record["active"] == "active"
                if change.action in ("start", "restart") and not was:
                    todo.append(c.Unit(change.name, "stop"))
                elif change.action in ("restart", "stop") and was:
                    todo.append(c.Unit(change.name, "restart"))
                elif change.action == "reload" and was:
                    todo.append(change)
        guest, failed = Guest("/"), []
        for change in todo:
            try:
                effects.do(change, guest)
            except Exception as exc:  # noqa: BLE001 - one that fails must not leave others down
                failed.append(f"{change.describe()}: {type(exc).__name__}: {exc}")
        return failed


def _builds(change):
    """Whether a change builds the images anew that a boot needs."""
    return isinstance(change, c.Refresh) and change.owner in bootimages.OWNERS


def _firsts(steps):
    """The steps without those that found what an earlier one had left at the same place.

    Of the links of units the last step knows what all of them have made.
    """
    first = {}
    for step in steps:
        record = step[2]
        place = record.get("path") or ("links" if "links" in record else step[0])
        if place not in first:
            first[place] = step
        elif place == "links":
            number, change, before, content = first[place]
            first[place] = (number, change, {**before, "after": record.get("after")}, content)
    return list(first.values())


def open_ones(home):
    """The open journals, newest first."""
    top = os.path.join(home, "journal")
    names = sorted(os.listdir(top), reverse=True) if os.path.isdir(top) else []
    names = [name for name in names if not name.endswith((".new", ".closed"))]
    return [Journal(os.path.join(top, name)) for name in names]


def waiting(home):
    """The journals whose changes are verified and wait for their confirmation, newest first."""
    return [j for j in open_ones(home) if os.path.exists(os.path.join(j.folder, "unconfirmed"))]


def recover(guest, home, effects, step=lambda label: None):
    """Finish what a kill or a power cut has left: undo open journals, newest first.

    Returns ``[{"id", "family", "undone": [target, …], "kept": [path, …], "left": […]}, …]``;
    ``kept`` are copies of files that somebody else has changed in between, ``left`` says what
    can't come back, such as a version that no repository offers any more. Raises
    :class:`JournalError` when one can't be undone; it stays, and nothing else may be applied
    before it.
    """
    top = os.path.join(home, "journal")
    names = sorted(os.listdir(top), reverse=True) if os.path.isdir(top) else []
    for name in names:
        if name.endswith((".new", ".closed")):  # nothing was done yet, or all is done
            shutil.rmtree(os.path.join(top, name))
    recovered = []
    for name in names:
        if name.endswith((".new", ".closed")):
            continue
        journal = Journal(os.path.join(top, name), step)
        try:
            undone = journal.undo(guest, effects)
            family = journal.plan["family"]
        except Exception as exc:
            raise JournalError(
                f"{journal.folder} could not be undone ({type(exc).__name__}: {exc}); "
                "mend that and run inguest.recover"
            ) from exc
        journal.close()
        row = {"id": name, "family": family, "undone": undone}
        recovered.append({**row, "kept": journal.kept, "left": journal.left})
    return recovered
