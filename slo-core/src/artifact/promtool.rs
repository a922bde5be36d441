//! Unit tests for `promtool test rules`: what the rules of an SLO promise, proven on made-up series.

use super::{
    prometheus::HEADER,
    series::{Role, Synthetic, synthetic},
};
use crate::{
    Error,
    math::Outage,
    model::{Period, Ratio, Service, Severity, Slo, Tier, Window},
    rules::{Options, TierExplanation, explain, names},
    yaml::{write_entry, write_scalar},
};
use std::{collections::BTreeSet, fmt::Write};

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
/// What rules cannot be made of, or numbers that do not fit 128 bits. A calendar period: promtool's tests read at most
/// 10,000 samples at once, fewer than the tiles of a month and their times.
pub fn rule_tests(service: &Service, rule_file: &str) -> Result<String, Error> {
    let rolls = |slo: &&Slo| matches!(slo.period(), Period::Rolling(_));
    if let Some(slo) = service.slos().iter().find(|slo| !rolls(slo)) {
        let message = "promtool's tests cannot hold the samples of a calendar period";
        return Err(Error::new(message).of(service, slo).with_hint(
            "put SLOs of calendar periods into a service of their own, and generate its rules without tests",
        ));
    }
    let mut out = String::from(HEADER);
    out.push_str("rule_files:\n  - ");
    write_scalar(&mut out, rule_file, 2);
    let explained = explain(service, Options::default())?;
    let fine = explained.iter().map(|slo| slo.tile).min().unwrap_or(Window::minutes(1));
    let _ = writeln!(out, "\nevaluation_interval: {fine}\ntests:");
    let mut idle: Vec<(&Slo, Vec<Synthetic>)> = Vec::new();
    for (slo, explanation) in service.slos().iter().zip(&explained) {
        let mut cases = Cases { service, slo, tile: explanation.tile, out: &mut out };
        match synthetic(slo) {
            Some(series) => {
                cases.all(&series, &explanation.tiers)?;
                idle.push((slo, series));
            }
            None => cases.unknown(),
        }
    }
    silence(service, &idle, &mut out);
    Ok(out)
}

/// Events in a scrape of everything.
const EVENTS: u128 = 1_000;
/// How long all is well at first.
const WARM_UP: Window = Window::minutes(30);

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
}

