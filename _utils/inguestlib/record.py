"""Immutable values: ``@dataclass(frozen=True)``, without compiling methods for each class.

Salt forks a process for each job, which imports the library anew; a third of that was the
source text that :mod:`dataclasses` writes and compiles for every class. The fields stay
those of :mod:`dataclasses` (``fields``, ``replace`` and ``asdict`` work); the methods are
these, shared by all.
"""

from dataclasses import MISSING, FrozenInstanceError, dataclass, fields


def record(cls):
    """Make a class with annotated fields and a docstring an immutable, hashable value."""
    cls = dataclass(init=False, repr=False, eq=False, match_args=False)(cls)
    known = fields(cls)
    cls._names = tuple(f.name for f in known)
    cls._defaults = {f.name: f.default for f in known}  # all names, in the order of the fields
    cls._factories = {f.name: f.default_factory for f in known if f.default_factory is not MISSING}
    cls._required = tuple(
        f.name for f in known if f.default is MISSING and f.default_factory is MISSING
    )
    for method in (__init__, __repr__, __eq__, __hash__, __setattr__, __delattr__):
        if method.__name__ not in vars(cls):
            setattr(cls, method.__name__, method)
    return cls


def __init__(self, *args, **named):
    names = self._names
    values = self._defaults.copy()
    values.update(zip(names, args, strict=False))
    if named or len(args) < len(names):
        values.update(named)
        for name in self._required[len(args) :]:
            if name not in named:
                raise TypeError(f"{type(self).__name__}: {name} is missing")
        for name, factory in self._factories.items():
            if values[name] is MISSING:
                values[name] = factory()
    if len(args) > len(names) or len(values) > len(names):
        raise TypeError(f"{type(self).__name__} has the fields {', '.join(names)} only")
    for name in names[: len(args)] if named else ():
        if name in named:
            raise TypeError(f"{type(self).__name__}: {name} is given twice")
    self.__dict__.update(values)
    if hasattr(self, "__post_init__"):
        self.__post_init__()


def __repr__(self):
    shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in self._names)
    return f"{type(self).__qualname__}({shown})"


def __eq__(self, other):
    if type(other) is not type(self):
        return NotImplemented
    return all(getattr(self, name) == getattr(other, name) for name in self._names)


def __hash__(self):
    return hash(tuple([getattr(self, name) for name in self._names]))


def __setattr__(self, name, value):
    raise FrozenInstanceError(f"cannot assign to {name!r} of {type(self).__name__}")


def __delattr__(self, name):
    raise FrozenInstanceError(f"cannot delete {name!r} of {type(self).__name__}")
