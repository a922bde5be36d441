//! Whether the lines of a window are what the time before it explains.

use super::{
    bins::Bins,
    finding::{Change, LogFinding, LogFindings},
    log::{About, Logs},
    record::Level,
    template::Template,
};
use slo_core::{
    Error,
    model::Timestamp,
    stats::{negative_binomial_at_least, poisson_at_least},
};

/// What is compared with what, and how sure a finding must be.
#[derive(Debug, Clone, Copy, PartialEq)]
#[expect(clippy::exhaustive_structs, reason = "callers set all of it")]
pub struct Comparison {
    /// The beginning of the window.
    pub from: Timestamp,
    /// The end of the window.
    pub to: Timestamp,
    /// The beginning of the baseline; by default, the first line.
    pub baseline: Option<Timestamp>,
    /// The probability of a false alarm in the window, over all templates.
    pub false_alarms: f64,
}

/// A template is swollen from twice the expected lines on.
const FACTOR: f64 = 2.0;
/// A template can have vanished if as many lines were expected.
const LEAST_EXPECTED: f64 = 5.0;
/// Templates with as many expected lines tell how much traffic there is.
const STEADY: f64 = 5.0;
/// How many of these it takes.
const LEAST_STEADY: usize = 5;

impl Logs {
    /// What is unusual about a window, compared with windows of the same length before it.
    ///
    /// *New* templates: never seen before the window. How probable they are follows from how often the baseline, after its
    /// first third, had new templates, of the same or a worse level, and with how many lines.
    ///
    /// *Swollen* and *vanished* templates: a negative binomial of the baseline's mean and variance (its upper confidence bound)
    /// does not explain the lines; and no window of the baseline had as many, or as few. p-values are Holm's, over all
    /// templates and both kinds (S. Holm, 1979).
    ///
    /// If the usual templates all have more lines, there is more traffic, and as many more are expected.
    ///
    /// # Errors
    /// A window that is empty, a baseline shorter than the window, a probability outside 0 to 1.
    pub fn findings(&self, comparison: Comparison) -> Result<LogFindings, Error> {
        let Comparison { from, to, false_alarms, .. } = comparison;
        if !(0.0..=1.0).contains(&false_alarms) {
            return Err(Error::new(format!("{false_alarms} is not a probability of a false alarm")));
        }
        if to <= from {
            return Err(Error::new("the window ends before it begins"));
        }
        let start = self.bin(from);
        let end = self.bin(Timestamp::from_millis(to.as_millis() - 1)) + 1;
        let width = end - start;
        let first = match comparison.baseline {
            Some(time) => Some(self.bin(time)),
            None => self.all.first(),
        };
        let windows = first.map_or(0, |first| (start - first).max(0) / width);
        if windows == 0 {
            return Err(Error::new("there is no log before the window, or less than the window is long")
                .with_hint("give a longer log, or a shorter window"));
        }
        let baseline = Baseline { start, width, windows };
        let all: Vec<Compared<'_>> =
            self.templates().map(|(template, about)| baseline.compared(template, about)).collect();
        let traffic = traffic(&all);
        let known: Vec<&Compared<'_>> = all.iter().filter(|one| !one.is_new).collect();
        let mut tests: Vec<(f64, Change, &Compared<'_>)> = Vec::new();
        for one in &known {
            tests.push((one.p_swollen(traffic.max(1.0), windows)?, Change::Swollen, one));
            tests.push((one.p_vanished(traffic.min(1.0), windows)?, Change::Vanished, one));
        }
        tests.sort_by(|a, b| a.0.total_cmp(&b.0));
        let (count, mut highest) = (tests.len(), 0.0_f64);
        let mut findings = Vec::new();
        for (at, (p, change, one)) in tests.into_iter().enumerate() {
            // The other half of the probability is for new templates.
            highest = highest.max((p * (count - at) as f64 * 2.0).min(1.0));
            if highest >= 1.0 {
                break;
            }
            findings.push(self.finding(one, change, highest, traffic, start, end));
        }
        let newcomers = baseline.newcomers(&all);
        for one in all.iter().filter(|one| one.is_new && one.lines > 0) {
            let p = (newcomers.expected(one) * 2.0).min(1.0);
            findings.push(self.finding(one, Change::New, p, traffic, start, end));
        }
        for finding in &mut findings {
            finding.significant = finding.p < false_alarms;
        }
        findings.retain(|finding| finding.significant || finding.change == Change::New);
        findings.sort_by(|a, b| {
            (b.significant, b.level, b.lines, a.template).cmp(&(a.significant, a.level, a.lines, b.template))
        });
        Ok(LogFindings {
            from,
            to,
            baseline: self.start(start - windows * width),
            windows: windows.unsigned_abs(),
            lines: self.all.sum(start, end),
            traffic,
            compared: all.len() as u64,
            findings,
        })
    }

    fn finding(
        &self,
        one: &Compared<'_>,
        change: Change,
        p: f64,
        traffic: f64,
        start: i64,
        end: i64,
    ) -> LogFinding {
        let traffic = if change == Change::Vanished { traffic.min(1.0) } else { traffic.max(1.0) };
        LogFinding {
            change,
            template: one.template.id(),
            text: one.template.to_string(),
            level: one.about.level,
            example: one.about.example.clone(),
            lines: one.lines,
            expected: one.mean * traffic,
            extreme_before: if change == Change::Vanished { one.fewest } else { one.most },
            since: one.about.bins.between(start, end).first().map(|(bin, _)| self.start(*bin)),
            p,
            significant: false,
        }
    }
}

/// Windows that end one where the next begins, the last where the window begins that is judged.
#[derive(Debug, Clone, Copy)]
struct Baseline {
    start: i64,
    width: i64,
    windows: i64,
}

/// A template in the window and before.
struct Compared<'a> {
    template: &'a Template,
    about: &'a About,
    /// Its lines in the window.
    lines: u64,
    mean: f64,
    /// The variance of its lines in windows of the baseline.
    variance: f64,
    most: u64,
    fewest: u64,
    /// Whether it has no line before the window.
    is_new: bool,
}

