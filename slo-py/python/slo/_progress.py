"""A progress bar, with tqdm (``pip install slo[progress]``)."""

from __future__ import annotations

import importlib

from slo._slo import SloError


class Bar:
    """Shows how many requests are done; called after each."""

    def __init__(self) -> None:
        try:
            tqdm = importlib.import_module("tqdm.auto").tqdm
        except ImportError as error:
            raise SloError("a progress bar needs tqdm; run pip install 'slo[progress]', or give a callable") from error
        self._bar = tqdm(unit="request")

    def __call__(self, done: int, of: int) -> None:
        self._bar.total = of
        self._bar.update(done - self._bar.n)
        if done == of:
            self._bar.close()
