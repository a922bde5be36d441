"""Made-up traffic, scraped as Prometheus would, and the truth about it."""

import dataclasses
import math
import random

SCRAPE = 15
# What Prometheus writes where a series ends.
STALE = object()
START = 1_759_968_000  # a midnight


@dataclasses.dataclass
class Scenario:
    """Series as they were scraped, and the events that the scrapes saw."""

    name: str
    series: dict = dataclasses.field(default_factory=dict)
    # Time of the scrape, events and bad events that are in it and were not in the one before.
    seen: list = dataclasses.field(default_factory=list)
    # Those of them that came between two scrapes with all labels of the target's series changed.
    relabelled: list = dataclasses.field(default_factory=list)
    # Events that no scrape shows in full: between the last scrape and a restart, and before the first scrape of a target.
    hidden: float = 0.0

    def points(self):
        return [
            ({"__name__": name, "job": self.name, **dict(labels)}, points)
            for (name, labels), points in self.series.items()
        ]

    def tally(self, start, end):
        """Events and bad events that were first seen in (start, end]."""
        return added(self.seen, start, end)

    def relabelled_tally(self, start, end):
        """Those of them that came between two scrapes with all labels changed."""
        return added(self.relabelled, start, end)


def added(seen, start, end):
    inside = [(total, bad) for at, total, bad in seen if start < at <= end]
    return sum(total for total, _ in inside), sum(bad for _, bad in inside)


class Instance:
    """A process that counts requests: a series for every status that it has had."""

    def __init__(self, scenario, name, extra=()):
        self.scenario, self.name, self.extra = scenario, name, dict(extra)
        self.counts, self.scraped, self.exposed = {}, None, set()
        self.new, self.is_relabelled = [0, 0], False

    def serve(self, good, bad, status="500"):
        for code, events in (("200", good), (status, bad)):
            if events:
                self.counts[code] = self.counts.get(code, 0) + events
        self.new[0] += good + bad
        self.new[1] += bad

    def scrape(self, at):
        exposed = set()
        for code, count in self.counts.items():
            labels = (("code", code), ("instance", self.name), *sorted(self.extra.items()))
            self.scenario.series.setdefault(("requests_total", labels), []).append((at, float(count)))
            exposed.add(labels)
        self.end(at, exposed)
        if self.scraped is None:
            # What a target had counted before its first scrape is nobody's.
            self.scenario.hidden += self.new[0]
        else:
            self.scenario.seen.append((at, *self.new))
            if self.is_relabelled:
                self.scenario.relabelled.append((at, *self.new))
        self.new = [0, 0]
        self.scraped, self.is_relabelled = at, False

    def end(self, at, exposed=frozenset()):
        """Marks the end of what is not exposed any more: by a scrape, a failed one, or because the target is gone."""
        for labels in self.exposed - exposed:
            self.scenario.series["requests_total", labels].append((at, STALE))
        self.exposed = set(exposed)

    def restart(self):
        self.scenario.hidden += sum(self.new)
        self.counts, self.new = {}, [0, 0]

    def relabel(self, **extra):
        """A change of a label of all series, such as a version: they are new ones, and go on where the old ones were."""
        self.scenario.hidden += sum(self.new)
        self.extra.update(extra)
        self.is_relabelled = True


def events(random_, rate):
    """A Poisson number of events."""
    if rate > 50:
        return max(0, round(random_.gauss(rate, math.sqrt(rate))))
    limit, product, count = math.exp(-rate), random_.random(), 0
    while product > limit:
        product *= random_.random()
        count += 1
    return count


def split(random_, total, share):
    bad = events(random_, total * share) if share else 0
    return total - min(bad, total), min(bad, total)


def scrapes(hours):
    return range(START, START + hours * 3600 + 1, SCRAPE)


def run(name, hours, seed, instances=2, rate=lambda t: 100, share=lambda t: 0.001, each=None, skip=None, fail=None):
    """A scenario: `rate` requests a second and `share` of them bad, at the time in hours; `each` may change instances.

    A scrape that is skipped leaves nothing, as while Prometheus is down; one that fails marks the end of all series.
    """
    random_ = random.Random(f"{seed} {name}")
    scenario = Scenario(name)
    running = [Instance(scenario, f"{name}-{index}:80") for index in range(instances)]
    for instance in running:
        instance.serve(10, 0)
    for at in scrapes(hours):
        hour = (at - START) / 3600
        for index, instance in enumerate(running):
            total = events(random_, max(0.0, rate(hour)) * SCRAPE / len(running))
            instance.serve(*split(random_, total, share(hour)))
            if skip and skip(random_, hour):
                continue
            if fail and fail(random_, hour):
                instance.end(at + 1 + index)
                continue
            instance.scrape(at + 1 + index)
        if each:
            each(scenario, running, at, hour, random_)
    return scenario


def scenarios(hours, seed=1):
    """One of every kind."""

    def restarts(_scenario, running, at, _hour, random_):
        if at % 3600 == 1800:
            random_.choice(running).restart()

    def scale(scenario, running, at, _hour, random_):
        if at % 5400 == 0:
            running.append(Instance(scenario, f"scale-{at}:80"))
        if at % 5400 == 2700 and len(running) > 1:
            gone = running.pop(random_.randrange(len(running)))
            scenario.hidden += gone.new[0]
            gone.end(at + SCRAPE)

    def replaced(scenario, running, at, hour, _random):
        if at - START == 3 * 3600:
            for instance in running:
                scenario.hidden += instance.new[0]
                instance.end(at + SCRAPE)
            running[:] = [Instance(scenario, f"replaced-{index}-new:80") for index in range(len(running))]

    def deploys(_scenario, running, at, hour, _random):
        if at % 7200 == 3600:
            for instance in running:
                instance.relabel(version=f"v{at}")

    return [
        run("diurnal", hours, seed, rate=lambda t: 60 + 50 * math.sin(t / 3)),
        run("bursty", hours, seed, rate=lambda t: 500 if t % 1 < 0.05 else 5, share=lambda t: 0.05 if t % 1 < 0.05 else 0),
        run("quiet", hours, seed, rate=lambda t: 0.01, share=lambda t: 0.1),
        run("outage", hours, seed, share=lambda t: 1.0 if 4 <= t < 4.2 else 0.0),
        run("missed", hours, seed, skip=lambda random_, _: random_.random() < 0.2),
        run("failed", hours, seed, fail=lambda random_, _: random_.random() < 0.02),
        run("restarts", hours, seed, each=restarts),
        run("scale", hours, seed, instances=3, each=scale),
        run("replaced", hours, seed, instances=3, each=replaced),
        run("deploys", hours, seed, each=deploys),
        run("silent", hours, seed, rate=lambda t: 0.0),
    ]
