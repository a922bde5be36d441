//! When alerts would have fired.

use super::{
    Episode, Series,
    episode::{Runs, fire},
    series::CHUNK,
};
use crate::{
    Error,
    math::Tally,
    model::{Objective, Ratio, Tier, Window},
};
use std::ops::Range;

/// A burn-rate alert as a replay evaluates it.
///
/// It fires while both windows are strictly above the threshold, in exact arithmetic, and the long window
/// holds at least `fewest_bad` bad events. Windows without events never fire. For windows that begin before
/// the history, see [`WarmUp`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "a rule needs all of it")]
pub struct AlertRule {
    /// The long window.
    pub long: Window,
    /// The short window.
    pub short: Window,
    /// The error ratio above which it fires, θ = kβ.
    pub threshold: Ratio,
    /// The minimum number of bad events in the long window: a guard for low traffic; 0 or 1 for no guard.
    pub fewest_bad: u64,
    /// How long the condition must hold before it fires, if set.
    pub hold: Option<Window>,
    /// How long it keeps firing after the condition ends, if set.
    pub keep: Option<Window>,
    /// How it treats windows that begin before the history.
    pub warm_up: WarmUp,
}

/// How a rule treats a window that begins before the history.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WarmUp {
    /// The window is only as long as the history, as in PromQL: one error in the first ten requests pages.
    #[default]
    UseAvailable,
    /// The missing part of the window counts as traffic like the rest, without bad events.
    AssumeGood,
    /// The rule does not fire before its long window is full.
    Suppress,
}

impl AlertRule {
    /// A rule without guard, `for` and `keep_firing_for`.
    #[must_use]
    pub const fn new(long: Window, short: Window, threshold: Ratio) -> Self {
        Self { long, short, threshold, fewest_bad: 0, hold: None, keep: None, warm_up: WarmUp::UseAvailable }
    }

    /// The rule of `tier` for `objective`.
    ///
    /// # Errors
    /// A threshold that does not fit 128 bits.
    pub fn of_tier(tier: &Tier, objective: Objective) -> Result<Self, Error> {
        let rule = Self::new(tier.long(), tier.short(), tier.threshold(objective)?);
        Ok(Self { fewest_bad: tier.fewest_bad(), ..rule })
    }
}

