"""Logs: templates of their lines, and what is unusual about a window.

>>> from datetime import datetime, timedelta, timezone
>>> from slo.logs import Logs
>>> logs = Logs(bin="1m")
>>> start = datetime(2026, 12, 1, tzinfo=timezone.utc)
>>> for minute in range(600):
...     _ = logs.add(message=[f"order {minute} took 5ms"], time=[start + timedelta(minutes=minute)])
>>> now = start + timedelta(minutes=600)
>>> _ = logs.add(message=["disk full on node 3"] * 9, time=[now] * 9, level=["error"] * 9)
>>> findings = logs.findings(now, now + timedelta(minutes=1))
>>> [(row["change"], row["text"], row["lines"]) for row in findings.table]
[('new', 'disk full on node <num>', 9)]
"""

from slo._slo import LogFindings, Logs, mask

__all__ = ["LogFindings", "Logs", "mask"]
