"""Dynatrace: SLOs of both kinds, from a spec and a mapping of metrics. Its problems are read by :func:`slo.incidents.receive`."""

from slo._slo import dynatrace_slo

__all__ = ["dynatrace_slo"]
