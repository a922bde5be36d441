//! The test cases.

use super::synthetic::{Role, Synthetic, synthetic};
use crate::{
    Error,
    math::Outage,
    model::{
        BudgetAlert, LabelName, MatchOp, Matcher, Ratio, Selector, Service, Severity, Slo, Tier, Window,
    },
    promql::{Expr, Function, Range, RangeFunction},
    rules::{Options, Series, Stream, TierExplanation, explain},
};
use std::collections::BTreeSet;

/// The number of all events per scrape.
const EVENTS: u128 = 1_000;
/// The time without failures at the beginning.
const WARM_UP: Window = Window::minutes(30);

/// One test.
pub(super) struct Case {
    pub(super) name: String,
    /// Series with their values, in promtool's notation.
    pub(super) series: Vec<(String, String)>,
    /// Queries, their evaluation times, and their expected values.
    pub(super) expectations: Vec<(Expr, Window, u8)>,
}

impl Case {
    fn expect(&mut self, expr: Expr, at: u64, value: u8) {
        // A test ends long before ten years.
        self.expectations.extend(Window::from_millis(at).ok().map(|at| (expr, at, value)));
    }
}

/// An entry in the list of tests.
pub(super) enum Entry<'a> {
    /// A test.
    Case(Case),
    /// A note that no series can be made up for the queries of an SLO.
    Unknown(&'a Slo),
}

/// The tests of a service, and the evaluation interval of the rules in them.
pub(super) fn of(service: &Service) -> Result<(Window, Vec<Entry<'_>>), Error> {
    let explained = explain(service, Options::default())?;
    let interval = explained.iter().map(|slo| slo.tile).min().unwrap_or(Window::minutes(1));
    let mut entries = Vec::new();
    let mut idle: Vec<(&Slo, Vec<Synthetic>)> = Vec::new();
    for (slo, explanation) in service.slos().iter().zip(&explained) {
        let Some(series) = synthetic(slo) else {
            entries.push(Entry::Unknown(slo));
            continue;
        };
        let cases = Cases { service, slo, tile: explanation.tile };
        entries.extend(cases.all(&series, &explanation.tiers)?.into_iter().map(Entry::Case));
        idle.push((slo, series));
    }
    entries.extend(silence(service, &idle)?.into_iter().map(Entry::Case));
    Ok((interval, entries))
}

