"""Enforcement over the fleet: the drift that is there is cured, canaries first, batch by batch.

``planning`` makes the waves, ``states`` says what comes next and what an answer means, both pure;
``driver`` does it, and writes each step into the store before and after; ``view`` shows it.
"""
