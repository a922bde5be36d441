"""Noise: which alerts cost attention for nothing, and what would have spared them.

>>> from datetime import datetime, timedelta, timezone
>>> from slo.noise import Noise
>>> start = datetime(2026, 11, 1, tzinfo=timezone.utc)
>>> began = [start + timedelta(hours=7 * number) for number in range(90)]
>>> firings = {
...     "alertname": ["DiskBusy"] * 90, "severity": ["page"] * 90, "service": ["shop"] * 90,
...     "began": began, "ended": [time + timedelta(minutes=4) for time in began], "spent": [0.0] * 90,
... }
>>> noise = Noise(firings, start=start, end=start + timedelta(days=30))
>>> for row in noise.measures:
...     print(row["spared"], row["measure"])
90 DiskBusy shop (page): fire only after 5m
90 DiskBusy shop (page): send a ticket, no page was worth it
"""

from slo._slo import Noise, what_if

__all__ = ["Noise", "what_if"]
