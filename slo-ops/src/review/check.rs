//! What a review looks for.

use serde::Serialize;
use slo_core::Error;
use std::{fmt, str::FromStr};

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// It breaks the objective, or keeps people from their work.
    High,
    /// It costs budget.
    Medium,
    /// It is worth a thought.
    Low,
}

impl Severity {
    /// All, the worst first.
    pub const ALL: [Self; 3] = [Self::High, Self::Medium, Self::Low];
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
        })
    }
}

impl FromStr for Severity {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.into_iter().find(|severity| severity.to_string() == text).ok_or_else(|| {
            Error::new(format!("`{text}` is not a severity")).with_hint("write high, medium or low")
        })
    }
}

macro_rules! checks {
    ($($(#[$doc:meta])* $name:ident = $id:literal, $title:literal;)*) => {
        /// What a review looks for. `docs/review.md` has the formula, the threshold and the source of each.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Check {
            $($(#[$doc])* $name,)*
        }

        impl Check {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// Its name, as in suppressions.
            #[must_use]
            pub const fn id(self) -> &'static str {
                match self { $(Self::$name => $id,)* }
            }

            /// What it is about, in a line.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

checks! {
    /// One pod serves an SLO.
    SingleReplica = "single-replica", "Each disruption of the only pod is an outage";
    /// Too few pods for the objective.
    ReplicasBelowObjective = "replicas-below-objective", "There are too few pods for the objective";
    /// No disruption budget.
    NoDisruptionBudget = "no-disruption-budget", "A drain may evict all pods at once";
    /// A disruption budget that allows no eviction.
    PdbBlocksDrain = "pdb-blocks-drain", "No pod may be evicted, so no node can be drained";
    /// A disruption budget that allows every eviction.
    PdbAllowsAll = "pdb-allows-all", "The disruption budget lets a drain evict all pods";
    /// A rollout without any pod.
    RolloutWithoutPods = "rollout-without-pods", "Each rollout leaves no pod running";
    /// Pods that may all be on one node.
    NoSpread = "no-spread", "All pods may run on the same node";
    /// An upgrade of a node pool that leaves too few pods.
    UpgradeCostsBudget = "upgrade-costs-budget", "An upgrade of the nodes leaves too few pods";
    /// A drain that takes longer than an upgrade waits.
    DrainTimeout = "drain-timeout", "An upgrade of the nodes gives up before the pods have moved";
    /// Nodes of one zone.
    OneZone = "one-zone", "All nodes are in the same zone";
    /// No readiness probe.
    NoReadinessProbe = "no-readiness-probe", "Requests reach pods that are not ready";
    /// A dead pod gets requests for long.
    SlowReadinessProbe = "slow-readiness-probe", "A dead pod keeps getting requests, which costs budget";
    /// A liveness probe that gives up before a request would be slow.
    ImpatientLivenessProbe = "impatient-liveness-probe", "The liveness probe kills pods that are slow, and not dead";
    /// A liveness probe that asks what the readiness probe asks.
    LivenessAsReadiness = "liveness-as-readiness", "What makes pods unready restarts them as well";
    /// A grace period that is over before requests are.
    GraceTooShort = "grace-too-short", "Pods are killed before their requests end";
    /// Pods that stop at once.
    NoPreStop = "no-pre-stop", "Pods may stop before requests to them do";
    /// No requests of CPU or memory.
    NoRequests = "no-requests", "The scheduler does not know what a pod needs";
    /// No limit of memory.
    NoMemoryLimit = "no-memory-limit", "One pod may take the memory of the whole node";
    /// A CPU limit below a core.
    CpuLimitThrottles = "cpu-limit-throttles", "The CPU limit makes requests slow";
    /// An autoscaler that has nothing to go by.
    HpaWithoutRequests = "hpa-without-requests", "The autoscaler cannot scale without requests";
    /// An autoscaler that follows errors.
    HpaOnErrors = "hpa-on-errors", "The autoscaler follows errors, which more pods do not mend";
    /// An autoscaler without room.
    HpaWithoutRoom = "hpa-without-room", "The autoscaler has no room to scale";
    /// An autoscaler of nothing.
    HpaTargetMissing = "hpa-target-missing", "The autoscaler scales nothing that is here";
    /// A KEDA scaler that takes no data for zero.
    KedaNullValues = "keda-null-values", "Lost metrics scale down";
    /// A selector of nothing.
    SelectsNothing = "selects-nothing", "The selector selects no pod";
    /// Something exposed without an SLO.
    NoSlo = "no-slo", "What is exposed has no SLO";
    /// Nobody scrapes the pods of an SLO.
    NotScraped = "not-scraped", "Nothing scrapes the pods whose events the SLO counts";
    /// A scrape interval that is not that of the spec.
    ScrapeInterval = "scrape-interval", "The scrape interval is not that of the spec";
    /// An SLO that counts events of something else.
    SloSelectsNothing = "slo-selects-nothing", "The SLO selects labels that the pods do not have";
    /// Data that are gone before the period is over.
    Retention = "retention", "The data are gone before the period of the SLO is over";
    /// A page without a runbook.
    NoRunbook = "no-runbook", "Who is paged has no runbook";
    /// An image without a version.
    ImageNotPinned = "image-not-pinned", "A rollback may bring another image";
    /// A suppression that is over, or gives no reason.
    BadSuppression = "bad-suppression", "A suppression is over, or gives no reason";
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.id())
    }
}

impl FromStr for Check {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL.iter().copied().find(|check| check.id() == text).ok_or_else(|| {
            Error::new(format!("`{text}` is not a check")).with_hint("docs/review.md lists them")
        })
    }
}

impl Serialize for Check {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