/// The cases of one SLO.
struct Cases<'a> {
    service: &'a Service,
    slo: &'a Slo,
    tile: Window,
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
    fn all(&self, series: &[Synthetic], tiers: &[TierExplanation]) -> Result<Vec<Case>, Error> {
        let pages = |explained: &&TierExplanation| {
            let severity = explained.tier.severity();
            severity == Severity::Page && !self.slo.notification(severity).silent
        };
        let tiers: Vec<&TierExplanation> = tiers.iter().filter(pages).collect();
        let mut cases = vec![self.outage(series, &tiers)?];
        if self.slo.slices().is_none() {
            for explained in &tiers {
                cases.extend(self.just_below(series, explained)?);
            }
        }
        cases.extend(self.restart(series)?);
        Ok(cases)
    }

    /// An outage in which everything fails, with a beginning and an end.
    fn outage(&self, series: &[Synthetic], tiers: &[&TierExplanation]) -> Result<Case, Error> {
        let outage = Outage::new(Ratio::ONE)?;
        let begins = WARM_UP.as_millis();
        let mut fires = Vec::new();
        for explained in tiers {
            let Some(detection) = outage.detection(&explained.tier, self.slo.objective())? else { continue };
            let by = self.later(begins, detection.fires_after, explained.delay.as_millis());
            fires.push((&explained.tier, explained.delay.as_millis(), detection.resets_after, by));
        }
        let ends = fires.iter().map(|(.., by)| *by).max().unwrap_or(begins) + self.tile.as_millis();
        let kept = self.slo.keep_firing_for().map_or(0, Window::as_millis);
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
        let name = "an outage is counted and fires the paging tiers, which stop after it";
        let mut case = self.case(name, series, &phases);
        if let Some(window) = self.slo.policy().windows().first() {
            let ratio = self.selector(Series::ErrorRatio((*window).into()));
            case.expect(Expr::from(ratio).max_by(&[]), begins, 0);
        }
        for (tier, _, _, by) in &fires {
            case.expect(self.fires(tier), begins, 0);
            case.expect(self.fires(tier), *by, 1);
        }
        for (tier, by) in resets {
            case.expect(self.fires(tier), by, 0);
        }
        // If new series are ignored, the first value of the bad series is lost on purpose.
        if self.slo.slices().is_none() && self.service.counts_newborn_series() {
            // A share, of whole tiles only: some versions of promtool evaluate every group at one interval.
            let range = end - begins / 2;
            let window = Window::from_millis(range - 1)?;
            let sum = |stream| {
                let tiles = Range::new(self.selector(Series::Tile(stream, self.tile)), window);
                tiles.apply(RangeFunction::SumOverTime).sum()
            };
            let scrapes = Ratio::new(range.into(), self.service.scrape_interval().as_millis().into())?;
            let expected = Ratio::whole(outage_scrapes.into()).checked_div(scrapes).ok_or_else(too_large)?;
            let off = sum(Stream::Bad).div(sum(Stream::Total)).sub(Expr::Number(rounded(expected)?));
            let off = Expr::call(Function::Abs, vec![off]);
            case.expect(off.less_bool(Expr::Number(Ratio::new(1, 1_000_000_000)?)), end, 1);
        }
        Ok(case)
    }

    /// A burn of nine tenths of a tier's factor.
    fn just_below(&self, series: &[Synthetic], explained: &TierExplanation) -> Result<Option<Case>, Error> {
        let below = explained.threshold.checked_mul(Ratio::new(9, 10)?);
        let Some(below) = below.filter(|share| *share < Ratio::ONE) else { return Ok(None) };
        let tier = &explained.tier;
        let end = WARM_UP.as_millis();
        let phases = [(Phase::Failing(below), self.scrapes(end))];
        let name = format!("a burn of nine tenths of its factor does not fire the {} tier", tier.burn());
        let mut case = self.case(&name, series, &phases);
        for at in [end / 2, end] {
            case.expect(self.fires(tier), at, 0);
        }
        Ok(Some(case))
    }

    fn restart(&self, series: &[Synthetic]) -> Result<Option<Case>, Error> {
        if series.iter().any(|one| one.role == Role::Gauge) || self.slo.slices().is_some() {
            return Ok(None);
        }
        let half = self.scrapes(WARM_UP.as_millis());
        let end = 2 * half * self.service.scrape_interval().as_millis();
        let mut case = self.empty("a restart adds no events");
        for one in series {
            let rate = one.rate(Phase::Failing(Ratio::ZERO));
            let values = format!("0+{rate}x{half} 0+{rate}x{half}", rate = decimal(rate));
            case.series.push((one.series.clone(), values));
        }
        let total = Range::new(self.selector(Series::Tile(Stream::Total, self.tile)), WARM_UP);
        let mean = || total.clone().apply(RangeFunction::AvgOverTime).max_by(&[]);
        let scrapes = self.tile.ratio_to(self.service.scrape_interval());
        let events = scrapes.checked_mul(Ratio::whole(EVENTS)).ok_or_else(too_large)?;
        let times = |over: u128, under: u128| {
            Ok::<_, Error>(Expr::Number(rounded(events)?).mul(Expr::Number(Ratio::new(over, under)?)))
        };
        // The tile of the restart is estimated from the rate around it.
        let at = end - WARM_UP.as_millis() / 2;
        case.expect(mean().less_or_equal_bool(times(1_000_001, 1_000_000)?), at, 1);
        case.expect(mean().greater_or_equal_bool(times(98, 100)?), at, 1);
        Ok(Some(case))
    }

    fn empty(&self, name: &str) -> Case {
        let name = format!("{}/{}: {name}", self.service.name(), self.slo.name());
        Case { name, series: Vec::new(), expectations: Vec::new() }
    }

    fn case(&self, name: &str, series: &[Synthetic], phases: &[(Phase, u64)]) -> Case {
        let mut case = self.empty(name);
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
            case.series.push((one.series.clone(), values.join(" ")));
        }
        case
    }

    fn fires(&self, tier: &Tier) -> Expr {
        let of_tier = [("alertstate", "firing")]
            .into_iter()
            .chain([("service", self.service.name().as_str()), ("slo", self.slo.name().as_str())])
            .chain([("burn_tier", tier.burn().as_str())])
            .map(|(label, value)| equal(label, value));
        Expr::from(Selector::composed("ALERTS", of_tier.collect())).count_by(&[]).or_zero()
    }

    fn selector(&self, series: Series) -> Selector {
        series.of(self.service, self.slo)
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

/// The cases without traffic, and without any series: no SLO has a ratio or an alert.
fn silence(service: &Service, idle: &[(&Slo, Vec<Synthetic>)]) -> Result<Vec<Case>, Error> {
    let end = WARM_UP.as_millis();
    let scrapes = end / service.scrape_interval().as_millis() + 1;
    // Gauges are always there, and slices may count where nothing happens.
    let quiet = idle
        .iter()
        .filter(|(slo, series)| slo.slices().is_none() && series.iter().all(|one| one.role != Role::Gauge));
    let quiet: Vec<&(&Slo, Vec<Synthetic>)> = quiet.collect();
    let series: BTreeSet<&str> =
        quiet.iter().flat_map(|(_, series)| series.iter().map(|one| one.series.as_str())).collect();
    let case = |words: &str, series: Vec<(String, String)>| Case {
        name: format!("{}: {words}", service.name()),
        series,
        expectations: Vec::new(),
    };
    let mut cases = Vec::new();
    if !series.is_empty() {
        let zeros = series.into_iter().map(|one| (one.to_owned(), format!("0x{scrapes}"))).collect();
        let mut idle = case("no traffic", zeros);
        for (slo, _) in quiet {
            expect_silence(&mut idle, service, Some(slo), end)?;
        }
        cases.push(idle);
    }
    let mut nothing = case("no series at all", Vec::new());
    expect_silence(&mut nothing, service, None, end)?;
    cases.push(nothing);
    Ok(cases)
}

/// Expects no ratio, no NaN, and no alert except the one on absence.
fn expect_silence(case: &mut Case, service: &Service, slo: Option<&Slo>, at: u64) -> Result<(), Error> {
    let own = [equal("service", service.name().as_str())]
        .into_iter()
        .chain(slo.map(|slo| equal("slo", slo.name().as_str())));
    let own: Vec<Matcher> = own.collect();
    // For any window.
    let ratios = Matcher {
        label: LabelName::from_static("__name__"),
        op: MatchOp::Regex,
        value: "slo:sli_error:.+".to_owned(),
    };
    let any_ratio = Selector::composed("", [ratios].into_iter().chain(own.clone()).collect());
    case.expect(Expr::from(any_ratio).count_by(&[]).or_zero(), at, 0);
    let absent = BudgetAlert::Absent { hold: WARM_UP, severity: Severity::Page };
    let others =
        Selector::new("ALERTS")?.with_all(own).matching("alertname", MatchOp::NotEqual, absent.name())?;
    case.expect(Expr::from(others).count_by(&[]).or_zero(), at, 0);
    Ok(())
}

fn equal(label: &'static str, value: &str) -> Matcher {
    Matcher { label: LabelName::from_static(label), op: MatchOp::Equal, value: value.to_owned() }
}

impl Synthetic {
    /// Its growth per scrape, or its value if it is a gauge.
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

/// A number, rounded to twelve decimals if it has no decimal form.
fn rounded(number: Ratio) -> Result<Ratio, Error> {
    decimal(number).parse()
}

/// The decimal form of a number; twelve digits if it has none, which are enough for a
/// made-up series.
fn decimal(number: Ratio) -> String {
    number.to_decimal().unwrap_or_else(|| format!("{:.12}", number.to_f64()))
}

fn too_large() -> Error {
    Error::new("the numbers do not fit 128 bits").with_hint("generate it without `--tests`")
}
