"""What guests tell, on its way from the master's bus into the store.

::

    raw event ──► arrivals ──► rules, one message ──► batch, in order ──► loop: one transaction
                     │                                                        │
                what a tag says                          acknowledged, asked again, refused

- :mod:`.arrivals`: is this event ours, who sent it, and what is in it;
- :mod:`.keys`: the public keys that this master accepted;
- :mod:`.rules`: one message against its host's chain: accepted, duplicate, resend or aside;
- :mod:`.batch`: the same for many messages of many hosts, each following the one before;
- :mod:`.loop`: reads the bus, writes, and answers only after the commit.

All but the loop is pure. The loop gets its clock, its bus, its store and its way to answer from
outside: ``_engines/inguest.py`` hands it those of Salt.

Nothing is spooled on the master: what isn't stored isn't acknowledged, and the guest sends it
again. So being killed at any point loses nothing; and since every message names the digest of the
one before, nothing counts twice.
"""
