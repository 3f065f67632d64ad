"""Immutable records."""

from __future__ import annotations

import copy
import pickle
import threading

import pytest

from pyfly.kernel.record import Record


class Point(Record):
    x: int
    y: int = 0


class Named(Point):
    name: str = "origin"


def test_fields_are_given_by_position_or_name_and_defaults_fill_the_rest() -> None:
    assert (Point(1, y=2).x, Point(1, y=2).y, Point(1).y) == (1, 2, 0)


def test_fields_of_the_base_class_come_first() -> None:
    named = Named(1, 2, "n")
    assert (named.x, named.y, named.name) == (1, 2, "n")
    assert Named.__match_args__ == ("x", "y", "name")


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: Point(), "needs a value for x"),
        (lambda: Point(1, 2, 3), r"takes 2 values \(x, y\), but 3 were given"),
        (lambda: Point(1, z=3), "has no field 'z'"),
        (lambda: Point(1, x=3), "got two values for 'x'"),
    ],
)
def test_wrong_arguments_are_told_by_class_and_field(make: object, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        make()  # type: ignore[operator]


def test_a_record_cannot_be_changed() -> None:
    point = Point(1)
    with pytest.raises(AttributeError, match=r"Point\.x is read-only"):
        point.x = 2  # type: ignore[misc]
    with pytest.raises(AttributeError, match="read-only"):
        del point.x  # type: ignore[misc]
    assert point.replace(y=5) == Point(1, 5)


def test_records_are_equal_by_class_and_values() -> None:
    assert Point(1, 2) == Point(1, 2)
    assert Point(1, 2) != Point(2, 1)
    assert Named(1, 2) != Point(1, 2)
    assert Point(1) != (1, 0)
    assert len({Point(1), Point(1), Point(2)}) == 2


def test_records_survive_pickle_copy_and_match() -> None:
    named = Named(1, 2, "n")
    assert pickle.loads(pickle.dumps(named)) == named
    assert copy.deepcopy(named) == named
    match named:
        case Named(x, _, name):
            assert (x, name) == (1, "n")
        case _:
            pytest.fail("did not match")


def test_repr_shows_every_field() -> None:
    assert repr(Named(1)) == "Named(x=1, y=0, name='origin')"


def test_threads_make_records_that_do_not_mix() -> None:
    made: list[Point] = []
    threads = [
        threading.Thread(target=lambda n=n: made.extend(Point(n, n) for _ in range(200)))
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 800
    assert all(point.x == point.y for point in made)


def test_equal_records_have_equal_hashes_in_whatever_order_their_fields_were_given() -> None:
    class Point(Record):
        x: int
        y: int

    one, other = Point(x=1, y=2), Point(y=2, x=1)
    assert one == other
    assert hash(one) == hash(other)
    assert len({one, other, Point(1, 2), one.replace(y=2)}) == 1
    assert hash(one) != hash(Point(x=2, y=1))
