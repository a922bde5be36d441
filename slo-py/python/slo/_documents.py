"""Documents of dicts and lists as text."""

from __future__ import annotations

import datetime
import decimal
import fractions
import json
from typing import Any


def dumps(document: Any) -> str:
    """The document as JSON, which is YAML; times and exact numbers as in the native format."""
    return json.dumps(document, default=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, datetime.datetime):
        if value.tzinfo is None:
            raise TypeError(f"{value} has no time zone; write tzinfo=timezone.utc")
        return value.isoformat()
    if isinstance(value, decimal.Decimal | fractions.Fraction):
        return str(value)
    raise TypeError(f"a spec cannot hold a value of type {type(value).__name__}")
