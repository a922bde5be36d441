"""Charts as figures of matplotlib."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from slo.plot._chart import EVEN, LITTLE, MOST, MUCH, WEEKDAYS

if TYPE_CHECKING:
    from slo.plot._chart import Chart

_GRID = "#dddddd"


def draw(chart: Chart) -> Any:
    """A ``matplotlib.figure.Figure``; notebooks show it, also where pyplot is not loaded."""
    from matplotlib.figure import Figure

    height = 3.6 if chart.lines or chart.points else 2.6
    figure: Any = Figure(figsize=(9, height), layout="constrained")
    figure._repr_png_ = lambda: _png(figure)
    axes = figure.subplots()
    axes.set_title(chart.title, loc="left")
    axes.set_ylabel(chart.y)
    axes.set_xlabel(chart.x)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    if chart.cells:
        _cells(figure, axes, chart)
        return figure
    axes.grid(axis="x" if chart.rows else "y", color=_GRID, linewidth=0.6)
    if chart.points:
        _points(axes, chart)
        return figure
    # Keep a margin, so that marks at the edge are visible.
    axes.use_sticky_edges = False
    _over_time(axes, chart)
    return figure


def _png(figure: Any) -> bytes:
    page = io.BytesIO()
    figure.savefig(page, format="png", dpi=110)
    return page.getvalue()


def _over_time(axes: Any, chart: Chart) -> None:
    import matplotlib.dates

    for line in chart.lines:
        style = {"linestyle": "--", "linewidth": 1} if line.dashed else {"linewidth": 1.3}
        axes.plot(line.times, line.values, color=line.color, label=line.name, **style)
    for rule in chart.rules:
        axes.axhline(rule.value, color=rule.color, linestyle="--" if rule.label else "-", linewidth=0.9)
        if rule.label:
            place = {"transform": axes.get_yaxis_transform(), "fontsize": 8, "va": "bottom", "ha": "right"}
            axes.text(1, rule.value, rule.label, color=rule.color, **place)
    if chart.rows:
        rows = list(reversed(chart.rows))
        for span in chart.spans:
            bar = {"left": span.start, "color": span.color, "edgecolor": span.color, "height": 0.6}
            axes.barh(rows.index(span.name), span.end - span.start, **bar)
        axes.set_yticks(range(len(rows)), rows)
        axes.set_ylim(-0.5, len(rows) - 0.5)
    else:
        for span in chart.spans:
            axes.axvspan(span.start, span.end, color=span.color, alpha=0.2, linewidth=1)
    if chart.limits:
        axes.set_xlim(*chart.limits)
    if chart.shown:
        axes.set_ylim(*chart.shown)
    if chart.symlog:
        axes.set_yscale("symlog", linthresh=1)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    if chart.lines:
        axes.legend(frameon=False, ncols=min(len(chart.lines), 7), loc="upper left", bbox_to_anchor=(0.3, 1.14))
    dates: Any = matplotlib.dates
    locator = dates.AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.margins(x=0.01)


def _cells(figure: Any, axes: Any, chart: Chart) -> None:
    import numpy as np
    from matplotlib.colors import LinearSegmentedColormap, TwoSlopeNorm

    columns = list(dict.fromkeys(cell.column for cell in chart.cells))
    rows = WEEKDAYS
    grid = np.full((len(rows), len(columns)), np.nan)
    for cell in chart.cells:
        grid[rows.index(cell.row), columns.index(cell.column)] = cell.value
    norm = TwoSlopeNorm(chart.middle, 0, chart.most())
    colors = LinearSegmentedColormap.from_list("spend", [(0, LITTLE), (0.5, EVEN), (0.5, MUCH), (1, MOST)])
    image = axes.imshow(grid, cmap=colors, norm=norm, aspect="auto")
    for (row, column), value in np.ndenumerate(grid):
        if not np.isnan(value):
            light = norm(value) > 0.85
            text = f"{value:.1f}" if value < 9.95 else f"{value:.0f}"
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color="white" if light else "#222222")
    axes.set_yticks(range(len(rows)), rows)
    few = range(0, len(columns), max(1, len(columns) // 12))
    axes.set_xticks(few, [columns[column] for column in few], fontsize=8)
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(-0.5, len(columns)), minor=True)
    axes.set_yticks(np.arange(-0.5, len(rows)), minor=True)
    axes.grid(which="minor", color="white", linewidth=2)
    axes.tick_params(which="minor", length=0)
    figure.colorbar(image, ax=axes, shrink=0.8, format="%.0f")


def _points(axes: Any, chart: Chart) -> None:
    for front in chart.fronts():
        axes.step([point.x for point in front], [point.y for point in front], where="post", color=_GRID, linewidth=1.5)
    for point in chart.points:
        axes.plot(point.x, point.y, "o", color=point.color, markersize=7 if point.on_front else 5)
        place = {"xytext": (6, 5), "textcoords": "offset points", "fontsize": 7, "color": point.color}
        axes.annotate(point.label, (point.x, point.y), **place)
    axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    axes.set_xlim(-0.5, max([point.x for point in chart.points], default=0) * 1.25 + 0.5)
    axes.set_ylim(0, max([point.y for point in chart.points], default=0) * 1.15 or 1)
