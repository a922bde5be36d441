"""Charts as figures of plotly."""

from __future__ import annotations

import importlib
import math
from typing import TYPE_CHECKING, Any

from slo.plot._chart import EVEN, LITTLE, MOST, MUCH, TICKS, WEEKDAYS

if TYPE_CHECKING:
    from slo.plot._chart import Chart


def draw(chart: Chart) -> Any:
    """A ``plotly.graph_objects.Figure``."""
    figure: Any = importlib.import_module("plotly.graph_objects").Figure()
    axis: dict[str, Any] = {"title": {"text": chart.y}, "gridcolor": "#dddddd", "zeroline": False}
    scale = _symlog if chart.symlog else float
    if chart.symlog:
        axis |= {"tickvals": [_symlog(tick) for tick in TICKS], "ticktext": [f"{tick:g}" for tick in TICKS]}
        axis["rangemode"] = "tozero"
    if chart.shown:
        axis["range"] = list(chart.shown)
    for line in chart.lines:
        style = {"color": line.color, "width": 1.4, "dash": "dash" if line.dashed else "solid"}
        figure.add_scatter(
            x=line.times,
            y=[scale(value) for value in line.values.tolist()],
            customdata=line.values,
            hovertemplate="%{customdata:.3g}",
            name=line.name,
            mode="lines",
            line=style,
            connectgaps=False,
        )
    for rule in chart.rules:
        dash = {"color": rule.color, "width": 1, "dash": "dash" if rule.label else "solid"}
        figure.add_hline(scale(rule.value), line=dash, annotation_text=rule.label, annotation_position="top right")
    for span in chart.spans:
        if not chart.rows:
            figure.add_vrect(span.start, span.end, fillcolor=span.color, opacity=0.2, line_width=0)
    if chart.rows:
        _rows(figure, chart)
        axis |= {"categoryorder": "array", "categoryarray": list(reversed(chart.rows))}
    if chart.cells:
        _cells(figure, chart)
    if chart.points:
        _points(figure, chart)
    figure.update_layout(
        title={"text": chart.title},
        height=260 if chart.rows or chart.cells else 380,
        margin={"l": 60, "r": 20, "t": 50, "b": 40},
        plot_bgcolor="white",
        hovermode="x unified" if chart.lines else "closest",
        showlegend=bool(chart.lines),
        barmode="overlay",
        yaxis=axis,
        xaxis={"title": {"text": chart.x}},
    )
    if chart.limits:
        figure.update_xaxes(range=list(chart.limits), type="date")
    return figure


def _symlog(value: float) -> float:
    return value if not value > 1 else 1 + math.log10(value)


def _rows(figure: Any, chart: Chart) -> None:
    for row in chart.rows:
        spans = [span for span in chart.spans if span.name == row]
        if spans:
            millis = [(span.end - span.start).astype("timedelta64[ms]").astype(int) for span in spans]
            starts = [span.start for span in spans]
            color = spans[0].color
            marker = {"color": color, "line": {"color": color, "width": 2}}
            figure.add_bar(base=starts, x=millis, y=[row] * len(spans), orientation="h", width=0.6, marker=marker)
        else:
            figure.add_bar(x=[None], y=[row], orientation="h")
    figure.update_xaxes(type="date")


def _cells(figure: Any, chart: Chart) -> None:
    columns = list(dict.fromkeys(cell.column for cell in chart.cells))
    rows = list(reversed(WEEKDAYS))
    by_place = {(cell.row, cell.column): cell for cell in chart.cells}
    grid = [[by_place.get((row, column)) for column in columns] for row in rows]
    values = [[None if cell is None or math.isnan(cell.value) else cell.value for cell in line] for line in grid]
    figure.add_heatmap(
        x=columns,
        y=rows,
        z=values,
        text=[[cell.label if cell else "" for cell in line] for line in grid],
        hovertemplate="%{text}<extra></extra>",
        texttemplate="%{z:.1f}",
        colorscale=_scale(chart),
        zmin=0,
        zmax=chart.most(),
        xgap=2,
        ygap=2,
    )


def _scale(chart: Chart) -> list[tuple[float, str]]:
    middle = chart.middle / chart.most()
    return [(0, LITTLE), (middle, EVEN), (middle, MUCH), (1, MOST)]


def _points(figure: Any, chart: Chart) -> None:
    line = {"color": "#bbbbbb", "shape": "hv"}
    most = max([point.x for point in chart.points], default=0)
    figure.update_xaxes(range=[-0.5, most * 1.15 + 0.5], dtick=1 if most < 10 else None)
    figure.update_yaxes(rangemode="tozero")
    for front in chart.fronts():
        xs, ys = [point.x for point in front], [point.y for point in front]
        figure.add_scatter(x=xs, y=ys, mode="lines", line=line, hoverinfo="skip")
    figure.add_scatter(
        x=[point.x for point in chart.points],
        y=[point.y for point in chart.points],
        text=[point.label for point in chart.points],
        customdata=[point.label for point in chart.points],
        hovertemplate="%{customdata}: %{x} pages, %{y:.1f} %<extra></extra>",
        mode="markers+text",
        textposition="top right",
        marker={"color": [point.color for point in chart.points], "size": 9},
    )
