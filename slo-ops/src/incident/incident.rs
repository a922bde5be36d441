//! An incident, computed from its record.

use super::{Entry, Episode, Event, Resolution};
use crate::alert::{Alert, DeliveryId, EpisodeId, Fingerprint, IncidentId, LabelSet, Source};
use slo_core::model::{Timestamp, Window};
use std::collections::BTreeMap;

/// How late a delivery may be.
///
/// For this long after an alert was reported as resolved, a delivery that still says "firing" is late and
/// opens no episode. After that, the alert counts as firing again. Alertmanager retries a notification until
/// its `group_interval` is over, which is five minutes by default.
pub const LATE: Window = Window::minutes(10);

/// An incident: a group of alerts, and every time that it fired.
///
/// It is a function of its record, entry by entry: the same entries give the same incident.
///
/// ```
/// use slo_core::model::Timestamp;
/// use slo_ops::{
///     alert::{Alert, Delivery, Source, Status},
///     incident::{EpisodeState, Incident},
/// };
///
/// let body = |status: &str, ends: &str| format!(r#"{{"version": "4", "groupKey": "g", "status": "{status}", "alerts": [
///     {{"status": "{status}", "labels": {{"slo": "a"}}, "startsAt": "2026-11-23T06:00:00Z", "endsAt": "{ends}"}}]}}"#);
/// let parse = |body: String| Delivery::parse(Source::Alertmanager, body.as_bytes());
/// let firing = parse(body("firing", "0001-01-01T00:00:00Z"))?;
/// let resolved = parse(body("resolved", "2026-11-23T06:05:00Z"))?;
///
/// let mut incident = Incident::new(firing.incident());
/// let began = firing.alerts[0].starts;
/// incident.apply(&incident.receive(&firing, began));
/// assert_eq!(incident.episodes()[0].state(), EpisodeState::Firing);
/// incident.apply(&incident.receive(&resolved, began));
/// assert_eq!(incident.episodes()[0].state(), EpisodeState::Resolved);
/// incident.apply(&incident.receive(&firing, began)); // late
/// assert_eq!((incident.episodes().len(), incident.open()), (1, None));
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Incident {
    id: IncidentId,
    group_key: String,
    source: Option<Source>,
    external_url: String,
    alerts: BTreeMap<Fingerprint, Heard>,
    /// The alerts of each delivery, and how many it left out.
    deliveries: BTreeMap<DeliveryId, (Vec<Alert>, u64)>,
    received: u64,
    episodes: Vec<Episode>,
}

/// The latest news of an alert.
#[derive(Debug, Clone, PartialEq)]
struct Heard {
    alert: Alert,
    /// If it was resolved: when, and when that was received.
    resolved: Option<(Timestamp, Timestamp)>,
}

impl Incident {
    /// An incident with an empty record.
    #[must_use]
    pub const fn new(id: IncidentId) -> Self {
        Self {
            id,
            group_key: String::new(),
            source: None,
            external_url: String::new(),
            alerts: BTreeMap::new(),
            deliveries: BTreeMap::new(),
            received: 0,
            episodes: Vec::new(),
        }
    }

