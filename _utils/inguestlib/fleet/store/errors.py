"""What goes wrong with a store, in words for people; callers need no library to catch it."""


class StoreError(Exception):
    """The store can't be used as it is configured; the text says why and what to do."""


class StoreUnavailable(StoreError):
    """The database does not answer, or gave up. Nothing was written: try again later."""


def missing(exc):
    """The :class:`StoreError` of a library that is not installed."""
    name = (getattr(exc, "name", None) or str(exc)).partition(".")[0]
    return StoreError(
        f"the store needs {name}, which is not installed for this Python: "
        "pip install 'saltext.inguest[master]'"
    )