impl Baseline {
    fn compared<'a>(self, template: &'a Template, about: &'a About) -> Compared<'a> {
        let (mut sum, mut squares, mut most, mut fewest, mut filled) = (0.0, 0.0, 0, u64::MAX, 0);
        for (_, lines) in self.sums(&about.bins) {
            let count = lines as f64;
            (sum, squares) = (sum + count, squares + count * count);
            (most, fewest) = (lines.max(most), lines.min(fewest));
            filled += 1;
        }
        let windows = self.windows as f64;
        let mean = sum / windows;
        let variance =
            if self.windows > 1 { ((squares - sum * mean) / (windows - 1.0)).max(0.0) } else { 0.0 };
        Compared {
            template,
            about,
            lines: about.bins.sum(self.start, self.start + self.width),
            mean,
            variance,
            most,
            fewest: if filled < self.windows { 0 } else { fewest },
            is_new: about.bins.first().is_some_and(|first| first >= self.start),
        }
    }

    /// The lines of windows of the baseline that are not empty, counted from the one before the window.
    fn sums(self, bins: &Bins) -> impl Iterator<Item = (i64, u64)> {
        let mut rest = bins.between(self.start - self.windows * self.width, self.start);
        std::iter::from_fn(move || {
            let (bin, _) = *rest.last()?;
            let index = (self.start - 1 - bin) / self.width;
            let begins = self.start - (index + 1) * self.width;
            let at = rest.partition_point(|(bin, _)| *bin < begins);
            let (before, window) = rest.split_at_checked(at)?;
            rest = before;
            Some((index, window.iter().map(|(_, count)| u64::from(*count)).sum()))
        })
    }