/// The episodes of a rule over a history, evaluated after every `every` steps.
///
/// Chunks of 64 steps are skipped if their bounds already decide whether the alert fires. A replay therefore
/// costs little more than reading the history.
///
/// ```
/// use slo_core::{model::{AlertPolicy, Timestamp, Window}, replay::{AlertRule, Series, alerts}};
///
/// // Thirty days of minutes; everything fails for ten minutes on the first day.
/// let total = vec![600; 43_200];
/// let mut bad = vec![0; 43_200];
/// bad[1_000..1_010].fill(600);
/// let series = Series::new(Timestamp::EPOCH, Window::minutes(1), &total, &bad)?;
/// let fast = AlertRule::of_tier(&AlertPolicy::workbook().tiers()[0], "99.9%".parse()?)?;
/// let fired = alerts(&series, &fast, 1)?;
/// assert_eq!((fired[0].start, fired[0].end), (1_000, 1_014)); // by the first evaluation, and 5 min after
/// assert_eq!(series.end_of(fired[0].start), Timestamp::from_seconds(1_001 * 60)); // the time of that evaluation
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Windows, `hold` or `keep` that are not whole steps, a short window longer than the long one, a threshold
/// that no error ratio exceeds, or `every` of zero.
pub fn alerts(series: &Series<'_>, rule: &AlertRule, every: usize) -> Result<Vec<Episode>, Error> {
    if every == 0 {
        return Err(Error::new("an alert cannot be evaluated every 0 steps; write 1 or more"));
    }
    if rule.short > rule.long {
        return Err(Error::new(format!(
            "the short window {} is longer than the long one, {}",
            rule.short, rule.long
        )));
    }
    if rule.threshold >= Ratio::ONE {
        return Err(Error::new(format!("no error ratio is above {}", rule.threshold))
            .with_hint("use the factor times the error budget, such as 14.4 times 0.001"));
    }
    let evaluations = |window: Option<Window>| -> Result<usize, Error> {
        // Prometheus waits for the first evaluation at which the time has passed.
        window.map_or(Ok(0), |window| Ok(series.steps_in(window)?.div_ceil(every)))
    };
    let (hold, keep) = (evaluations(rule.hold)?, evaluations(rule.keep)?);
    let condition = Condition {
        series,
        sums: series.sums(),
        long: series.steps_in(rule.long)?,
        short: series.steps_in(rule.short)?,
        threshold: Threshold::of(rule.threshold),
        fewest_bad: rule.fewest_bad,
        warm_up: rule.warm_up,
    };
    if every > series.len() {
        return Ok(Vec::new());
    }
    let mut runs = Runs::default();
    let chunks = series.len().div_ceil(CHUNK);
    let mut chunk = 0;
    while chunk < chunks {
        // Nearly always, nothing fires: skip many chunks at once, if the window is long enough to decide.
        let many = if chunk.is_multiple_of(PAGE) && condition.is_quiet(chunk, PAGE) { PAGE } else { 1 };
        let is_quiet = many > 1 || condition.is_quiet(chunk, 1);
        let first = chunk * CHUNK;
        let last = (first + CHUNK * many).min(series.len());
        chunk += many;
        if is_quiet {
            if runs.is_running() {
                let evaluated = next_evaluation(first, every);
                if evaluated < last {
                    runs.push(evaluated, false);
                }
            }
            continue;
        }
        match condition.bound(first, last) {
            Some(holds) => {
                let evaluated = next_evaluation(first, every);
                if evaluated < last {
                    runs.push(evaluated, holds);
                }
            }
            None => condition.evaluate(first, last, every, &mut runs),
        }
    }
    Ok(fire(runs.finish(series.len()), hold.saturating_mul(every), keep.saturating_mul(every), series.len()))
}

/// The number of chunks that are checked together first.
const PAGE: usize = 16;

/// The first step at or after `index` after which the rule is evaluated.
const fn next_evaluation(index: usize, every: usize) -> usize {
    (index + every) / every * every - 1
}

struct Condition<'a> {
    series: &'a Series<'a>,
    sums: &'a [Tally],
    long: usize,
    short: usize,
    threshold: Threshold,
    fewest_bad: u64,
    warm_up: WarmUp,
}

/// An error ratio to exceed, p/q.
#[derive(Clone, Copy)]
enum Threshold {
    /// A ratio that fits 64 bits, as nearly all do.
    Short { p: u64, q: u64 },
    /// A ratio that needs more than 64 bits.
    Long(Ratio),
}

impl Threshold {
    fn of(ratio: Ratio) -> Self {
        match (u64::try_from(ratio.numerator()), u64::try_from(ratio.denominator())) {
            (Ok(p), Ok(q)) => Self::Short { p, q },
            _ => Self::Long(ratio),
        }
    }

    fn ratio(self) -> Ratio {
        match self {
            Self::Short { p, q } => Ratio::new(p.into(), q.into()).unwrap_or(Ratio::ONE),
            Self::Long(ratio) => ratio,
        }
    }

    /// B/N > θ, strictly and exactly, for counts that may be of different windows, so that B may exceed N.
    fn is_exceeded(self, bad: u64, total: u64) -> bool {
        match self {
            // Products that cannot overflow.
            Self::Short { p, q } => u128::from(bad) * u128::from(q) > u128::from(total) * u128::from(p),
            Self::Long(ratio) => match Tally::new(total, bad) {
                Ok(tally) => tally.exceeds(ratio),
                Err(_) => true,
            },
        }
    }
}

