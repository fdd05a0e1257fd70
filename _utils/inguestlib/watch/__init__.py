"""What the beacon does: see that something moved, judge what it concerns again, tell what changed.

- :mod:`.marks`: what a family depends on, as signatures of files, from the trace of its guest.
- :mod:`.sentry`: one quiet pass over all marks: what moved, and which families that concerns.
- :mod:`.verdicts`: two judgements compared: what drifted, what was cured. Pure.
- :mod:`.round`: observe and judge the families concerned, and compare.
- :mod:`.memory`: what the last round knew, on disk: it survives the minion.
- :mod:`.watcher`: the three steps together, for the minion's process.
"""
