"""Exceptions with two base classes."""

from slo._slo import SloError


class ColumnError(SloError, KeyError):
    """A column that a table does not have."""

    def __str__(self) -> str:
        return str(self.args[0])
