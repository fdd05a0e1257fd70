"""A library module that the tests change; laid beside the real ones in a scratch copy."""

WORD = "one"