impl Condition<'_> {
    /// Whether the long window alone rules out the condition after every step of `many` whole chunks. It
    /// agrees with [`Self::bound`], but takes only a few instructions.
    fn is_quiet(&self, chunk: usize, many: usize) -> bool {
        let is_whole = (chunk + many) * CHUNK <= self.series.len();
        let reaches_back = chunk * CHUNK < self.long && self.warm_up != WarmUp::UseAvailable;
        if !is_whole || reaches_back {
            return false;
        }
        let before = |chunk: usize| self.sums.get(chunk).copied().unwrap_or(Tally::EMPTY);
        // All chunks that some of the windows touch, and those that lie within all of them.
        let outer = chunk.saturating_sub((self.long - 1).div_ceil(CHUNK));
        let inner = (chunk + many).saturating_sub(self.long / CHUNK).min(chunk);
        let bad_at_most = before(chunk + many).bad() - before(outer).bad();
        let total_at_least = before(chunk).total() - before(inner).total();
        !self.threshold.is_exceeded(bad_at_most, total_at_least) || bad_at_most < self.fewest_bad
    }

    /// Whether the condition holds after all steps from `first` to `last`, or after none; else `None`.
    fn bound(&self, first: usize, last: usize) -> Option<bool> {
        if first < self.long && self.warm_up != WarmUp::UseAvailable {
            return None;
        }
        // The long window nearly always decides: check the short one only if it does not.
        let long = Chunks::of(self.long, first, last);
        let long_bad = long.bad_at_most(self.series);
        let long_total = long.total_at_least(self.series);
        if !self.threshold.is_exceeded(long_bad, long_total) || long_bad < self.fewest_bad {
            return Some(false);
        }
        let short = Chunks::of(self.short, first, last);
        if !self.threshold.is_exceeded(short.bad_at_most(self.series), short.total_at_least(self.series)) {
            return Some(false);
        }
        let certain = |window: &Chunks| {
            self.threshold.is_exceeded(window.bad_at_least(self.series), window.total_at_most(self.series))
        };
        let both = certain(&long) && certain(&short) && long.bad_at_least(self.series) >= self.fewest_bad;
        both.then_some(true)
    }

    fn evaluate(&self, first: usize, last: usize, every: usize, runs: &mut Runs) {
        let mut long = Sliding::before(self.series, first, self.long);
        let mut short = Sliding::before(self.series, first, self.short);
        let is_plain = self.warm_up == WarmUp::UseAvailable || first >= self.long;
        if let (1, true, Some(longs), Some(shorts)) =
            (every, is_plain, long.rows(self.series, first, last), short.rows(self.series, first, last))
        {
            // The same as below, but every row is read only once.
            for (index, (of_long, of_short)) in (first..last).zip(longs.zip(shorts)) {
                long.slide(of_long);
                short.slide(of_short);
                runs.push(index, self.is_met(&long, &short, self.threshold, self.threshold));
            }
            return;
        }
        let mut next = next_evaluation(first, every);
        for index in first..last {
            long.slide(long.row(self.series, index));
            short.slide(short.row(self.series, index));
            if index == next {
                runs.push(index, self.holds(&long, &short, index + 1));
                next += every;
            }
        }
    }
}

/// Bounds, in whole chunks, of all windows that end after one of some steps.
struct Chunks {
    // The chunks that some of the windows touch.
    outer: (usize, usize),
    // Those that lie within all of them; the first may be beyond the last.
    inner: (usize, usize),
}

impl Chunks {
    /// Windows of `steps` steps that end after a step from `first` up to, not including, `last`.
    const fn of(steps: usize, first: usize, last: usize) -> Self {
        let outer = ((first + 1).saturating_sub(steps) / CHUNK, last.div_ceil(CHUNK));
        // From the latest beginning to the earliest end.
        let inner = (last.saturating_sub(steps).div_ceil(CHUNK), (first + 1) / CHUNK);
        Self { outer, inner }
    }

    fn bad_at_most(&self, series: &Series<'_>) -> u64 {
        series.bad_of_chunks(self.outer.0, self.outer.1)
    }

    fn bad_at_least(&self, series: &Series<'_>) -> u64 {
        series.bad_of_chunks(self.inner.0, self.inner.1)
    }

