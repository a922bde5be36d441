"""Experiments that inject faults: the plan, the guard and the verdict, over counts from anywhere.

A notebook plans an experiment, and a probe of Chaos Toolkit asks the guard whether it must stop.

>>> from slo import experiments
>>> experiment = experiments.FaultExperiment('''
... version: slo-experiment/v1
... name: slow-inventory
... hypothesis: [{slo: checkout/availability, tolerated_burn_rate: 10}]
... fault: {proxy: {control: "http://127.0.0.1:9101", latency: 300ms}}
... limits: {spend: 1%, duration: 5m}
... ''')
>>> plan = experiment.plan(
...     {"checkout/availability": (30_000, 12)}, seconds=600, objective="99.9%", expected=100_000_000
... )
>>> plan["obstacles"], round(plan["slos"][0]["spend_as_tolerated"], 4)
([], 0.0015)
"""

from slo._slo import FaultExperiment, Guard

__all__ = ["FaultExperiment", "Guard"]
