"""Traces: whose time the extra time of slow requests is, and where errors come from.

>>> from slo.traces import Traces
>>> spans = {"trace": [], "span": [], "parent": [], "service": [], "name": [], "start": [], "end": []}
>>> def add(*row):
...     for column, value in zip(spans.values(), row):
...         column.append(value)
>>> for request in range(20):
...     stock = 100_000_000 if request >= 15 else 10_000_000  # nanoseconds
...     add(f"{request:x}", "1", "", "shop", "GET /cart", 0, stock + 20_000_000)
...     add(f"{request:x}", "2", "1", "stock", "reserve", 10_000_000, stock + 10_000_000)
>>> found = Traces(spans).attribution("50ms")
>>> found
Attribution(5 slow requests, 100 % is stock)
"""

import gzip
import os
from typing import BinaryIO

from slo._slo import Attribution, Traces, read_otlp

__all__ = ["Attribution", "Traces", "read"]


def read(source: str | os.PathLike[str] | bytes | BinaryIO) -> Traces:
    """Requests from traces of OTLP, as JSON or as protobuf.

    Parameters
    ----------
    source : path, bytes, or file in binary mode
        What the file exporter of the OpenTelemetry collector, or an exporter, has written: JSON, one document or one a line;
        or protobuf, one message, or messages that each follow their length. Plain or gzip.

    Returns
    -------
    Traces

    Raises
    ------
    SloError
        Bytes that are neither.
    """
    if isinstance(source, (str, os.PathLike)):
        with open(source, "rb") as file:
            data = file.read()
    else:
        data = source if isinstance(source, bytes) else source.read()
    return read_otlp(gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data)