    /// The templates that were new in the last two thirds of the baseline.
    fn newcomers(self, all: &[Compared<'_>]) -> Newcomers {
        let windows = self.windows - self.windows / 3;
        let begins = self.start - windows * self.width;
        let mut found = Vec::new();
        for one in all.iter().filter(|one| !one.is_new) {
            let Some(first) = one.about.bins.first().filter(|first| *first >= begins) else { continue };
            let index = (self.start - 1 - first) / self.width;
            let window = self.start - (index + 1) * self.width;
            found.push((is_bad(one), one.about.bins.sum(window, window + self.width)));
        }
        Newcomers { windows, found }
    }
}

fn is_bad(one: &Compared<'_>) -> bool {
    one.about.level >= Some(Level::Error)
}

/// Templates that were new in a window of the baseline: whether they are errors, and how many lines they had in it.
struct Newcomers {
    windows: i64,
    found: Vec<(bool, u64)>,
}

impl Newcomers {
    /// How many new templates that are as remarkable as this one a window has.
    ///
    /// The baseline tells how often there are new templates with at least so many lines. Twice as many lines are taken to be
    /// half as frequent, as in Zipf's law, so that more lines than any new template had are more remarkable.
    fn expected(&self, one: &Compared<'_>) -> f64 {
        let alike: Vec<u64> =
            self.found.iter().filter(|(bad, _)| *bad || !is_bad(one)).map(|(_, lines)| *lines).collect();
        let sizes = alike.iter().flat_map(|lines| [*lines, lines + 1]).chain([1, one.lines]);
        let rate = |size: u64| {
            let as_many = alike.iter().filter(|lines| **lines >= size).count();
            (as_many as f64 + 1.0) / (self.windows as f64 + 1.0) * size as f64 / one.lines as f64
        };
        sizes.filter(|size| (1..=one.lines).contains(size)).map(rate).fold(1.0, f64::min)
    }
}

impl Compared<'_> {
    /// The probability of at least as many lines; 1 if the baseline had as many.
    fn p_swollen(&self, traffic: f64, windows: i64) -> Result<f64, Error> {
        let (mean, variance) = self.predicted(traffic, windows);
        if self.lines as f64 <= self.most as f64 * traffic || (self.lines as f64) < FACTOR * mean {
            return Ok(1.0);
        }
        at_least(self.lines, mean, variance)
    }

    /// The probability of at most as many lines; 1 if the baseline had as few.
    fn p_vanished(&self, traffic: f64, windows: i64) -> Result<f64, Error> {
        let (mean, variance) = self.predicted(traffic, windows);
        if self.lines as f64 >= self.fewest as f64 * traffic
            || mean < LEAST_EXPECTED
            || self.lines as f64 * FACTOR > mean
        {
            return Ok(1.0);
        }
        Ok((1.0 - at_least(self.lines + 1, mean, variance)?).max(0.0))
    }

    /// The mean and the variance of the lines of a further window.
    ///
    /// Both are known from few windows. The mean has half a line more than was seen, and the variance is its upper confidence
    /// bound of 95 %, with Wilson and Hilferty's chi-square (1931), and the error of the mean.
    fn predicted(&self, traffic: f64, windows: i64) -> (f64, f64) {
        let windows = windows as f64;
        let mean = (self.mean + 0.5 / windows) * traffic;
        let degrees = (windows - 1.0).max(1.0);
        let shape = 2.0 / (9.0 * degrees);
        let lower = (1.0 - shape - 1.645 * shape.sqrt()).max(0.1).powi(3);
        let variance = self.variance.max(self.mean + 0.5 / windows) / lower * traffic * traffic;
        (mean, variance * (1.0 + 1.0 / windows))
    }
}

/// The probability of at least as many lines, of this mean and variance.
fn at_least(lines: u64, mean: f64, variance: f64) -> Result<f64, Error> {
    let excess = variance - mean;
    if excess <= mean * 1e-9 {
        poisson_at_least(lines, mean)
    } else {
        negative_binomial_at_least(lines, mean, mean * mean / excess)
    }
}

/// How many times as many lines as before the usual templates have: the median, 1 if there are few.
fn traffic(all: &[Compared<'_>]) -> f64 {
    let mut ratios: Vec<f64> = all
        .iter()
        .filter(|one| one.mean >= STEADY && one.fewest > 0)
        .map(|one| one.lines as f64 / one.mean)
        .collect();
    if ratios.len() < LEAST_STEADY {
        return 1.0;
    }
    ratios.sort_by(f64::total_cmp);
    ratios.get(ratios.len() / 2).copied().unwrap_or(1.0)
}
