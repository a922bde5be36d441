//! The time that a page shows.

use slo_core::{
    Error,
    model::{Period, Slo, Timestamp, Window},
};

/// The time that a page shows: a part of an SLO's current period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Span {
    /// The beginning of the period.
    pub period_start: Timestamp,
    /// The end of the period; for a rolling period, now.
    pub period_end: Timestamp,
    /// The beginning of what is shown.
    pub from: Timestamp,
    /// The end of what is shown.
    pub to: Timestamp,
    /// Whether it ends now, and moves on with time.
    pub is_live: bool,
}

/// The shortest time that is shown.
const SHORTEST: u64 = 60_000;

impl Span {
    /// The time that the query of an address asks for: `range=6h` until now, or `from` and `to` in milliseconds since the Unix
    /// epoch. Without them, it is the whole period up to now.
    ///
    /// ```
    /// use slo_core::model::Timestamp;
    /// use slo_ops::watch::Span;
    ///
    /// # let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
    /// #    sli: {events: {total: t, bad: b}}}]}";
    /// # let service = slo_core::spec::parse(text).unwrap().remove(0);
    /// let now = Timestamp::from_seconds(1_800_000_000);
    /// let span = Span::of(&service.slos()[0], [("range", "6h")], now)?;
    /// assert_eq!((span.to.millis_since(span.from), span.is_live), (6 * 3_600_000, true));
    /// assert!(Span::of(&service.slos()[0], [("range", "soon")], now).is_err());
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Texts that are no times, or a time that is not in the period.
    pub fn of<'a>(
        slo: &Slo,
        query: impl IntoIterator<Item = (&'a str, &'a str)>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let (period_start, period_end) = match slo.period() {
            Period::Calendar(calendar) => {
                let period = calendar.period_at(now)?;
                (period.start(), period.end())
            }
            period => (now.before(period.length()), now),
        };
        let (mut range, mut from, mut to) = (None, None, None);
        for (name, value) in query {
            match name {
                "range" if !value.is_empty() => range = Some(value.parse::<Window>()?),
                "from" => from = Some(moment(name, value)?),
                "to" => to = Some(moment(name, value)?),
                _ => {}
            }
        }
        let is_live = to.is_none_or(|to| to >= now);
        let to = to.unwrap_or(now).min(now);
        let from = match (from, range) {
            (Some(from), _) => from,
            (None, Some(range)) => to.before(range),
            (None, None) => period_start,
        };
        let from = from.max(period_start);
        if to <= from || to.millis_since(from) < SHORTEST.min(slo.period().length().as_millis() / 2) {
            return Err(Error::new("the time is shorter than a minute, or outside of the current period")
                .with_hint("leave out `from` and `to`, or write `range=6h`"));
        }
        Ok(Self { period_start, period_end, from, to, is_live })
    }

    /// How long it is, in milliseconds.
    #[must_use]
    pub fn millis(&self) -> u64 {
        self.to.millis_since(self.from)
    }
}

fn moment(name: &str, value: &str) -> Result<Timestamp, Error> {
    let millis: i64 = value.parse().map_err(|_| {
        Error::new(format!("`{name}={}` is not a time", slo_core::plain(value)))
            .with_hint("write milliseconds since the Unix epoch")
    })?;
    Ok(Timestamp::from_millis(millis))
}
