//! Unit tests for `promtool test rules`: what the rules of an SLO promise, proven on made-up series.

use super::{
    prometheus::HEADER,
    series::{Role, Synthetic, synthetic},
};
use crate::{
    Error,
    math::Outage,
    model::{Ratio, Service, Severity, Slo, Tier, Window},
    rules::{Options, TierExplanation, explain, names},
    yaml::write_entry,
};
use std::fmt::Write;

/// Tests of the rules that [`rules::generate`](crate::rules::generate) makes of `service`, for `promtool test rules`
/// of Prometheus 2.42 or later. `rule_file` is the path of the rules, seen from the tests.
///
/// Each SLO whose series can be made up from its selectors is tested for this:
///
/// * while all is well, and while the bad series does not exist yet, the error ratio is 0 and nothing alerts;
/// * an outage of everything fires each paging tier no later than its closed form and its delay say, though the series
///   of bad events is born in it; its events are counted to the last one;
/// * the alert stops no later than its closed form and its delay say;
/// * a burn of nine tenths of a paging tier's factor does not fire it;
/// * without traffic, and without any series, no ratio is recorded and nothing alerts;
/// * a restart invents no events.
///
/// ```
/// let text = "{version: slo/v1, service: a, slos: [{name: b, objective: 99.9%, window: 30d,
///     sli: {events: {total: requests_total, bad: 'requests_total{code=~\"5..\"}'}}}]}";
/// let service = &slo_core::spec::parse(text)?[0];
/// let tests = slo_core::artifact::rule_tests(service, "a.rules.yaml")?;
/// assert!(tests.contains("requests_total{code=\"500\""));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// What rules cannot be made of, or numbers that do not fit 128 bits.
pub fn rule_tests(service: &Service, rule_file: &str) -> Result<String, Error> {
    let mut out = String::from(HEADER);
    out.push_str("rule_files:\n  - ");
    crate::yaml::write_scalar(&mut out, rule_file, 2);
    let explained = explain(service, Options { now: Some(0), ..Options::default() })?;
    let fine = explained.iter().map(|slo| slo.tile).min().unwrap_or(Window::minutes(1));
    let _ = writeln!(out, "\nevaluation_interval: {fine}\ntests:");
    for (slo, explanation) in service.slos().iter().zip(&explained) {
        let tiers: Vec<&TierExplanation> = explanation
            .tiers
            .iter()
            .filter(|explained| {
                let severity = explained.tier.severity();
                severity == Severity::Page && !slo.notification(severity).silent
            })
            .collect();
        let mut cases = Cases { service, slo, tile: explanation.tile, out: &mut out };
        match synthetic(slo) {
            Some(series) => cases.all(&series, &tiers)?,
            None => cases.unknown(),
        }
        cases.nothing();
    }
    Ok(out)
}

/// Events in a scrape of everything.
const EVENTS: u128 = 1_000;
/// How long all is well at first.
const WARM_UP: Window = Window::hours(2);

/// The cases of one SLO.
struct Cases<'a> {
    service: &'a Service,
    slo: &'a Slo,
    tile: Window,
    out: &'a mut String,
}

/// What happens for a number of scrapes.
#[derive(Clone, Copy)]
enum Phase {
    /// Everything is good, and no series of bad events exists.
    Unharmed,
    /// This share of events is bad.
    Failing(Ratio),
    /// No events.
    Idle,
}

