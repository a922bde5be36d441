//! Every time that an alert fired, over some days.

use super::Firing;
use crate::{
    alert::{Alert, Delivery, LabelSet},
    incident::Incident,
};
use slo_core::model::{Timestamp, Window};
use std::collections::BTreeMap;

/// Every time that alerts fired, over some days.
///
/// ```
/// use slo_core::model::{Timestamp, Window};
/// use slo_ops::noise::AlertHistory;
///
/// let at = Timestamp::from_seconds;
/// let labels = [("alertname".to_owned(), "DiskFull".to_owned())].into();
/// // Samples at each minute while it fires: two minutes, and later one.
/// let series = vec![(labels, vec![at(60), at(120), at(600)])];
/// let history = AlertHistory::of_samples(series, Window::minutes(1), at(0), at(3_600));
/// assert_eq!(history.firings().len(), 2);
/// assert_eq!(history.firings()[0].length().as_secs(), 120);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AlertHistory {
    from: Timestamp,
    to: Timestamp,
    firings: Vec<Firing>,
}

impl AlertHistory {
    /// The firings from `from` to `to`, in any order.
    #[must_use]
    pub fn new(mut firings: Vec<Firing>, from: Timestamp, to: Timestamp) -> Self {
        firings.retain(|firing| firing.ended >= from && firing.began < to);
        firings.sort_by(|a, b| (a.began, &a.labels).cmp(&(b.began, &b.labels)));
        // An alert that begins again had ended, even if nobody said so.
        let mut next: BTreeMap<LabelSet, Timestamp> = BTreeMap::new();
        for firing in firings.iter_mut().rev() {
            if let Some(begins) = next.insert(firing.labels.clone(), firing.began) {
                firing.ended = firing.ended.min(begins);
            }
        }
        Self { from, to, firings }
    }

    /// Of the samples of `ALERTS{alertstate="firing"}`, which has one at each step while an alert fires.
    ///
    /// `times` are in order. An alert that is missing at one step only is taken to have fired on: a scrape was missed.
    #[must_use]
    pub fn of_samples(
        series: impl IntoIterator<Item = (LabelSet, Vec<Timestamp>)>,
        step: Window,
        from: Timestamp,
        to: Timestamp,
    ) -> Self {
        let mut firings = Vec::new();
        for (mut labels, times) in series {
            labels.remove("__name__");
            labels.remove("alertstate");
            let mut last: Option<Firing> = None;
            for time in times {
                let ended = time.after(step).min(to);
                match &mut last {
                    Some(firing) if time <= firing.ended.after(step) => firing.ended = ended,
                    _ => {
                        firings.extend(last.take());
                        last = Some(Firing {
                            labels: labels.clone(),
                            began: time,
                            ended,
                            messages: 0,
                            spent: None,
                        });
                    }
                }
            }
            firings.extend(last);
        }
        Self::new(firings, from, to)
    }

    /// Of the record of incidents.
    #[must_use]
    pub fn of_incidents<'a>(
        incidents: impl IntoIterator<Item = &'a Incident>,
        from: Timestamp,
        to: Timestamp,
    ) -> Self {
        let mut found = Known::default();
        for episode in incidents.into_iter().flat_map(Incident::episodes) {
            let resolved = episode.resolution.map(|resolution| resolution.ended);
            for alert in &episode.alerts {
                let spent = alert.slo().and_then(|slo| episode.spent.get(&slo).copied());
                found.add(alert, alert.ends.or(resolved), 0, to).spent = spent;
            }
        }
        Self::new(found.0.into_values().collect(), from, to)
    }

    /// Of the webhooks of Alertmanager, in the order in which they came. Each one that says that an alert fires is a message.
    #[must_use]
    pub fn of_deliveries<'a>(
        deliveries: impl IntoIterator<Item = &'a Delivery>,
        from: Timestamp,
        to: Timestamp,
    ) -> Self {
        let mut found = Known::default();
        for alert in deliveries.into_iter().flat_map(|delivery| &delivery.alerts) {
            found.add(alert, alert.ends, u64::from(alert.is_firing()), to);
        }
        Self::new(found.0.into_values().collect(), from, to)
    }

    /// The beginning.
    #[must_use]
    pub const fn from(&self) -> Timestamp {
        self.from
    }

    /// The end.
    #[must_use]
    pub const fn to(&self) -> Timestamp {
        self.to
    }

    /// The firings, in the order in which they began.
    #[must_use]
    pub fn firings(&self) -> &[Firing] {
        &self.firings
    }
}

/// Firings by the alert and its beginning: an alert is in several deliveries and groups.
#[derive(Default)]
struct Known(BTreeMap<(LabelSet, Timestamp), Firing>);

impl Known {
    fn add(&mut self, alert: &Alert, ended: Option<Timestamp>, messages: u64, to: Timestamp) -> &mut Firing {
        let firing = self.0.entry((alert.labels.clone(), alert.starts)).or_insert_with(|| Firing {
            labels: alert.labels.clone(),
            began: alert.starts,
            ended: to,
            messages: 0,
            spent: None,
        });
        if let Some(ended) = ended {
            firing.ended = firing.ended.min(ended.max(alert.starts));
        }
        firing.messages += messages;
        firing
    }
}
