"""Pictures of evaluations and backtests, with matplotlib (``pip install slo[plot]``).

Every function returns the figure. Curves are thinned to what can be seen, which keeps every peak; colours are told apart by
those who see few of them.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

from slo._slo import thin

if TYPE_CHECKING:
    from datetime import timedelta

    from slo._slo import Backtest, Evaluation

__all__ = ["BacktestPlot", "EvaluationPlot", "alerts", "burn_rate", "burndown", "calendar"]

# Okabe and Ito's colours.
_BLUE, _ORANGE, _GREEN, _RED, _PURPLE, _GREY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#888888"
_TIERS = {"fast": _RED, "medium": _ORANGE, "slow": _BLUE, "trickle": _GREEN}
_POINTS = 2_000


def _axes(title: str, height: float = 3.2) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure: Any = Figure(figsize=(9, height), layout="constrained")
    # So that notebooks show it, also where pyplot is not loaded.
    figure._repr_png_ = lambda: _png(figure)
    axes = figure.subplots()
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    # What begins at the edge is to be seen, too.
    axes.use_sticky_edges = False
    return figure, axes


def _fired(backtest: Backtest) -> dict[str, Any]:
    """The alerts; those that still fire end where the history does."""
    import numpy as np

    fired = backtest.alerts.to_numpy()
    end = np.datetime64(backtest.end.replace(tzinfo=None), "ms")
    fired["end"] = np.where(np.isnat(fired["end"]), end, fired["end"])
    return fired


def _png(figure: Any) -> bytes:
    page = io.BytesIO()
    figure.savefig(page, format="png", dpi=110)
    return page.getvalue()


def _dates(axes: Any) -> None:
    import matplotlib.dates

    dates: Any = matplotlib.dates
    locator = dates.AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(dates.ConciseDateFormatter(locator))
    axes.margins(x=0.01)


def _curve(axes: Any, times: Any, values: Any, **style: Any) -> None:
    shown = thin(values, _POINTS)
    axes.plot(times[shown], values[shown], **style)


def burndown(evaluation: Evaluation) -> Any:
    """The budget that is left over the period, with the line of one that is spent evenly."""
    columns = evaluation.burndown().to_numpy()
    figure, axes = _axes("Error budget left")
    _curve(axes, columns["time"], 100 * columns["remaining"], color=_BLUE, label="left")
    _curve(axes, columns["time"], 100 * columns["ideal"], color=_GREY, linestyle="--", linewidth=1, label="spent evenly")
    axes.axhline(0, color=_RED, linewidth=1)
    axes.set_ylabel("% of the budget")
    axes.legend(frameon=False)
    _dates(axes)
    return figure


def burn_rate(
    evaluation: Evaluation,
    windows: list[str | timedelta],
    *,
    thresholds: list[float] | None = None,
    backtest: Backtest | None = None,
) -> Any:
    """Burn rates over windows, with the thresholds of alerts, and shaded where they fired."""
    columns = evaluation.burn_rate(windows).to_numpy()
    times = columns.pop("time")
    figure, axes = _axes("Burn rate", 3.6)
    for (window, values), color in zip(columns.items(), [_BLUE, _ORANGE, _GREEN, _PURPLE, _RED, _GREY], strict=False):
        _curve(axes, times, values, color=color, linewidth=1, label=window)
    for threshold in thresholds or []:
        axes.axhline(threshold, color=_GREY, linestyle="--", linewidth=0.8)
        axes.annotate(f"{threshold:g}×", (times[0], threshold), fontsize=8, color=_GREY, va="bottom")
    if backtest is not None:
        fired = _fired(backtest)
        for start, end, severity in zip(fired["start"], fired["end"], fired["severity"], strict=True):
            if severity == "page":
                axes.axvspan(start, end, color=_RED, alpha=0.2, linewidth=1)
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(bottom=0)
    axes.set_ylabel("times the budget")
    axes.legend(frameon=False, ncols=len(columns))
    _dates(axes)
    return figure


def alerts(backtest: Backtest) -> Any:
    """When each tier fired, and the incidents of the history."""
    fired, found = _fired(backtest), backtest.incidents.to_numpy()
    figure, axes = _axes("Alerts and incidents", 2.4)
    rows = ["incident", *reversed(_TIERS)]
    for tier, start, end in zip(fired["burn_tier"], fired["start"], fired["end"], strict=True):
        axes.barh(rows.index(tier), end - start, left=start, color=_TIERS[tier], edgecolor=_TIERS[tier], height=0.6)
    for start, end in zip(found["start"], found["end"], strict=True):
        axes.barh(0, end - start, left=start, color=_GREY, edgecolor=_GREY, height=0.6)
    axes.set_yticks(range(len(rows)), rows)
    _dates(axes)
    return figure


def calendar(evaluation: Evaluation) -> Any:
    """The share of the budget that every day spent."""
    days = evaluation.by("1d").to_numpy()
    figure, axes = _axes("Budget spent by day", 2.6)
    spent = 100 * days["spent"]
    even = 100 * 86_400 / evaluation.period.total_seconds()
    colors = [_RED if value > even else _BLUE for value in spent]
    axes.bar(days["start"], spent, width=0.8, align="edge", color=colors)
    axes.axhline(even, color=_GREY, linestyle="--", linewidth=1)
    axes.set_ylabel("% of the budget")
    _dates(axes)
    return figure


class EvaluationPlot:
    """``evaluation.plot``: the functions of this module for one evaluation."""

    def __init__(self, evaluation: Evaluation) -> None:
        self._evaluation = evaluation

    def burndown(self) -> Any:
        """See :func:`burndown`."""
        return burndown(self._evaluation)

    def burn_rate(
        self,
        windows: list[str | timedelta],
        *,
        thresholds: list[float] | None = None,
        backtest: Backtest | None = None,
    ) -> Any:
        """See :func:`burn_rate`."""
        return burn_rate(self._evaluation, windows, thresholds=thresholds, backtest=backtest)

    def calendar(self) -> Any:
        """See :func:`calendar`."""
        return calendar(self._evaluation)


class BacktestPlot:
    """``backtest.plot``: the functions of this module for one backtest."""

    def __init__(self, backtest: Backtest) -> None:
        self._backtest = backtest

    def alerts(self) -> Any:
        """See :func:`alerts`."""
        return alerts(self._backtest)
