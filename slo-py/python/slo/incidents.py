"""Incidents: what happened after an alert, from the record of ``slo serve`` or from captured webhooks.

>>> from slo import incidents
>>> runbooks = incidents.Runbooks("checkout-down: {when: {severity: page}, steps: [{diagnose: host}]}")
>>> body = '''{"version": "4", "groupKey": "g", "status": "firing", "alerts": [{"status": "firing",
...     "labels": {"alertname": "SLOBurn", "severity": "page"}, "startsAt": "2026-11-23T06:27:20Z"}]}'''
>>> from datetime import datetime, timezone
>>> at = datetime(2026, 11, 23, 6, 27, 35, tzinfo=timezone.utc)
>>> (incident,) = incidents.receive([(at, body)])
>>> [action["text"] for action in runbooks.next(incident, at=at)[0] if action["action"] == "record"]
['the runbook checkout-down was chosen, steps: 1']
"""

import json
import os
from collections.abc import Iterable, Mapping
from typing import Any

from slo._slo import Episode, Incident, Runbooks, compare_stage, read_record, receive, redact, toil_report, typical_stage

__all__ = ["Episode", "Incident", "Runbooks", "compare_stage", "read", "receive", "redact", "toil_report", "typical_stage"]


def read(record: str | os.PathLike[str] | Iterable[str | Mapping[str, Any]]) -> list[Incident]:
    """The incidents of a record.

    Parameters
    ----------
    record : path, or iterable of str or dict
        The file written by ``slo incidents export --out FILE``, its lines, or their entries as dicts.

    Returns
    -------
    list of Incident
        In the order of their first entries.

    Raises
    ------
    SloError
        A line that is not an entry of a record; the message has its number.
    """
    if isinstance(record, (str, os.PathLike)):
        with open(record, encoding="utf-8") as file:
            return read_record(list(file))
    return read_record([line if isinstance(line, str) else json.dumps(line) for line in record])
