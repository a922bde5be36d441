"""Pictures of evaluations, backtests and policies.

Every function returns a figure of ``backend``: ``"matplotlib"``, ``"plotly"`` or ``"altair"`` (``pip install slo[plot]``,
``slo[plotly]``, ``slo[altair]``). By default, it is the first of them that is installed. ``"chart"`` returns the
:class:`Chart` itself, for any other library.

Long curves are thinned, but every peak stays. Curves have gaps where there were no events. The colours suit colour-blind
readers.
"""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from typing import TYPE_CHECKING, Any, Literal

from slo._slo import SloError
from slo.plot._chart import BLUE, GREEN, GREY, ORANGE, RED, TIERS, WEEKDAYS, Cell, Chart, Line, Point, Rule, Span, curves

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import timedelta

    from slo._slo import Backtest, Candidate, Evaluation, Experiment, Table

    _Backend = Literal["matplotlib", "plotly", "altair", "chart"]

__all__ = [
    "BacktestPlot",
    "Cell",
    "Chart",
    "EvaluationPlot",
    "Line",
    "Point",
    "Rule",
    "Span",
    "alerts",
    "burn_rate",
    "burndown",
    "calendar",
    "experiment",
    "trade_off",
]

_EXTRAS = {"matplotlib": "plot", "plotly": "plotly", "altair": "altair"}


def _drawn(chart: Chart, backend: _Backend | None) -> Any:
    if backend == "chart":
        return chart
    if backend is not None and backend not in _EXTRAS:
        raise SloError(f"unknown backend {backend!r}; write {', '.join(_EXTRAS)} or chart")
    for name in [backend] if backend else _EXTRAS:
        if importlib.util.find_spec(name) is not None:
            return importlib.import_module(f"slo.plot._{name}").draw(chart)
    wanted = backend or "matplotlib"
    raise SloError(f"{wanted} is not installed; run pip install 'slo[{_EXTRAS[wanted]}]'")


def burndown(evaluation: Evaluation, *, backend: _Backend | None = None) -> Any:
    """The budget left over the period, with a line for even spending."""
    columns = evaluation.burndown().to_numpy()
    lines = {"left": 100 * columns["remaining"], "spent evenly": 100 * columns["ideal"]}
    drawn = curves(columns["time"], lines, [BLUE, GREY])
    chart = Chart(
        title="Error budget left",
        y="% of the budget",
        lines=[drawn[0], dataclasses.replace(drawn[1], dashed=True)],
        rules=[Rule(0, "", RED)],
    )
    return _drawn(chart, backend)


def burn_rate(
    evaluation: Evaluation,
    windows: str | timedelta | list[str | timedelta],
    *,
    thresholds: Iterable[float] = (),
    backtest: Backtest | None = None,
    backend: _Backend | None = None,
) -> Any:
    """Burn rates over windows, with alert thresholds; times with pages are shaded."""
    columns = evaluation.burn_rate(windows).to_numpy()
    times = columns.pop("time")
    spans = []
    if backtest is not None:
        spans = [Span("page", start, end, RED) for _, severity, start, end in _fired(backtest) if severity == "page"]
    chart = Chart(
        title="Burn rate; shaded where pages fired" if spans else "Burn rate",
        y="burn rate",
        lines=curves(times, columns),
        rules=[Rule(float(threshold), f"{float(threshold):g}×", GREY) for threshold in thresholds],
        spans=spans,
        symlog=True,
    )
    return _drawn(chart, backend)


def _fired(backtest: Backtest) -> list[tuple[str, str, Any, Any]]:
    """The alerts; those that still fire end with the history."""
    import numpy as np

    fired = backtest.alerts.to_numpy()
    last = np.datetime64(backtest.end.replace(tzinfo=None), "ms")
    ends = np.where(np.isnat(fired["end"]), last, fired["end"])
    return list(zip(fired["burn_tier"], fired["severity"], fired["start"], ends, strict=True))


def alerts(backtest: Backtest, *, backend: _Backend | None = None) -> Any:
    """When each tier fired, and the incidents of the history."""
    incidents = backtest.incidents.to_numpy()
    spans = [Span(str(tier), start, end, TIERS[tier]) for tier, _, start, end in _fired(backtest)]
    spans += [Span("incident", *pair, GREY) for pair in zip(incidents["start"], incidents["end"], strict=True)]
    begin, end = (moment.replace(tzinfo=None) for moment in (backtest.start, backtest.end))
    rows = [*TIERS, "incident"]
    return _drawn(Chart(title="Alerts and incidents", y="", spans=spans, rows=rows, limits=(begin, end)), backend)


