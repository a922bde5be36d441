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
/// With less than this share of the period recorded, a page shows what is recorded.
const LITTLE: f64 = 0.2;

impl Span {
    /// The time that the query of an address asks for: `range=6h` until now, or `from` and `to` in milliseconds since the Unix
    /// epoch. Without them, it is `usual` up to now.
    ///
    /// ```
    /// use slo_core::model::Timestamp;
    /// use slo_ops::watch::Span;
    ///
    /// # let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99%, window: 30d,
    /// #    sli: {events: {total: t, bad: b}}}]}";
    /// # let service = slo_core::spec::parse(text).unwrap().remove(0);
    /// let now = Timestamp::from_seconds(1_800_000_000);
    /// let slo = &service.slos()[0];
    /// let usual = Span::usual(slo, Some(1.0));
    /// let span = Span::of(slo, [("range", "6h")], usual, now)?;
    /// assert_eq!((span.to.millis_since(span.from), span.is_live), (6 * 3_600_000, true));
    /// assert_eq!(Span::of(slo, [], usual, now)?.millis(), 30 * 86_400_000);
    /// assert!(Span::of(slo, [("range", "soon")], usual, now).is_err());
    /// // Twenty minutes after the first events:
    /// assert_eq!(Span::usual(slo, Some(0.0005)).to_string(), "1h");
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    ///
    /// # Errors
    /// Texts that are no times, or a time that is not in the period.
    pub fn of<'a>(
        slo: &Slo,
        query: impl IntoIterator<Item = (&'a str, &'a str)>,
        usual: Window,
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
                "range" if !value.is_empty() => {
                    let asked: Window = value.parse()?;
                    if asked > slo.period().length() {
                        return Err(Error::new(format!(
                            "`range={asked}` is longer than the period, {}",
                            slo.period()
                        )));
                    }
                    range = Some(asked);
                }
                "from" => from = Some(moment(name, value)?),
                "to" => to = Some(moment(name, value)?),
                _ => {}
            }
        }
        let is_live = to.is_none_or(|to| to >= now);
        let to = to.unwrap_or(now).min(now);
        let from = match (from, range) {
            (Some(from), _) => from,
            (None, range) => to.before(range.unwrap_or(usual)),
        };
        let from = from.max(period_start);
        let is_asked = range.is_some() || !is_live || from > period_start;
        // A calendar period may have begun this second.
        let from = if is_asked { from } else { from.min(to.before(Window::minutes(1))) };
        if to <= from || to.millis_since(from) < SHORTEST.min(slo.period().length().as_millis() / 2) {
            return Err(Error::new("the time is shorter than a minute, or outside of the current period")
                .with_hint("leave out `from` and `to`, or write `range=6h`"));
        }
        Ok(Self { period_start, period_end, from, to, is_live })
    }

    /// The times up to now that a page offers, shortest first: up to the whole period.
    #[must_use]
    pub fn choices(slo: &Slo) -> Vec<Window> {
        let period = slo.period().length();
        let usual = [Window::hours(1), Window::hours(6), Window::days(1), Window::days(7)];
        // The periods of demonstrations are shorter.
        let short = || [720, 120, 30, 4].into_iter().filter_map(|part| period.divided_by(part).ok());
        let choices = if period > Window::days(1) { usual.to_vec() } else { short().collect() };
        let fits = |window: &Window| *window < period && window.as_millis() >= SHORTEST;
        choices.into_iter().filter(fits).chain([period]).collect()
    }

    /// The time up to now that a page shows if its address says none: the whole period, or as much as is recorded of it.
    #[must_use]
    pub fn usual(slo: &Slo, coverage: Option<f64>) -> Window {
        let period = slo.period().length();
        let Some(coverage) = coverage.filter(|share| *share < LITTLE) else { return period };
        let recorded = coverage * period.as_millis() as f64;
        let choices = Self::choices(slo).into_iter();
        choices.filter(|window| window.as_millis() as f64 >= recorded).min().unwrap_or(period)
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
