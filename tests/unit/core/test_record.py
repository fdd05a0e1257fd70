"""Records behave as frozen dataclasses do."""

import pickle
from dataclasses import FrozenInstanceError, asdict, field, replace

import pytest

from inguestlib.record import record


@record
class Point:
    """A point."""

    x: int
    y: int = 0
    tags: list = field(default_factory=list)

    def __post_init__(self):
        if self.x < 0:
            raise ValueError("left of it all")


@record
class Named(Point):
    """A point with a name."""

    name: str = "origin"


def test_values_by_place_by_name_and_by_default():
    assert Point(1).y == 0
    assert vars(Point(y=2, x=1)) == {"x": 1, "y": 2, "tags": []}
    assert list(vars(Point(y=2, x=1))) == ["x", "y", "tags"]
    assert Point(1).tags is not Point(1).tags
    assert repr(Named(1, name="a")) == "Named(x=1, y=0, tags=[], name='a')"


@pytest.mark.parametrize(
    ("args", "named"),
    [((), {}), ((), {"y": 1}), ((1, 2, [], 4), {}), ((1,), {"x": 1}), ((1,), {"z": 1})],
)
def test_what_does_not_fit_is_refused(args, named):
    with pytest.raises(TypeError, match="Point"):
        Point(*args, **named)


def test_the_check_of_the_class_is_made():
    with pytest.raises(ValueError, match="left"):
        Named(-1)


def test_it_does_not_change_and_is_compared_by_value():
    point = Point(1, 2)
    with pytest.raises(FrozenInstanceError):
        point.x = 3
    with pytest.raises(FrozenInstanceError):
        del point.x
    assert point == Point(1, 2) != Point(1, 3)
    assert Point(1) != Named(1)
    assert hash(Point(1, 2, ())) == hash(Point(1, 2, ()))


def test_the_tools_for_dataclasses_work():
    assert replace(Named(1), y=5) == Named(1, 5)
    assert asdict(Point(1, 2)) == {"x": 1, "y": 2, "tags": []}
    assert pickle.loads(pickle.dumps(Named(1, 2))) == Named(1, 2)
