"""A run on one volume: look, do the first step that is left, look again; proofs at the end."""

from inguestlib.redact import redacted
from inguestlib.volumes import (
    VolumeError,
    backup,
    clone,
    flags,
    format,
    inplacesteps,
    keyslots,
    network,
    plan,
    proofs,
    randomkey,
    reencrypt,
    retire,
    use,
    wiring,
)

MOST = 100  # steps: far more than any volume needs

STEPS = {}
for _part in (
    backup,
    flags,
    format,
    use,
    keyslots,
    retire,
    randomkey,
    wiring,
    network,
    inplacesteps,
    reencrypt,
    clone,
):
    STEPS.update(_part.STEPS)


def run(job, test=False, only=None):
    """Bring a volume to what the policy declares, as far as it takes.

    test
        Only say what would be done.
    only
        ``only(step)`` says whether a step is asked for: a person's call that is about one thing.
        The others wait, and so do the proofs of the whole.

    Returns ``{"volume", "result", "steps", "left", "comment", "proofs", "notes"}``. ``result``:
    ``clean`` (nothing was to do), ``planned``, ``changed``, ``refused`` (nothing was changed),
    or ``failed``. ``steps`` are those done, ``left`` those still to do, both as
    :meth:`inguestlib.volumes.Step.to_dict`. ``proofs`` are ``{"way", "ok", "evidence"}``.
    """
    try:
        if test:
            return _run(job, True, only)
        with job.lock():
            return _run(job, False, only)
    except VolumeError as exc:
        return _result(job, "refused", comment=str(exc))


def _run(job, test, only):
    done, last = [], None
    while True:
        try:
            seen = job.look(anew=not done)
            if not test:
                keyslots.tidy(job, seen)
            made = plan.plan(job.declared, seen)
        except (VolumeError, OSError) as exc:
            return _result(job, "failed" if done else "refused", done, comment=str(exc))
        if made.refusal:
            return _result(job, "failed" if done else "refused", done, comment=made.refusal)
        if only is not None:
            made = made._replace(steps=tuple(filter(only, made.steps)))
        if test or not made.steps:
            break
        step = made.steps[0]
        if step == last or len(done) >= MOST:
            why = f"{step.kind} was done and is still to do: {step.why}"
            return _result(job, "failed", done, made.steps, why)
        try:
            job.step(f"run: {step.kind}")
            before = job.passed
            STEPS[step.kind](job, step)
        except Exception as exc:  # noqa: BLE001 - Salt's functions raise what they like
            why = f"{step.kind}: {_words(exc)}"
            changed = done or job.passed > before
            return _result(job, "failed" if changed else "refused", done, made.steps, why)
        done.append(step)
        last = step
    if test and made.steps:
        return _result(job, "planned", left=made.steps, notes=made.notes)
    if only is not None:
        return _result(job, "changed" if done else "clean", done, notes=made.notes)
    return _proved(job, done, made.notes)


def _words(exc):
    """What a person is told of an exception; one that is not meant for people says its kind."""
    plain = isinstance(exc, (VolumeError, OSError))
    return redacted(str(exc) if plain else f"{type(exc).__name__}: {exc}")


def _proved(job, done, notes):
    """The result of a run with nothing left to do: good only if all its proofs are."""
    try:
        found = proofs.of(job.declared, job.look(anew=True))
    except (VolumeError, OSError) as exc:
        return _result(job, "failed", done, comment=str(exc), notes=notes)
    wrong = [f"{proof['way']}: {proof['evidence']}" for proof in found if not proof["ok"]]
    result = "failed" if wrong else "changed" if done else "clean"
    return _result(job, result, done, comment="; ".join(wrong), proofs=found, notes=notes)


def _result(job, result, done=(), left=(), comment="", proofs=(), notes=()):
    return {
        "volume": job.name,
        "result": result,
        "steps": [step.to_dict() for step in done],
        "left": [step.to_dict() for step in left],
        "comment": comment,
        "proofs": list(proofs),
        "notes": list(notes),
    }
