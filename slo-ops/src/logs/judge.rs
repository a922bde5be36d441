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
/// How many of these make a median.
const LEAST_STEADY: usize = 5;
/// The share of lines that is always expected.
const LEAST_TRAFFIC: f64 = 0.5;

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
    /// If the usual templates all have more lines, there is more traffic, and as many more are expected; likewise fewer, down to half.
    /// Windows of the baseline without any line do not count.
    ///
    /// # Errors
    /// A window that is empty, or does not begin and end where bins do; a baseline shorter than the window, a probability outside 0 to 1.
    pub fn findings(&self, comparison: Comparison) -> Result<LogFindings, Error> {
        let Comparison { from, to, false_alarms, .. } = comparison;
        if !(0.0..=1.0).contains(&false_alarms) {
            return Err(Error::new(format!("{false_alarms} is not a probability of a false alarm")));
        }
        if to <= from {
            return Err(Error::new("the window ends before it begins"));
        }
        let (start, end) = self.edges(from, to)?;
        let width = end - start;
        let Some(log_begins) = self.all.first() else {
            return Err(Error::new("there is no line with a time"));
        };
        let first = comparison.baseline.map_or(log_begins, |time| self.bin(time).max(log_begins));
        let spans = (start - first).max(0) / width;
        let baseline = Baseline::of(&self.all, start, width, spans);
        let windows = baseline.windows();
        if windows == 0 {
            return Err(Error::new("there is no log before the window, or less than the window is long")
                .with_hint("give a longer log, or a shorter window"));
        }
        let all: Vec<Compared<'_>> =
            self.templates().map(|(template, about)| baseline.compared(template, about)).collect();
        let (more, fewer) = traffic(&all);
        let known: Vec<&Compared<'_>> = all.iter().filter(|one| !one.is_new).collect();
        let mut tests: Vec<(f64, Change, &Compared<'_>)> = Vec::new();
        for one in &known {
            tests.push((one.p_swollen(more, windows)?, Change::Swollen, one));
            tests.push((one.p_vanished(fewer, windows)?, Change::Vanished, one));
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
            findings.push(self.finding(one, change, highest, (more, fewer), (start, end)));
        }
        let newcomers = baseline.newcomers(&all);
        for one in all.iter().filter(|one| one.is_new && one.lines > 0) {
            let p = (newcomers.expected(one) * 2.0).min(1.0);
            findings.push(self.finding(one, Change::New, p, (more, fewer), (start, end)));
        }
        for finding in &mut findings {
            finding.significant = finding.p < false_alarms;
        }
        findings.retain(|finding| finding.significant || finding.change == Change::New);
        findings.sort_by(|a, b| {
            (b.significant, b.level, b.lines, a.template).cmp(&(a.significant, a.level, a.lines, b.template))
        });
        Ok(LogFindings {
            from: self.start(start),
            to: self.start(end),
            baseline: self.start(start - spans * width),
            windows: windows.unsigned_abs(),
            lines: self.all.sum(start, end),
            traffic: if more > 1.0 { more } else { fewer },
            compared: all.len() as u64,
            findings,
        })
    }

    /// The bins at which a window begins and ends.
    fn edges(&self, from: Timestamp, to: Timestamp) -> Result<(i64, i64), Error> {
        let (start, end) = (self.bin(from), self.bin(to));
        let is_exact = self.start(start) == from && self.start(end) == to;
        if is_exact {
            return Ok((start, end));
        }
        if self.is_coarse() {
            // Bins were made wider than was asked for: the window is, too, and says so.
            return Ok((start, self.bin(Timestamp::from_millis(to.as_millis() - 1)) + 1));
        }
        Err(Error::new("the window does not begin and end where bins of time do")
            .with_hint("give bins that divide the window, and an origin at which it begins"))
    }

    fn finding(
        &self,
        one: &Compared<'_>,
        change: Change,
        p: f64,
        (more, fewer): (f64, f64),
        (start, end): (i64, i64),
    ) -> LogFinding {
        let traffic = if change == Change::Vanished { fewer } else { more };
        LogFinding {
            change,
            template: one.template.id(),
            text: one.template.to_string(),
            level: one.about.level,
            example: one.about.example.clone(),
            lines: one.lines,
            expected: one.mean * traffic,
            extreme_before: if change == Change::Vanished { one.fewest } else { one.most },
            since: one.about.bins.between(start, end).next().map(|(bin, _)| self.start(bin)),
            p,
            significant: false,
        }
    }
}

/// Windows that end one where the next begins, the last where the window begins that is judged.
///
/// Those without any line are no part of it: there was no log, such as before it was rotated.
struct Baseline {
    start: i64,
    width: i64,
    /// Which windows have lines, the last one first.
    filled: Vec<bool>,
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
    fn of(all: &Bins, start: i64, width: i64, spans: i64) -> Self {
        let mut filled = vec![false; usize::try_from(spans).unwrap_or(0)];
        for (bin, _) in all.between(start - spans * width, start) {
            let index = usize::try_from((start - 1 - bin) / width).ok();
            if let Some(place) = index.and_then(|index| filled.get_mut(index)) {
                *place = true;
            }
        }
        Self { start, width, filled }
    }

