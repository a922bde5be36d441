"""Two outages that the runbook ends by itself, or makes worse."""

import story


def names_of(stack, episode):
    """The events of the steps of an episode that change something, in order."""
    record = stack.record(episode)
    names = {place: step["name"] for place, step in enumerate(episode["steps"])}
    kinds = ("step_started", "mitigated", "did_not_help", "approval_asked", "approved", "step_skipped")
    told = [(entry["event"], names.get(entry.get("step"))) for entry in record if entry["event"] in kinds]
    return [(event, name) for event, name in told if name not in ("prometheus", "host", "pool")]


def test_an_outage_ends_by_itself(stack):
    episode = story.heals(stack)
    assert names_of(stack, episode) == [("step_started", "recycle the pool"), ("mitigated", None)]
    assert episode["steps"][-1]["helped"] is True
    # Nobody had to do anything, and people were told what was done.
    assert not any(entry["event"] in ("acknowledged", "approved") for entry in stack.record(episode))
    record = stack.record(episode)
    evidence = [entry["evidence"] for entry in record if entry["event"] == "evidence"]
    assert evidence[0]["bad"] > 0 and evidence[-1]["bad"] < 0.06 * evidence[-1]["total"]


def test_what_makes_it_worse_is_noticed_and_undone_and_two_failures_are_enough(stack):
    episode = story.worse(stack)
    assert names_of(stack, episode) == [
        ("step_started", "shed load"),
        ("did_not_help", "shed load"),
        ("step_started", "undo shed load"),
        ("step_started", "flush the cache"),
        ("did_not_help", "flush the cache"),
        ("step_started", "undo flush the cache"),
        ("approval_asked", "switch the feature off"),
        ("approved", "switch the feature off"),
        ("step_started", "switch the feature off"),
        ("mitigated", None),
    ]
    record = stack.record(episode)
    assert [entry["worse"] for entry in record if entry["event"] == "did_not_help"] == [True, False]
    [asked] = [entry for entry in record if entry["event"] == "approval_asked"]
    assert asked["reason"] == "2 remediations did not help in this episode"
    # It noticed long before the minute in which the remediation might have helped was over.
    time = {entry["event"]: entry["at"] for entry in reversed(record) if entry.get("step") == 3}
    assert time["did_not_help"] - time["step_ended"] < 30_000
    assert [step["helped"] for step in episode["steps"] if step["helped"] is not None] == [False, False, True]


def test_every_message_was_taken(stack):
    assert stack.vendors.refused == []
