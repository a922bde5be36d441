"""What is to be drawn, without saying by what."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slo._slo import thin

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# Okabe and Ito's colours.
BLUE, ORANGE, GREEN, RED, PURPLE, SKY, GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#888888"
# Whatever the locale.
WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
# Of a scale that is linear up to 1.
TICKS = [0, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]
# Of a grid: up to the middle, and above it.
LITTLE, EVEN, MUCH, MOST = "#f2f6fa", "#a9cbe4", "#fdd0a2", "#c0392b"
TIERS = {"fast": RED, "medium": ORANGE, "slow": BLUE, "trickle": GREEN}


@dataclass(frozen=True)
class Line:
    """A curve over time; NaN breaks it."""

    name: str
    times: Any
    values: Any
    color: str
    dashed: bool = False


@dataclass(frozen=True)
class Rule:
    """A level line."""

    value: float
    label: str
    color: str


@dataclass(frozen=True)
class Span:
    """A stretch of time: shaded, or a bar in the row of its name where the chart has rows."""

    name: str
    start: Any
    end: Any
    color: str


@dataclass(frozen=True)
class Cell:
    """A value in a grid."""

    column: str
    row: str
    value: float
    label: str


@dataclass(frozen=True)
class Point:
    """One of several things with two costs; those on the front are joined."""

    label: str
    x: float
    y: float
    color: str
    on_front: bool
    # Points are joined with those of their group.
    group: str = ""


@dataclass(frozen=True)
class Chart:
    """A picture in the making: lines, level lines, stretches of time, a grid, or points."""

    title: str
    y: str
    x: str = ""
    lines: Sequence[Line] = ()
    rules: Sequence[Rule] = ()
    spans: Sequence[Span] = ()
    rows: Sequence[str] = ()
    cells: Sequence[Cell] = ()
    points: Sequence[Point] = ()
    # Linear up to 1 and logarithmic above it.
    symlog: bool = False
    # The value at which the colours of a grid are in the middle.
    middle: float = 0.0
    # From when to when, where the contents do not say.
    limits: tuple[Any, Any] | None = field(default=None)
    # From where to where values are shown, where not all of them matter.
    shown: tuple[float, float] | None = field(default=None)

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
    """Columns over time as lines, thinned to what can be seen, and broken where there are no numbers."""
    most = min(2_000, 4_500 // max(len(columns), 1))
    known = list(colors) or [BLUE, ORANGE, GREEN, PURPLE, RED, SKY, GREY]
    found = []
    for number, ((name, values), color) in enumerate(zip(columns.items(), itertools.cycle(known))):
        shown, broken = _shown(values, most)
        # Colours that come again are dashed.
        found.append(Line(name, times[shown], broken, color, number >= len(known)))
    return found


def _shown(values: Any, most: int) -> tuple[Any, Any]:
    import numpy as np

    shown = thin(values, most)
    unknown = np.cumsum(np.isnan(values))
    # Where values without number lie between two that are shown.
    gaps = np.flatnonzero(np.diff(unknown[shown]))
    return np.insert(shown, gaps + 1, shown[gaps] + 1), np.insert(values[shown], gaps + 1, np.nan)