def calendar(evaluation: Evaluation, *, tz: str = "UTC", backend: _Backend | None = None) -> Any:
    """The share of the budget that each day spent, by week; days above their even share stand out."""
    import zoneinfo
    from datetime import UTC, timedelta

    days = evaluation.by("day", tz=tz).to_numpy()
    zone = zoneinfo.ZoneInfo(tz)
    even = 100 * 86_400 / evaluation.period.total_seconds()
    cells = []
    for start, spent in zip(days["start"].astype("datetime64[ms]").tolist(), 100 * days["spent"], strict=True):
        day = start.replace(tzinfo=UTC).astimezone(zone).date()
        monday = day - timedelta(days=day.weekday())
        weekday = WEEKDAYS[day.weekday()]
        cells.append(Cell(f"{monday:%d %b %y}", weekday, float(spent), f"{day:%d %b}: {spent:.1f} % of the budget"))
    title = f"Budget spent by day, %; a day's even share is {even:.1f}"
    return _drawn(Chart(title=title, y="", cells=cells, middle=even), backend)


def trade_off(policies: list[Candidate] | Table, *, backend: _Backend | None = None) -> Any:
    """Pages of alert policies against the budget spent before them.

    Takes the result of :meth:`ErrorBudget.search` or :func:`sweep`. For each objective, a line joins the policies that no
    other beats.
    """
    from slo._slo import Table

    if isinstance(policies, Table):
        columns = policies.to_numpy()
        several = len(set(columns["objective"])) > 1
        costs = [
            (f"{policy}, {objective}" if several else str(policy), pages, spent, beaten == 0, objective)
            for policy, objective, pages, spent, beaten in zip(
                *(columns[name].tolist() for name in ("policy", "objective", "pages", "spent", "beaten_by")), strict=True
            )
        ]
        title, x = "Alert policies", "pages"
    else:
        names = [repr(one).split(";")[0].removeprefix("<Candidate: ") for one in policies]
        costs = [(name, one.false_alerts, one.spent, True, "") for name, one in zip(names, policies, strict=True)]
        title, x = "Alert policies that no other beats", "false pages"
    # Policies with equal results are one point with several names.
    merged: dict[tuple[Any, ...], list[str]] = {}
    for label, *cost in costs:
        merged.setdefault(tuple(cost), []).append(label)
    points = [
        Point("; ".join(labels), float(pages), 100 * spent, BLUE if on_front else GREY, on_front, group)
        for (pages, spent, on_front, group), labels in merged.items()
    ]
    chart = Chart(title=title, y="% of a budget spent before the page", x=x, points=points)
    return _drawn(chart, backend)


def experiment(experiment: Experiment, *, backend: _Backend | None = None) -> Any:
    """The difference of the error ratios, with its interval, after every step."""
    columns = experiment.looks.to_numpy()
    lines = {"difference": 100 * columns["difference"], "at least": 100 * columns["low"], "at most": 100 * columns["high"]}
    # The intervals of the first looks are so wide that they would hide the others.
    interval = experiment.interval or (0, 0)
    shown = tuple(300 * end for end in (min(interval[0], -experiment.margin), max(interval[1], experiment.margin)))
    chart = Chart(
        title=f"Experiment: {experiment.verdict}",
        y="% more bad events",
        shown=(shown[0], shown[1]) if any(shown) else None,
        lines=curves(columns["time"], lines, [BLUE, GREEN, ORANGE]),
        rules=[Rule(100 * experiment.margin, "tolerated", RED), Rule(0, "", GREY)],
    )
    return _drawn(chart, backend)


class EvaluationPlot:
    """``evaluation.plot``: the functions of this module for one evaluation."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation

    def burndown(self, *, backend: _Backend | None = None) -> Any:
        """See :func:`burndown`."""
        return burndown(self._evaluation, backend=backend)

    def burn_rate(
        self,
        windows: str | timedelta | list[str | timedelta],
        *,
        thresholds: Iterable[float] = (),
        backtest: Backtest | None = None,
        backend: _Backend | None = None,
    ) -> Any:
        """See :func:`burn_rate`."""
        return burn_rate(self._evaluation, windows, thresholds=thresholds, backtest=backtest, backend=backend)

    def calendar(self, *, tz: str = "UTC", backend: _Backend | None = None) -> Any:
        """See :func:`calendar`."""
        return calendar(self._evaluation, tz=tz, backend=backend)


class BacktestPlot:
    """``backtest.plot``: the functions of this module for one backtest."""

    def __init__(self, backtest: Backtest) -> None:
        self._backtest = backtest

    def alerts(self, *, backend: _Backend | None = None) -> Any:
        """See :func:`alerts`."""
        return alerts(self._backtest, backend=backend)
