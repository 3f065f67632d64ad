"""What the type checkers say of records. Nothing runs: mypy and pyright read this file."""

from typing import assert_type

from pyfly.kernel.record import Record


class Point(Record):
    x: int
    label: str | None = None


def constructors_are_checked() -> None:
    assert_type(Point(1), Point)
    assert_type(Point(x=1, label="a"), Point)
    Point()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Point("1")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    Point(1, colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def fields_have_their_types(point: Point) -> None:
    assert_type(point.x, int)
    assert_type(point.label, str | None)


def fields_are_read_only(point: Point) -> None:
    point.x = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def records_match_by_position(point: Point) -> None:
    match point:
        case Point(x, label):
            assert_type(x, int)
            assert_type(label, str | None)