    fn total_at_most(&self, series: &Series<'_>) -> u64 {
        series.total_of_chunks(self.outer.0, self.outer.1)
    }

    fn total_at_least(&self, series: &Series<'_>) -> u64 {
        series.total_of_chunks(self.inner.0, self.inner.1)
    }
}

/// The sums of the last `steps` steps.
struct Sliding {
    steps: usize,
    total: u64,
    bad: u64,
}

/// What a window gains and loses by a step: total and bad events of the new step and of the old.
type Row = ((u64, u64), (u64, u64));

impl Sliding {
    /// The sums before the step `index`.
    fn before(series: &Series<'_>, index: usize, steps: usize) -> Self {
        let window = series.window(index, steps);
        Self { steps, total: window.total(), bad: window.bad() }
    }

    /// The rows from `first` up to, not including, `last`; `None` where the window reaches back before the history.
    fn rows<'a>(
        &self,
        series: &'a Series<'_>,
        first: usize,
        last: usize,
    ) -> Option<impl Iterator<Item = Row> + use<'a>> {
        let old = first.checked_sub(self.steps)?..last.checked_sub(self.steps)?;
        let columns = |rows: Range<usize>| {
            let (total, bad) = (series.total.get(rows.clone())?, series.bad.get(rows)?);
            Some(total.iter().copied().zip(bad.iter().copied()))
        };
        Some(columns(first..last)?.zip(columns(old)?))
    }

    /// The row of the step `index`.
    fn row(&self, series: &Series<'_>, index: usize) -> Row {
        let at = |column: &[u64], index: usize| column.get(index).copied().unwrap_or(0);
        let of = |index: usize| (at(series.total, index), at(series.bad, index));
        (of(index), index.checked_sub(self.steps).map_or((0, 0), of))
    }

    /// Moves the window by one step. No sum overflows, so no part of a sum does.
    const fn slide(&mut self, ((total, bad), (old_total, old_bad)): Row) {
        self.total = self.total.wrapping_add(total).wrapping_sub(old_total);
        self.bad = self.bad.wrapping_add(bad).wrapping_sub(old_bad);
    }
}

