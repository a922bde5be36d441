"""Charts of altair."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from slo.plot._chart import EVEN, LITTLE, MOST, MUCH, TICKS, WEEKDAYS

if TYPE_CHECKING:
    from slo.plot._chart import Chart

_WIDTH, _HEIGHT = 680, 240


def draw(chart: Chart) -> Any:
    """An ``altair.LayerChart``, with fewer rows than altair's limit of 5,000."""
    import altair as alt

    if chart.cells:
        layers = _cells(alt, chart)
    elif chart.points:
        layers = _points(alt, chart)
    elif chart.rows:
        layers = _rows(alt, chart)
    else:
        layers = _over_time(alt, chart)
    height = _HEIGHT if chart.lines or chart.points else 170
    return alt.layer(*layers).properties(title=chart.title, width=_WIDTH, height=height).configure_view(stroke=None)


def _moment(time: Any) -> str:
    # With its zone: browsers take a time without one as local.
    return f"{time}Z"


def _over_time(alt: Any, chart: Chart) -> list[Any]:
    scale = alt.Scale(type="symlog", constant=1) if chart.symlog else alt.Scale()
    if chart.shown:
        scale = alt.Scale(domain=list(chart.shown))
    x = alt.X("time:T", title=chart.x or None, scale=alt.Scale(type="utc"))
    y = alt.Y("value:Q", title=chart.y, scale=scale, axis=alt.Axis(values=TICKS) if chart.symlog else alt.Undefined)
    names = [line.name for line in chart.lines]
    color = alt.Color("name:N", title=None, scale=alt.Scale(domain=names, range=[line.color for line in chart.lines]))
    layers = []
    if chart.spans:
        shades = [{"time": _moment(span.start), "until": _moment(span.end)} for span in chart.spans]
        shade = alt.Chart(alt.InlineData(values=shades)).mark_rect(opacity=0.2, color=chart.spans[0].color)
        layers.append(shade.encode(x=x, x2="until:T"))
    for line in chart.lines:
        rows = [
            {"time": _moment(time), "value": None if math.isnan(value) else value, "name": line.name}
            for time, value in zip(line.times, line.values.tolist(), strict=True)
        ]
        mark = alt.Chart(alt.InlineData(values=rows)).mark_line(
            strokeWidth=1.4, strokeDash=[5, 4] if line.dashed else [1, 0], invalid="break-paths-filter-domains", clip=True
        )
        layers.append(mark.encode(x=x, y=y, color=color))
    for rule in chart.rules:
        data = alt.InlineData(values=[{"value": rule.value, "label": rule.label}])
        dash = [5, 4] if rule.label else [1, 0]
        layers.append(alt.Chart(data).mark_rule(color=rule.color, strokeDash=dash).encode(y=y))
        text = alt.Chart(data).mark_text(align="right", baseline="bottom", color=rule.color)
        layers.append(text.encode(x=alt.value(_WIDTH), y=y, text="label:N"))
    return layers


def _rows(alt: Any, chart: Chart) -> list[Any]:
    rows = [{"time": _moment(s.start), "until": _moment(s.end), "name": s.name, "color": s.color} for s in chart.spans]
    begin, end = (f"{moment.isoformat()}Z" for moment in chart.limits) if chart.limits else ("", "")
    scale = alt.Scale(type="utc", domain=[begin, end]) if chart.limits else alt.Scale(type="utc")
    bars = alt.Chart(alt.InlineData(values=rows)).mark_bar(height=14, strokeWidth=1)
    return [
        bars.encode(
            x=alt.X("time:T", title=None, scale=scale),
            x2="until:T",
            y=alt.Y("name:N", title=None, sort=list(chart.rows), scale=alt.Scale(domain=list(chart.rows))),
            color=alt.Color("color:N", scale=None),
            stroke=alt.Stroke("color:N", scale=None),
        )
    ]


def _cells(alt: Any, chart: Chart) -> list[Any]:
    columns = list(dict.fromkeys(cell.column for cell in chart.cells))
    rows = [
        {"column": c.column, "row": c.row, "value": None if math.isnan(c.value) else c.value, "label": c.label}
        for c in chart.cells
    ]
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X("column:N", title=None, sort=columns),
        y=alt.Y("row:N", title=None, sort=WEEKDAYS),
        tooltip="label:N",
    )
    domain = [0, chart.middle, chart.middle * (1 + 1e-9), chart.most()]
    scale = alt.Scale(domain=domain, range=[LITTLE, EVEN, MUCH, MOST])
    return [
        base.mark_rect(stroke="white", strokeWidth=2).encode(color=alt.Color("value:Q", title=None, scale=scale)),
        base.mark_text(fontSize=9).encode(text=alt.Text("value:Q", format=".1f")),
    ]


def _points(alt: Any, chart: Chart) -> list[Any]:
    def rows(points: Any) -> Any:
        values = [{"x": p.x, "y": p.y, "label": p.label, "color": p.color, "front": p.on_front} for p in points]
        return alt.InlineData(values=values)

    x, y = alt.X("x:Q", title=chart.x, axis=alt.Axis(tickMinStep=1)), alt.Y("y:Q", title=chart.y)
    return [
        *(
            alt.Chart(rows(front)).mark_line(interpolate="step-after", color="#bbbbbb").encode(x=x, y=y)
            for front in chart.fronts()
        ),
        alt.Chart(rows(chart.points))
        .mark_point(filled=True, size=60, opacity=1)
        .encode(x=x, y=y, color=alt.Color("color:N", scale=None), tooltip="label:N"),
        alt.Chart(rows(chart.points)).mark_text(align="left", dx=7, dy=-7, fontSize=9).encode(x=x, y=y, text="label:N"),
    ]