impl Cases<'_> {
    fn all(&mut self, series: &[Synthetic], tiers: &[&TierExplanation]) -> Result<(), Error> {
        for explained in tiers {
            self.outage(series, explained)?;
            if self.slo.slices().is_none() {
                self.just_below(series, explained)?;
            }
        }
        self.no_traffic(series);
        self.restart(series);
        Ok(())
    }

    /// Nothing can be made up for queries that are somebody else's.
    fn unknown(&mut self) {
        let _ = writeln!(
            self.out,
            "  # {}/{}: no series can be made up for its queries; write cases of your own.",
            self.service.name(),
            self.slo.name()
        );
    }

    /// Everything fails, from one moment to another.
    fn outage(&mut self, series: &[Synthetic], explained: &TierExplanation) -> Result<(), Error> {
        let tier = &explained.tier;
        let outage = Outage::new(Ratio::ONE)?;
        let Some(detection) = outage.detection(tier, self.slo.objective())? else { return Ok(()) };
        let late = explained.delay.as_millis();
        let fires_by = self.later(WARM_UP.as_millis(), detection.fires_after, late);
        let ends = fires_by + self.tile.as_millis();
        let resets_by = self.later(ends, detection.resets_after, late);
        let end = resets_by + self.tile.as_millis();
        let outage_scrapes = self.scrapes(ends) - self.scrapes(WARM_UP.as_millis());
        let phases = [
            (Phase::Unharmed, self.scrapes(WARM_UP.as_millis())),
            (Phase::Failing(Ratio::ONE), outage_scrapes),
            (Phase::Failing(Ratio::ZERO), self.scrapes(end) - self.scrapes(ends)),
        ];
        self.case(&format!("an outage fires the {} tier, and stops it", tier.burn()), series, &phases);
        let ratio = self.selector(&names::error_ratio(tier.long()));
        self.expect(&format!("max({ratio})"), WARM_UP.as_millis(), "0");
        self.expect(&self.fires(tier), WARM_UP.as_millis(), "0");
        self.expect(&self.fires(tier), fires_by, "1");
        self.expect(&self.fires(tier), resets_by, "0");
        if self.slo.slices().is_none() {
            let bad = self.selector(&names::bad_tile(self.tile));
            let events = series.first().map_or(EVENTS, |one| one.events_per_scrape(EVENTS));
            let seen = format!("sum(sum_over_time({bad}[{}]))", millis(end + self.tile.as_millis()));
            let expected = u128::from(outage_scrapes) * events;
            self.expect(&format!("abs({seen} - {expected}) < bool 0.5"), end, "1");
        }
        Ok(())
    }

    /// Nine tenths of what fires a tier.
    fn just_below(&mut self, series: &[Synthetic], explained: &TierExplanation) -> Result<(), Error> {
        let below = explained.threshold.checked_mul(Ratio::new(9, 10)?);
        let Some(below) = below.filter(|share| *share < Ratio::ONE) else { return Ok(()) };
        let tier = &explained.tier;
        let end = WARM_UP.as_millis();
        let phases = [(Phase::Failing(below), self.scrapes(end))];
        self.case(&format!("nine tenths of its factor do not fire the {} tier", tier.burn()), series, &phases);
        for at in [end / 2, end] {
            self.expect(&self.fires(tier), at, "0");
        }
        Ok(())
    }

    fn no_traffic(&mut self, series: &[Synthetic]) {
        let end = WARM_UP.as_millis();
        if series.iter().any(|one| one.role == Role::Gauge) {
            return; // A gauge is always there.
        }
        self.case("no traffic", series, &[(Phase::Idle, self.scrapes(end))]);
        self.expect_silence(end);
    }

    /// Whatever the SLO counts: without any of its series there is nothing to say.
    fn nothing(&mut self) {
        self.case("no series at all", &[], &[]);
        self.expect_silence(WARM_UP.as_millis());
    }

    fn restart(&mut self, series: &[Synthetic]) {
        if series.iter().any(|one| one.role == Role::Gauge) || self.slo.slices().is_some() {
            return;
        }
        let half = self.scrapes(WARM_UP.as_millis() / 2);
        let end = 2 * half * self.service.scrape_interval().as_millis();
        self.head("a restart invents no events", series.is_empty());
        for one in series {
            let rate = one.rate(Phase::Failing(Ratio::ZERO));
            let values = format!("0+{rate}x{half} 0+{rate}x{half}", rate = decimal(rate));
            self.series(one, &values);
        }
        self.out.push_str("    promql_expr_test:\n");
        let total = self.selector(&names::total_tile(self.tile));
        let seen = format!("sum(sum_over_time({total}[{}]))", millis(end + self.tile.as_millis()));
        let events = u128::from(2 * half) * series.first().map_or(EVENTS, |one| one.events_per_scrape(EVENTS));
        // The tile of the restart is estimated from the rate around it.
        let least = events - events / 100;
        self.expect(&format!("{seen} <= bool {events}"), end, "1");
        self.expect(&format!("{seen} >= bool {least}"), end, "1");
    }

    fn head(&mut self, name: &str, is_empty: bool) {
        self.out.push_str("  - ");
        let interval = self.service.scrape_interval();
        let _ = writeln!(self.out, "interval: {interval}");
        // promtool 2.42 knows no names of cases it does not print.
        write_entry(self.out, 4, "name", &format!("{}/{}: {name}", self.service.name(), self.slo.name()));
        let _ = writeln!(self.out, "    input_series:{}", if is_empty { " []" } else { "" });
    }

    fn case(&mut self, name: &str, series: &[Synthetic], phases: &[(Phase, u64)]) {
        self.head(name, series.is_empty());
        for one in series {
            let mut value = Ratio::ZERO;
            let mut values = Vec::new();
            for (phase, scrapes) in phases.iter().filter(|(_, scrapes)| *scrapes > 0) {
                if matches!(phase, Phase::Unharmed) && one.role == Role::Bad {
                    values.push(format!("_x{scrapes}"));
                    continue;
                }
                let rate = one.rate(*phase);
                if one.role == Role::Gauge {
                    values.push(format!("{}x{}", decimal(rate), scrapes - 1));
                    continue;
                }
                // `a+bxn` is n + 1 values, the first of them a.
                let step = |value: Ratio| value.checked_add(rate).unwrap_or(value);
                let first = if values.is_empty() { value } else { step(value) };
                values.push(format!("{}+{}x{}", decimal(first), decimal(rate), scrapes - 1));
                let times = Ratio::whole(u128::from(scrapes - 1));
                value = rate.checked_mul(times).and_then(|grown| first.checked_add(grown)).unwrap_or(first);
            }
            self.series(one, &values.join(" "));
        }
        self.out.push_str("    promql_expr_test:\n");
    }

    fn series(&mut self, one: &Synthetic, values: &str) {
        self.out.push_str("      - series: ");
        crate::yaml::write_scalar(self.out, &one.series, 8);
        self.out.push('\n');
        write_entry(self.out, 8, "values", values);
    }

    /// No ratio, no NaN, no alert but the one on absence.
    fn expect_silence(&mut self, at: u64) {
        for window in self.slo.policy().windows() {
            let ratio = self.selector(&names::error_ratio(window));
            self.expect(&format!("count({ratio}) or vector(0)"), at, "0");
        }
        let (service, slo) = (self.service.name(), self.slo.name());
        let alerts = format!(
            "count(ALERTS{{service=\"{service}\",slo=\"{slo}\",alertname!=\"{}\"}}) or vector(0)",
            names::EVENTS_ABSENT
        );
        self.expect(&alerts, at, "0");
    }

    fn expect(&mut self, expr: &str, at: u64, value: &str) {
        self.out.push_str("      - expr: ");
        crate::yaml::write_scalar(self.out, expr, 8);
        let at = millis(at);
        let _ = writeln!(
            self.out,
            "\n        eval_time: {at}\n        exp_samples: [{{labels: '{{}}', value: {value}}}]"
        );
    }

    fn fires(&self, tier: &Tier) -> String {
        format!(
            "count(ALERTS{{alertstate=\"firing\",service=\"{}\",slo=\"{}\",burn_tier=\"{}\"}}) or vector(0)",
            self.service.name(),
            self.slo.name(),
            tier.burn()
        )
    }

    fn selector(&self, metric: &str) -> String {
        format!("{metric}{{service=\"{}\",slo=\"{}\"}}", self.service.name(), self.slo.name())
    }

    /// Scrapes up to a time, the one at zero not counted.
    fn scrapes(&self, millis: u64) -> u64 {
        millis / self.service.scrape_interval().as_millis() + 1
    }

    /// The first tile that ends at `start` + `after` + `late` or later.
    fn later(&self, start: u64, after: Ratio, late: u64) -> u64 {
        let after = after.checked_mul(Ratio::whole(1_000)).map_or(0, Ratio::floor);
        let time = start + u64::try_from(after).unwrap_or(0) + 1 + late;
        time.div_ceil(self.tile.as_millis()) * self.tile.as_millis()
    }
}