impl Condition<'_> {
    /// Whether it holds for these windows after `seen` steps of history.
    fn holds(&self, long: &Sliding, short: &Sliding, seen: usize) -> bool {
        let threshold = |window: &Sliding| match self.warm_up {
            // With n times the traffic, the error ratio is divided by n.
            WarmUp::AssumeGood if seen < window.steps => Threshold::of(
                Ratio::new(window.steps as u128, seen as u128)
                    .ok()
                    .and_then(|missing| self.threshold.ratio().checked_mul(missing))
                    .unwrap_or(Ratio::ONE),
            ),
            _ => self.threshold,
        };
        let is_warm = self.warm_up != WarmUp::Suppress || seen >= self.long;
        is_warm && self.is_met(long, short, threshold(long), threshold(short))
    }

    fn is_met(
        &self,
        long: &Sliding,
        short: &Sliding,
        long_threshold: Threshold,
        short_threshold: Threshold,
    ) -> bool {
        long.bad >= self.fewest_bad
            && long_threshold.is_exceeded(long.bad, long.total)
            && short_threshold.is_exceeded(short.bad, short.total)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Timestamp;
    use proptest::prelude::*;

    const MINUTE: Window = Window::minutes(1);

    fn rule(long: u64, short: u64, threshold: &str) -> AlertRule {
        AlertRule::new(Window::minutes(long), Window::minutes(short), threshold.parse().unwrap())
    }

    fn columns(steps: &[(u64, u64)]) -> (Vec<u64>, Vec<u64>) {
        (steps.iter().map(|(good, bad)| good + bad).collect(), steps.iter().map(|(_, bad)| *bad).collect())
    }

    /// Every evaluation by itself, and the states of an alert, from the definition.
    fn by_definition(series: &Series<'_>, rule: &AlertRule, every: usize) -> Vec<Episode> {
        let steps = |window: Window| series.steps_in(window).unwrap();
        let (hold, keep) = (rule.hold.map_or(0, steps), rule.keep.map_or(0, steps));
        let (mut pending, mut resolved): (Option<usize>, Option<usize>) = (None, None);
        let mut runs = Runs::default();
        let mut firing = false;
        for index in (0..series.len()).filter(|index| (index + 1) % every == 0) {
            let exceeds = |window| {
                let length = steps(window);
                let tally = (index.saturating_sub(length - 1)..=index)
                    .fold(Tally::EMPTY, |sum, step| sum.checked_add(series.at(step)).unwrap());
                let missing =
                    if rule.warm_up == WarmUp::AssumeGood { length.max(index + 1) } else { index + 1 };
                let expected = u128::from(tally.total()) * missing as u128;
                let bad = Ratio::new(u128::from(tally.bad()) * (index + 1) as u128, expected.max(1)).unwrap();
                (tally.bad(), bad > rule.threshold)
            };
            let ((bad, long), (_, short)) = (exceeds(rule.long), exceeds(rule.short));
            let warm = rule.warm_up != WarmUp::Suppress || index + 1 >= steps(rule.long);
            let holds = warm && long && short && bad >= rule.fewest_bad;
            pending = if holds { pending.or(Some(index)) } else { None };
            resolved = if holds { None } else { resolved.or(Some(index)) };
            firing = match (firing, pending, resolved) {
                (false, Some(since), _) => index - since >= hold,
                (true, _, Some(since)) => index - since < keep,
                (firing, ..) => firing,
            };
            runs.push(index, firing);
        }
        runs.finish(series.len())
    }

    #[test]
    fn waits_for_and_keeps_firing() {
        // An evaluation a minute; the condition holds while the only step in the window is bad.
        let pattern = "..x.xxx..xx...xxxx";
        let (total, bad): (Vec<u64>, Vec<u64>) = pattern.chars().map(|c| (1, u64::from(c == 'x'))).unzip();
        let series = Series::new(Timestamp::EPOCH, MINUTE, &total, &bad).unwrap();
        let fired = |hold: u64, keep: u64| {
            let minutes = |count| (count > 0).then(|| Window::minutes(count));
            let rule = AlertRule { hold: minutes(hold), keep: minutes(keep), ..rule(1, 1, "0.5") };
            let mut text = vec!['.'; pattern.len()];
            for episode in alerts(&series, &rule, 1).unwrap() {
                text[episode.start..episode.end].fill('x');
            }
            text.into_iter().collect::<String>()
        };
        assert_eq!(fired(0, 0), pattern);
        assert_eq!(fired(1, 0), ".....xx...x....xxx");
        assert_eq!(fired(2, 0), "......x.........xx");
        assert_eq!(fired(0, 1), "..xxxxxx.xxx..xxxx");
        assert_eq!(fired(2, 2), "......xxxxxxx...xx");
    }

    #[test]
    fn warms_up_as_it_is_told() {
        // One of ten requests of the first minute fails, and none after it.
        let (total, mut bad) = (vec![10; 120], vec![0; 120]);
        bad[0] = 1;
        let series = Series::new(Timestamp::EPOCH, MINUTE, &total, &bad).unwrap();
        let fired = |warm_up| alerts(&series, &AlertRule { warm_up, ..rule(60, 5, "0.0144") }, 1).unwrap();
        assert_eq!(fired(WarmUp::UseAvailable), [Episode { start: 0, end: 5 }]);
        assert_eq!(fired(WarmUp::AssumeGood), []);
        assert_eq!(fired(WarmUp::Suppress), []);
        // An outage that lasts is seen by all of them, in time.
        let outage = vec![10; 120];
        let series = Series::new(Timestamp::EPOCH, MINUTE, &total, &outage).unwrap();
        let start =
            |warm_up| alerts(&series, &AlertRule { warm_up, ..rule(60, 5, "0.0144") }, 1).unwrap()[0].start;
        assert_eq!([WarmUp::UseAvailable, WarmUp::AssumeGood, WarmUp::Suppress].map(start), [0, 0, 59]);
    }

    #[test]
    fn refuses_windows_between_steps() {
        let series = Series::new(Timestamp::EPOCH, MINUTE, &[], &[]).unwrap();
        let between = AlertRule::new(Window::minutes(5), Window::seconds(90), Ratio::HALF);
        assert!(alerts(&series, &between, 1).is_err());
        assert!(alerts(&series, &rule(5, 1, "0.5"), 0).is_err());
        assert_eq!(alerts(&series, &rule(5, 1, "0.5"), 1), Ok(vec![]));
    }

    /// The short window falls below the threshold before the long one rises above it.
    #[test]
    fn two_windows_can_miss_more_than_their_share() {
        // An hour of calm, 27 minutes at twice the threshold, 33 minutes a tenth below it.
        let bad: Vec<u64> = [(3_600, 0), (1_620, 2_880), (1_980, 1_296)]
            .iter()
            .flat_map(|(seconds, bad)| std::iter::repeat_n(*bad, *seconds))
            .collect();
        let total = vec![100_000; bad.len()];
        let series = Series::new(Timestamp::EPOCH, Window::seconds(1), &total, &bad).unwrap();
        assert_eq!(alerts(&series, &rule(60, 5, "0.0144"), 1), Ok(vec![]));
        // 2.79 % of the budget of 30 days.
        let spent = series.total().bad() as f64 / (0.001 * 100_000.0 * 2_592_000.0);
        assert!((spent - 0.0279).abs() < 1e-12);
        assert_eq!(alerts(&series, &rule(60, 5, "0.01"), 1).unwrap().len(), 1);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn fires_exactly_by_definition(
            calm in prop::collection::vec((0..40_u64, 0..2_u64), 0..260),
            storm in prop::collection::vec((0..40_u64, 0..20_u64), 0..160),
            long in 2..150_u64, short in 1..40_u64, percent in 1..60_u32, every in 1..7_usize, fewest_bad in 0..20_u64,
            warm_up in prop::sample::select(vec![WarmUp::UseAvailable, WarmUp::AssumeGood, WarmUp::Suppress]),
            hold in 0..30_u64, keep in 0..30_u64,
        ) {
            let steps: Vec<(u64, u64)> = calm.iter().chain(&storm).chain(&calm).copied().collect();
            let (total, bad) = columns(&steps);
            let series = Series::new(Timestamp::EPOCH, MINUTE, &total, &bad).unwrap();
            let minutes = |count| (count > 0).then(|| Window::minutes(count));
            let (hold, keep) = (minutes(hold), minutes(keep));
            let rule = AlertRule { fewest_bad, hold, keep, warm_up, ..rule(long, short.min(long), &format!("0.{percent:02}")) };
            prop_assert_eq!(alerts(&series, &rule, every).unwrap(), by_definition(&series, &rule, every));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(100))]
        /// Histories and windows that are long enough for many chunks to be passed over at once.
        #[test]
        fn fires_exactly_in_long_histories(
            calm in prop::collection::vec((0..40_u64, 0..2_u64), 100..260), times in 4..16_usize,
            storm in prop::collection::vec((0..40_u64, 0..20_u64), 0..160),
            long in 2..1_500_u64, short in 1..200_u64, percent in 1..60_u32, every in 1..3_usize,
        ) {
            let calms = || calm.iter().cycle().take(calm.len() * times);
            let steps: Vec<(u64, u64)> = calms().chain(&storm).chain(calms()).copied().collect();
            let (total, bad) = columns(&steps);
            let series = Series::new(Timestamp::EPOCH, MINUTE, &total, &bad).unwrap();
            let rule = rule(long, short.min(long), &format!("0.{percent:02}"));
            prop_assert_eq!(alerts(&series, &rule, every).unwrap(), by_definition(&series, &rule, every));
        }
    }
}
