"""Makes again what was pickled; findings of gaps and resets are not."""

from typing import Any

from slo._slo import Samples


def samples(state: dict[str, Any]) -> Samples:
    """The samples with this state."""
    return Samples(**state)