    /// The incident that a record describes.
    #[must_use]
    pub fn of<'a>(id: IncidentId, record: impl IntoIterator<Item = &'a Entry>) -> Self {
        record.into_iter().fold(Self::new(id), |mut incident, entry| {
            incident.apply(entry);
            incident
        })
    }

    /// Its id.
    #[must_use]
    pub const fn id(&self) -> IncidentId {
        self.id
    }

    /// The key of the group of alerts at its sender.
    #[must_use]
    pub fn group_key(&self) -> &str {
        &self.group_key
    }

    /// The sender of its alerts; `None` before the first delivery.
    #[must_use]
    pub const fn source(&self) -> Option<Source> {
        self.source
    }

    /// Link to the sender of its alerts; empty if the sender gave none.
    #[must_use]
    pub fn external_url(&self) -> &str {
        &self.external_url
    }

    /// How many deliveries were received, including repeated ones.
    #[must_use]
    pub const fn deliveries(&self) -> u64 {
        self.received
    }

    /// Its episodes, oldest first.
    #[must_use]
    pub fn episodes(&self) -> &[Episode] {
        &self.episodes
    }

    /// The episode that began at `began`.
    #[must_use]
    pub fn episode(&self, began: Timestamp) -> Option<&Episode> {
        self.episodes.iter().find(|episode| episode.id.began == began)
    }

    /// The episode whose alerts are firing.
    #[must_use]
    pub fn open(&self) -> Option<&Episode> {
        self.episodes.last().filter(|episode| episode.is_open())
    }

    /// The entry that records `delivery`, received at `at`.
    ///
    /// It holds the whole delivery, or only its id if the same delivery was received before.
    #[must_use]
    pub fn receive(&self, delivery: &crate::alert::Delivery, at: Timestamp) -> Entry {
        let id = delivery.id();
        if self.deliveries.contains_key(&id) {
            return Entry::new(at, Event::Repeated { delivery: id });
        }
        Entry::new(at, Event::received(delivery))
    }

    /// Applies the next entry of its record.
    pub fn apply(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Received { delivery, source, group_key, alerts, truncated, external_url } => {
                self.source = Some(*source);
                self.group_key.clone_from(group_key);
                self.external_url.clone_from(external_url);
                self.deliveries.insert(*delivery, (alerts.clone(), *truncated));
                self.received += 1;
                self.hear(entry.at, alerts, *truncated);
            }
            Event::Repeated { delivery } => {
                self.received += 1;
                if let Some((alerts, truncated)) = self.deliveries.get(delivery).cloned() {
                    self.hear(entry.at, &alerts, truncated);
                }
            }
            Event::Closed { who } => {
                self.close(entry, who);
            }
            event => {
                let episode = match entry.episode {
                    Some(began) => self.episodes.iter_mut().find(|episode| episode.id.began == began),
                    None => self.episodes.last_mut(),
                };
                if let Some(episode) = episode {
                    episode.apply(entry.at, event);
                }
            }
        }
    }

    /// Applies the alerts of a delivery; `truncated` more alerts of the group were left out.
    fn hear(&mut self, at: Timestamp, alerts: &[Alert], truncated: u64) {
        let news: Vec<&Alert> = alerts.iter().filter(|alert| self.is_news(alert, at)).collect();
        for alert in &news {
            let resolved = (!alert.is_firing()).then(|| (alert.ends.unwrap_or(at), at));
            self.alerts.insert(self.identity(alert), Heard { alert: (*alert).clone(), resolved });
        }
        let began = news.iter().filter(|alert| alert.is_firing()).map(|alert| alert.starts).min();
        if self.open().is_none()
            && let Some(began) = began
        {
            // The same alerts, received long after they were resolved, open a new episode.
            let mut began = if self.episode(began).is_some() { at } else { began };
            while self.episode(began).is_some() {
                began = Timestamp::from_millis(began.as_millis().saturating_add(1));
            }
            self.episodes.push(Episode::new(EpisodeId::new(self.id, began), at));
        }
        let firing: Vec<Alert> = self.firing().cloned().collect();
        let says_all_is_over = truncated == 0 && alerts.iter().all(|alert| !alert.is_firing());
        let Some(episode) = self.episodes.last_mut().filter(|episode| episode.is_open()) else { return };
        if news.is_empty() {
            return;
        }
        episode.truncated = truncated;
        if says_all_is_over {
            // Alerts of the group that were not sent are silenced, or the delivery with their end is late.
            let ends = news.iter().filter_map(|alert| alert.ends).max();
            self.end(at, ends.unwrap_or(at));
        } else if !firing.is_empty() {
            episode.alerts = firing;
        }
    }

    /// Ends the open episode by hand. The next delivery that says "firing" opens a new one, however soon.
    fn close(&mut self, entry: &Entry, who: &str) {
        let Some(open) = self.episodes.last_mut().filter(|episode| episode.is_open()) else { return };
        if entry.episode.is_some_and(|began| began != open.id.began) {
            return;
        }
        open.closed = Some(who.to_owned());
        self.end(entry.at, entry.at);
        for (_, heard) in self.alerts.values_mut().filter_map(|heard| heard.resolved.as_mut()) {
            *heard = heard.before(LATE);
        }
    }

    /// Ends the open episode, and all its alerts.
    fn end(&mut self, at: Timestamp, ended: Timestamp) {
        if let Some(episode) = self.episodes.last_mut().filter(|episode| episode.is_open()) {
            episode.resolution = Some(Resolution { at, ended });
        }
        for heard in self.alerts.values_mut().filter(|heard| heard.resolved.is_none()) {
            heard.resolved = Some((ended, at));
        }
    }

    /// Whether an alert of a delivery is news: deliveries can be late, out of order, and from several
    /// senders.
    fn is_news(&self, alert: &Alert, at: Timestamp) -> bool {
        let Some(heard) = self.alerts.get(&self.identity(alert)) else { return true };
        match heard.resolved {
            // No news if it was resolved before the firing one began.
            None if !alert.is_firing() => alert.ends.is_none_or(|ends| ends > heard.alert.starts),
            None => true,
            Some((ended, when)) => {
                !alert.is_firing() && alert.ends.is_some_and(|ends| ends > ended)
                    || alert.is_firing() && (alert.starts > ended || at.before(LATE) > when)
            }
        }
    }

    /// What stays the same about an alert. A problem of Dynatrace is one alert, and its title and tags may change.
    fn identity(&self, alert: &Alert) -> Fingerprint {
        match self.source {
            Some(Source::Dynatrace) => Fingerprint::of(&LabelSet::new()),
            _ => alert.fingerprint(),
        }
    }

    fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.alerts.values().filter(|heard| heard.resolved.is_none()).map(|heard| &heard.alert)
    }
}
