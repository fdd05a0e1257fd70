"""What a guest tells its master: reports, what changed since, and heartbeats.

The guest's own state lies in ``<cachedir>/inguest`` of the minion (0700)::

    lock             held by whoever writes here
    chain.json       the last message of the chain, and what it said
    outbox/<seq>     messages that the master has not acknowledged

Whoever has something to tell calls one of these, in :mod:`inguestlib.reporting.tell`, and then
fires the event itself. Each holds the lock while it works, and has written everything to disk
before it returns: what it returns may be lost, it is sent again until it is acknowledged::

    place = chain.Place(home, host, messages.Signer(pem))

    # a whole audit: facts of audit.observe, report of audit.report
    tell.report(place, facts, report, revision, full=False, anew=False, now=None) -> Told

    # a part, by the beacon: facts of these families, findings as they are in a report (all of
    # these families, plain data), policy the digest; Told.envelope is None when nothing changed
    tell.delta(place, families, facts, findings, policy, revision, now=None) -> Told

    Told(kind, seq, digest, envelope, why, changed, gone, before)
        kind      "report", "delta", "heartbeat", or "nothing"
        envelope  for the event's data, {"message": envelope}; None for nothing
        why       words: what made it a report
        changed   findings, plain data, that differ from what was said last
        gone      [[control, resource], …] that were said last and are no more
        before    {(control, resource): verdict} that was said last of changed and gone

A delta needs a chain to follow: while there is no report yet, or the host, its key, the policy or
the revision are others than the last message's, :class:`inguestlib.reporting.chain.NoChain` is
raised, and a report has to come first.

    outbox.due(place.home, now=None) -> bool      # cheap: whether something waits to be sent again
    tell.again(place, since=None, now=None) -> [{"seq", "envelope", …}, …]   # what is due, in order
"""