    /// The number of windows with lines, of the last `spans`.
    fn windows_of(&self, spans: usize) -> i64 {
        let filled = self.filled.iter().take(spans).filter(|filled| **filled).count();
        i64::try_from(filled).unwrap_or(i64::MAX)
    }

    fn windows(&self) -> i64 {
        self.windows_of(self.filled.len())
    }

    fn begins(&self, spans: usize) -> i64 {
        self.start - i64::try_from(spans).unwrap_or(0) * self.width
    }

    fn compared<'a>(&self, template: &'a Template, about: &'a About) -> Compared<'a> {
        let windows = self.windows();
        let (mut sum, mut squares, mut most, mut fewest, mut filled) = (0.0, 0.0, 0, u64::MAX, 0);
        for lines in self.sums(&about.bins) {
            let count = lines as f64;
            (sum, squares) = (sum + count, squares + count * count);
            (most, fewest) = (lines.max(most), lines.min(fewest));
            filled += 1;
        }
        let mean = sum / windows as f64;
        let variance =
            if windows > 1 { ((squares - sum * mean) / (windows as f64 - 1.0)).max(0.0) } else { 0.0 };
        Compared {
            template,
            about,
            lines: about.bins.sum(self.start, self.start + self.width),
            mean,
            variance,
            most,
            fewest: if filled < windows { 0 } else { fewest },
            is_new: about.bins.first().is_some_and(|first| first >= self.start),
        }
    }

    /// The lines of each window that is not empty.
    fn sums(&self, bins: &Bins) -> impl Iterator<Item = u64> {
        let (start, width) = (self.start, self.width);
        let mut rest = bins.between(self.begins(self.filled.len()), start).peekable();
        std::iter::from_fn(move || {
            let (first, count) = rest.next()?;
            let index = (start - 1 - first) / width;
            let mut sum = u64::from(count);
            while let Some((_, count)) = rest.next_if(|(bin, _)| (start - 1 - bin) / width == index) {
                sum += u64::from(count);
            }
            Some(sum)
        })
    }

    /// The templates that were new in the last two thirds of the baseline.
    fn newcomers(&self, all: &[Compared<'_>]) -> Newcomers {
        let spans = self.filled.len() - self.filled.len() / 3;
        let begins = self.begins(spans);
        let (mut errors, mut any) = (Vec::new(), Vec::new());
        for one in all.iter().filter(|one| !one.is_new) {
            let Some(first) = one.about.bins.first().filter(|first| *first >= begins) else { continue };
            let index = (self.start - 1 - first) / self.width;
            let window = self.start - (index + 1) * self.width;
            let lines = one.about.bins.sum(window, window + self.width);
            any.push(lines);
            if is_bad(one) {
                errors.push(lines);
            }
        }
        errors.sort_unstable();
        any.sort_unstable();
        Newcomers { windows: self.windows_of(spans), errors, any }
    }
}

fn is_bad(one: &Compared<'_>) -> bool {
    one.about.level >= Some(Level::Error)
}

/// The lines that new templates had in the first window of the baseline that had them, in order: of errors, and of all.
struct Newcomers {
    windows: i64,
    errors: Vec<u64>,
    any: Vec<u64>,
}

impl Newcomers {
    /// How many new templates that are as remarkable as this one a window has.
    ///
    /// The baseline tells how often there are new templates with at least so many lines. Twice as many lines are taken to be
    /// half as frequent, as in Zipf's law, so that more lines than any new template had are more remarkable.
    fn expected(&self, one: &Compared<'_>) -> f64 {
        let alike = if is_bad(one) { &self.errors } else { &self.any };
        let rate = |size: u64| {
            let as_many = alike.len() - alike.partition_point(|lines| *lines < size);
            (as_many as f64 + 1.0) / (self.windows as f64 + 1.0) * size as f64 / one.lines as f64
        };
        // The rate is lowest just above a size that there was, or at an end.
        let mut lowest = rate(1).min(rate(one.lines));
        let mut before = 0;
        for lines in alike.iter().take_while(|lines| **lines < one.lines) {
            if *lines != before {
                before = *lines;
                lowest = lowest.min(rate(lines + 1));
            }
        }
        lowest.min(1.0)
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

/// How many times as many lines are to be expected as before, of templates that have more lines, and of those that have fewer.
///
/// It is the median of the usual templates. If there are few of them, it is what all of them have at least, or at most. Fewer lines of all
/// are no excuse for silence: half as many are always expected.
fn traffic(all: &[Compared<'_>]) -> (f64, f64) {
    let mut ratios: Vec<f64> = all
        .iter()
        .filter(|one| one.mean >= STEADY && one.fewest > 0)
        .map(|one| one.lines as f64 / one.mean)
        .collect();
    ratios.sort_by(f64::total_cmp);
    let (more, fewer) = match ratios.as_slice() {
        [] | [_] => (1.0, 1.0),
        few if few.len() < LEAST_STEADY => {
            (few.first().copied().unwrap_or(1.0), few.last().copied().unwrap_or(1.0))
        }
        many => {
            let median = many.get(many.len() / 2).copied().unwrap_or(1.0);
            (median, median)
        }
    };
    (more.max(1.0), fewer.clamp(LEAST_TRAFFIC, 1.0))
}
