"""What a proposed policy would say of the fleet, judged on the facts that are stored.

No guest is asked and none is touched. The judgement is that of the audit, control by control;
what only a new observation could tell is ``unknown``, with the parameter that it hangs on.

- :mod:`.proposal`: the policy that is tried, from a file or laid over the pillars;
- :mod:`.stored`: facts that refuse what they were not asked;
- :mod:`.judge`: one host, with a memory of equal parts of facts;
- :mod:`.compare`: stored findings against new ones;
- :mod:`.pool`, :mod:`.worker`: the same on every processor;
- :mod:`.run`: the fleet.
"""
