"""Error-budget policies: what the remaining budget allows.

>>> from datetime import datetime, timezone
>>> from slo.policy import ErrorBudgetPolicy
>>> policy = ErrorBudgetPolicy(caution="0.25", hysteresis="0.05", postmortem="0.2")
>>> days = [datetime(2026, 12, day, tzinfo=timezone.utc) for day in range(1, 6)]
>>> standing = policy.standing({"time": days, "remaining": [0.9, 0.2, 0.28, 0.31, None]})
>>> [(row["time"].day, row["stage"]) for row in standing.changes]
[(2, 'caution'), (4, 'open')]
>>> standing.decision()
'unknown'
"""

from slo._slo import ErrorBudgetPolicy, PolicyStanding

__all__ = ["ErrorBudgetPolicy", "PolicyStanding"]
