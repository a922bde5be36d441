"""Compares the time to restore service by hand and with `slo serve`, stage by stage.

    python3 mttr.py [N]             # breaks the shop N times (default 10, the limit of its runbook), and compares

The times of the system are measured: notification, diagnosis and remediation. The times of people cannot be measured here. They
are drawn from the seeded log-normal distributions below: replace them with your own. The time to acknowledge is the same draw
in both columns.
"""

import json
import math
import pathlib
import random
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import story  # noqa: E402

# Assumed: the geometric mean in minutes, and the standard deviation of the logarithm.
ASSUMED = {
    "acknowledge": (5, 0.6, "a person reads the page and opens a laptop"),
    "diagnose by hand": (24, 0.7, "dashboards, logs and hosts, one after the other"),
    "mitigate by hand": (12, 0.6, "find the command, ask somebody, run it"),
    "decide": (2, 0.6, "read ten lines and press the button"),
}
SEED = 20_261_130


def measured(record):
    """The minutes that one incident took: to notify, to diagnose, and to run the approved remediation."""

    def first(event, **wanted):
        return next(entry["at"] for entry in record if entry["event"] == event and all(entry.get(name) == value for name, value in wanted.items()))

    steps = next(entry["steps"] for entry in record if entry["event"] == "runbook_chosen")
    diagnoses = [place for place, step in enumerate(steps) if step["kind"] == "diagnose"]
    remedy = next(place for place, step in enumerate(steps) if step["kind"] == "remediate")
    fired = next(entry["episode"] for entry in record if entry["event"] == "runbook_chosen")
    told = min(entry["at"] for entry in record if entry["event"] == "sent" and entry["outcome"]["outcome"] == "accepted")
    diagnosed = max(entry["at"] for entry in record if entry["event"] == "step_ended" and entry["step"] in diagnoses)
    ran = first("step_ended", step=remedy) - first("approved", step=remedy)
    return {"notify": (told - fired) / 60_000, "diagnose": (diagnosed - told) / 60_000, "mitigate": ran / 60_000}


def compared(machine, seed=SEED):
    """The stages of each measured incident in minutes, by hand and with the system."""
    chance = random.Random(seed)

    def person(what):
        mean, spread, _ = ASSUMED[what]
        return math.exp(chance.gauss(math.log(mean), spread))

    by_hand, by_system = [], []
    for one in machine:
        acknowledge = person("acknowledge")
        hand = {"notify": one["notify"], "acknowledge": acknowledge, "diagnose": person("diagnose by hand"), "mitigate": person("mitigate by hand")}
        hand["restore"] = sum(hand.values())
        # The diagnosis is made while somebody wakes up.
        system = {
            "notify": one["notify"], "acknowledge": acknowledge, "diagnose": one["diagnose"], "mitigate": person("decide") + one["mitigate"],
        }  # fmt: skip
        system["restore"] = one["notify"] + max(acknowledge, one["diagnose"]) + system["mitigate"]
        by_hand.append(hand)
        by_system.append(system)
    return by_hand, by_system


def mean(values):
    return math.exp(math.fsum(map(math.log, values)) / len(values))


def shown(minutes):
    return f"{minutes:.1f} min" if minutes >= 1 else f"{minutes * 60:.2f} s"


def table(by_hand, by_system):
    """Geometric means and their ratio with its interval, as Markdown."""
    from slo import stats

    rows = ["| stage | by hand | with `slo serve` | ratio (95 % interval) |", "|---|---|---|---|"]
    for stage in ("notify", "acknowledge", "diagnose", "mitigate", "restore"):
        before, after = ([one[stage] for one in all_of_one] for all_of_one in (by_hand, by_system))
        ratio, (low, high) = stats.compare_restore_times(before, after)
        same = before == after
        change = "the same" if same else f"{ratio:.2g} ({low:.2g} to {high:.2g})"
        rows.append(f"| {stage} | {shown(mean(before))} | {shown(mean(after))} | {change} |")
    return "\n".join(rows)


def main():
    count = int(sys.argv[1]) if sys.argv[1:] else 10
    machine = []
    with tempfile.TemporaryDirectory() as folder, story.Stack(folder) as stack:
        for number in range(count):
            episode = story.pool(stack)
            machine.append(measured(stack.record(episode)))
            print(f"{number + 1} of {count}: {json.dumps(machine[-1])}", file=sys.stderr, flush=True)
    print(table(*compared(machine)))
    print(f"\nn = {count} in each column. Assumed log-normal distributions, seed {SEED}:")
    for what, (middle, spread, why) in ASSUMED.items():
        print(f"- {what}: {middle} min, spread {spread} ({why})")


if __name__ == "__main__":
    main()