impl Synthetic {
    /// What it grows by in a scrape, or its value if it is a gauge.
    fn rate(&self, phase: Phase) -> Ratio {
        let of = |share: Ratio| share.checked_mul(Ratio::whole(EVENTS)).unwrap_or(Ratio::ZERO);
        let bad = match phase {
            Phase::Unharmed => Ratio::ZERO,
            Phase::Failing(share) => share,
            Phase::Idle => return Ratio::ZERO,
        };
        let good = Ratio::ONE.checked_sub(bad).unwrap_or(Ratio::ZERO);
        match self.role {
            Role::Total => of(Ratio::ONE),
            Role::Good => of(good),
            Role::Bad => of(bad),
            Role::Gauge => good,
        }
    }

    /// Events that a scrape of its SLO stands for.
    const fn events_per_scrape(&self, counted: u128) -> u128 {
        if matches!(self.role, Role::Gauge) { 1 } else { counted }
    }
}

fn millis(millis: u64) -> String {
    Window::from_millis(millis).map_or_else(|_| "0s".to_owned(), |window| window.to_string())
}

/// Shares of the thousand events are decimals wherever objectives and factors are; where a factor is not, twelve
/// digits are enough for a made-up series.
fn decimal(number: Ratio) -> String {
    number.to_decimal().unwrap_or_else(|| format!("{:.12}", number.to_f64()))
}