impl Cases<'_> {
    fn all(&mut self, series: &[Synthetic], tiers: &[TierExplanation]) -> Result<(), Error> {
        let pages = |explained: &&TierExplanation| {
            let severity = explained.tier.severity();
            severity == Severity::Page && !self.slo.notification(severity).silent
        };
        let tiers: Vec<&TierExplanation> = tiers.iter().filter(pages).collect();
        self.outage(series, &tiers)?;
        if self.slo.slices().is_none() {
            for explained in &tiers {
                self.just_below(series, explained)?;
            }
        }
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
    fn outage(&mut self, series: &[Synthetic], tiers: &[&TierExplanation]) -> Result<(), Error> {
        let outage = Outage::new(Ratio::ONE)?;
        let begins = WARM_UP.as_millis();
        let mut fires = Vec::new();
        for explained in tiers {
            let Some(detection) = outage.detection(&explained.tier, self.slo.objective())? else { continue };
            let by = self.later(begins, detection.fires_after, explained.delay.as_millis());
            fires.push((&explained.tier, explained.delay.as_millis(), detection.resets_after, by));
        }
        let ends = fires.iter().map(|(.., by)| *by).max().unwrap_or(begins) + self.tile.as_millis();
        let kept = self.slo.firing_kept_for().map_or(0, Window::as_millis);
        let resets: Vec<_> = fires
            .iter()
            .map(|(tier, late, after, _)| (*tier, self.later(ends, *after, *late) + kept))
            .collect();
        let end = resets.iter().map(|(_, by)| *by).max().unwrap_or(ends) + self.tile.as_millis();
        let outage_scrapes = self.scrapes(ends) - self.scrapes(begins);
        let phases = [
            (Phase::Unharmed, self.scrapes(begins)),
            (Phase::Failing(Ratio::ONE), outage_scrapes),
            (Phase::Failing(Ratio::ZERO), self.scrapes(end) - self.scrapes(ends)),
        ];
        self.case("an outage is counted, fires the paging tiers, and stops them", series, &phases);
        if let Some(window) = self.slo.policy().windows().first() {
            let ratio = self.selector(&names::error_ratio(window));
            self.expect(&format!("max({ratio})"), begins, "0");
        }
        for (tier, _, _, by) in &fires {
            self.expect(&self.fires(tier), begins, "0");
            self.expect(&self.fires(tier), *by, "1");
        }
        for (tier, by) in resets {
            self.expect(&self.fires(tier), by, "0");
        }
        // Where newborn series are ignored, the first value of the bad one is lost on purpose.
        if self.slo.slices().is_none() && self.service.counts_newborn_series() {
            // A share, of whole tiles only: some versions of promtool evaluate every group at one interval.
            let range = end - begins / 2;
            let [bad, total] = [names::bad_tile(self.tile), names::total_tile(self.tile)].map(|metric| {
                format!("sum(sum_over_time({}[{}]))", self.selector(&metric), millis(range - 1))
            });
            let scrapes = Ratio::new(range.into(), self.service.scrape_interval().as_millis().into())?;
            let expected = Ratio::whole(outage_scrapes.into()).checked_div(scrapes);
            let expected = expected.map_or_else(String::new, decimal);
            self.expect(&format!("abs({bad} / {total} - {expected}) < bool 1e-9"), end, "1");
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
        self.case(
            &format!("nine tenths of its factor do not fire the {} tier", tier.burn()),
            series,
            &phases,
        );
        for at in [end / 2, end] {
            self.expect(&self.fires(tier), at, "0");
        }
        Ok(())
    }

    fn restart(&mut self, series: &[Synthetic]) {
        if series.iter().any(|one| one.role == Role::Gauge) || self.slo.slices().is_some() {
            return;
        }
        let half = self.scrapes(WARM_UP.as_millis());
        let end = 2 * half * self.service.scrape_interval().as_millis();
        self.head("a restart invents no events", series.is_empty());
        for one in series {
            let rate = one.rate(Phase::Failing(Ratio::ZERO));
            let values = format!("0+{rate}x{half} 0+{rate}x{half}", rate = decimal(rate));
            self.series(one, &values);
        }
        self.out.push_str("    promql_expr_test:\n");
        let total = self.selector(&names::total_tile(self.tile));
        let mean = format!("max(avg_over_time({total}[{}]))", millis(WARM_UP.as_millis()));
        let scrapes = self.tile.ratio_to(self.service.scrape_interval());
        let events = scrapes.checked_mul(Ratio::whole(EVENTS)).map_or_else(String::new, decimal);
        // The tile of the restart is estimated from the rate around it.
        let at = end - WARM_UP.as_millis() / 2;
        self.expect(&format!("{mean} <= bool {events} * 1.000001"), at, "1");
        self.expect(&format!("{mean} >= bool {events} * 0.98"), at, "1");
    }

    fn head(&mut self, name: &str, is_empty: bool) {
        let name = format!("{}/{}: {name}", self.service.name(), self.slo.name());
        write_head(self.out, self.service.scrape_interval(), &name, is_empty);
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
        write_series(self.out, &one.series, values);
    }

    fn expect(&mut self, expr: &str, at: u64, value: &str) {
        write_expectation(self.out, expr, at, value);
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

/// Without traffic, and without any series, there is nothing to say of any SLO.
fn silence(service: &Service, idle: &[(&Slo, Vec<Synthetic>)], out: &mut String) {
    let end = WARM_UP.as_millis();
    let scrapes = end / service.scrape_interval().as_millis() + 1;
    // Gauges are always there, and slices may count where nothing happens.
    let quiet = idle
        .iter()
        .filter(|(slo, series)| slo.slices().is_none() && series.iter().all(|one| one.role != Role::Gauge));
    let quiet: Vec<&(&Slo, Vec<Synthetic>)> = quiet.collect();
    let series: BTreeSet<&str> =
        quiet.iter().flat_map(|(_, series)| series.iter().map(|one| one.series.as_str())).collect();
    if !series.is_empty() {
        write_head(out, service.scrape_interval(), &format!("{}: no traffic", service.name()), false);
        for one in series {
            write_series(out, one, &format!("0x{scrapes}"));
        }
        out.push_str("    promql_expr_test:\n");
        for (slo, _) in quiet {
            expect_silence(service, Some(slo), end, out);
        }
    }
    write_head(out, service.scrape_interval(), &format!("{}: no series at all", service.name()), true);
    out.push_str("    promql_expr_test:\n");
    expect_silence(service, None, end, out);
}

/// No ratio, no NaN, no alert but the one on absence.
fn expect_silence(service: &Service, slo: Option<&Slo>, at: u64, out: &mut String) {
    let slo = slo.map_or_else(String::new, |slo| format!(",slo=\"{}\"", slo.name()));
    let selected = format!("service=\"{}\"{slo}", service.name());
    let ratios = format!("count({{__name__=~\"slo:sli_error:.+\",{selected}}}) or vector(0)");
    write_expectation(out, &ratios, at, "0");
    let alerts = format!("count(ALERTS{{{selected},alertname!=\"{}\"}}) or vector(0)", names::EVENTS_ABSENT);
    write_expectation(out, &alerts, at, "0");
}

fn write_head(out: &mut String, interval: Window, name: &str, is_empty: bool) {
    let _ = writeln!(out, "  - interval: {interval}");
    write_entry(out, 4, "name", name);
    let _ = writeln!(out, "    input_series:{}", if is_empty { " []" } else { "" });
}

fn write_series(out: &mut String, series: &str, values: &str) {
    out.push_str("      - series: ");
    write_scalar(out, series, 8);
    out.push('\n');
    write_entry(out, 8, "values", values);
}

fn write_expectation(out: &mut String, expr: &str, at: u64, value: &str) {
    out.push_str("      - expr: ");
    write_scalar(out, expr, 8);
    let at = millis(at);
    let _ =
        writeln!(out, "\n        eval_time: {at}\n        exp_samples: [{{labels: '{{}}', value: {value}}}]");
}

impl Synthetic {
    /// What it grows by in a scrape, or its value if it is a gauge.
    fn rate(&self, phase: Phase) -> Ratio {
        let of = |share: Ratio| share.checked_mul(Ratio::whole(EVENTS)).unwrap_or(Ratio::ZERO);
        let bad = match phase {
            Phase::Unharmed => Ratio::ZERO,
            Phase::Failing(share) => share,
        };
        let good = Ratio::ONE.checked_sub(bad).unwrap_or(Ratio::ZERO);
        match self.role {
            Role::Total => of(Ratio::ONE),
            Role::Good => of(good),
            Role::Bad => of(bad),
            Role::Gauge => good,
        }
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
