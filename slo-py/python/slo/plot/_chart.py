"""Charts as data, independent of the plotting library."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slo._slo import thin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Okabe and Ito's colours.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#888888"
# The same in every locale.
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
# For a scale that is linear up to 1.
TICKS = [0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]
# For a grid: up to the middle, and above it.
LITTLE, EVEN, MUCH, MOST = "#f2f6fa", "#a9cbe4", "#fdd0a2", "#c0392b"
TIERS = {"fast": RED, "medium": ORANGE, "slow": BLUE, "trickle": GREEN}


@dataclass(frozen=True)
class Line:
    """A curve over time; NaN breaks it."""

    name: str
    """Its name in the legend."""
    times: Any
    """Times, a numpy array."""
    values: Any
    """A value for each of them."""
    color: str
    """Hexadecimal, as are all colours."""
    dashed: bool = False
    """Whether it is drawn in dashes."""


@dataclass(frozen=True)
class Rule:
    """A level line."""

    value: float
    """Its value on the vertical axis."""
    label: str
    """The text beside it."""
    color: str
    """Its colour."""


@dataclass(frozen=True)
class Span:
    """A stretch of time: shaded, or a bar in the row of its name where the chart has rows."""

    name: str
    """Its name, or the name of its row."""
    start: Any
    """When it begins."""
    end: Any
    """When it ends."""
    color: str
    """Its colour."""


@dataclass(frozen=True)
class Cell:
    """A value in a grid."""

    column: str
    """Its column."""
    row: str
    """Its row."""
    value: float
    """The value that its colour shows; NaN for none."""
    label: str
    """The text shown on hover."""


@dataclass(frozen=True)
class Point:
    """One of several choices with two costs; a line joins those on the front."""

    label: str
    """The name of the choice."""
    x: float
    """Its first cost."""
    y: float
    """Its second cost."""
    color: str
    """Its colour."""
    on_front: bool
    """Whether no other choice is better in both costs."""
    group: str = ""
    """The group of the point: a line joins the front of each group."""


@dataclass(frozen=True)
class Chart:
    """A chart as data: lines, level lines, stretches of time, a grid, or points."""

    title: str
    """The title."""
    y: str
    """The title of the vertical axis."""
    x: str = ""
    """The title of the horizontal axis, if it does not show time."""
    lines: Sequence[Line] = ()
    """Curves over time."""
    rules: Sequence[Rule] = ()
    """Level lines."""
    spans: Sequence[Span] = ()
    """Stretches of time."""
    rows: Sequence[str] = ()
    """The names of rows, from the top."""
    cells: Sequence[Cell] = ()
    """The values of a grid."""
    points: Sequence[Point] = ()
    """Choices with two costs."""
    symlog: bool = False
    """Whether values are linear up to 1 and logarithmic above it."""
    middle: float = 0.0
    """The value at which the colours of a grid are in the middle."""
    limits: tuple[Any, Any] | None = field(default=None)
    """The first and the last time shown, if the contents do not define them."""
    shown: tuple[float, float] | None = field(default=None)
    """The lowest and the highest value shown, if not all values matter."""

    def most(self) -> float:
        """The highest value of a grid; at least twice its middle."""
        return max([2 * self.middle, *(cell.value for cell in self.cells if cell.value == cell.value)])

    def fronts(self) -> list[list[Point]]:
        """The points on the front of each group, from left to right."""
        groups: dict[str, list[Point]] = {}
        for point in sorted(self.points, key=lambda point: (point.x, -point.y)):
            if point.on_front:
                groups.setdefault(point.group, []).append(point)
        return list(groups.values())


def curves(times: Any, columns: Mapping[str, Any], colors: Sequence[str] = ()) -> list[Line]:
    """Columns over time as thinned lines, with gaps where there are no numbers."""
    most = min(2_000, 4_500 // max(len(columns), 1))
    known = list(colors) or [BLUE, ORANGE, GREEN, PURPLE, RED, SKY, GREY]
    found = []
    for number, ((name, values), color) in enumerate(zip(columns.items(), itertools.cycle(known))):
        shown, broken = _shown(values, most)
        # Lines that reuse a colour are dashed.
        found.append(Line(name, times[shown], broken, color, number >= len(known)))
    return found


def _shown(values: Any, most: int) -> tuple[Any, Any]:
    import numpy as np

    shown = thin(values, most)
    unknown = np.cumsum(np.isnan(values))
    # Places where NaN lies between two shown values.
    gaps = np.flatnonzero(np.diff(unknown[shown]))
    return np.insert(shown, gaps + 1, shown[gaps] + 1), np.insert(values[shown], gaps + 1, np.nan)
