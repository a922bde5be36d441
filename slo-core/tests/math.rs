//! Runs the cases of `testdata/math`: values that were not computed by this crate.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test fails by panicking"
)]

use serde_json::{Value, json};
use slo_core::{
    forecast::{self, Incidents},
    math::{
        BurnRate, ClassicHistogram, ErrorBudget, NativeHistogram, Outage, Publication, SamplingDelay, Tally,
        allowed_downtime, common_cause, k_of_n, parallel, rolling_exhaustion, serial, serial_bounds,
        slices_to_fire, stale_time, time_to_exhaustion, tolerable_seconds, weighted_sli,
    },
    model::{
        AlertPolicy, BurnTier, Calendar, CalendarUnit, Objective, Ratio, Severity, Tier, Timestamp, Window,
    },
    replay::{self, AlertRule, RangeEnds, Series},
    stats::{self, Confidence, ErlangDetection, FalseAlarms, Interval, MixtureTest, Sprt},
};
use std::{cmp::Ordering, time::Duration};

/// The arguments of a case.
struct With<'a>(&'a Value);

impl With<'_> {
    fn f64(&self, key: &str) -> f64 {
        self.0[key].as_f64().unwrap()
    }
    fn u64(&self, key: &str) -> u64 {
        self.0[key].as_u64().unwrap()
    }
    fn usize(&self, key: &str) -> usize {
        self.u64(key).try_into().unwrap()
    }
    fn text(&self, key: &str) -> &str {
        self.0[key].as_str().unwrap()
    }
    fn objective(&self) -> Objective {
        self.text("objective").parse().unwrap()
    }
    fn window(&self, key: &str) -> Window {
        self.text(key).parse().unwrap()
    }
    fn ratio(&self, key: &str) -> Ratio {
        self.text(key).parse().unwrap()
    }
    fn percent(&self) -> Ratio {
        self.ratio("percent").checked_div(Ratio::whole(100)).unwrap()
    }
    fn tally(&self) -> Tally {
        Tally::new(self.u64("total"), self.u64("bad")).unwrap()
    }
    fn pair(&self, key: &str) -> Tally {
        Tally::new(self.0[key][0].as_u64().unwrap(), self.0[key][1].as_u64().unwrap()).unwrap()
    }
    fn numbers(&self, key: &str) -> Vec<f64> {
        self.0[key].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).collect()
    }
    fn counts(&self, key: &str) -> Vec<u64> {
        self.0[key].as_array().unwrap().iter().map(|value| value.as_u64().unwrap()).collect()
    }
    fn pairs(&self, key: &str) -> Vec<(f64, f64)> {
        let pairs = self.0[key].as_array().unwrap().iter();
        pairs.map(|pair| (pair[0].as_f64().unwrap(), pair[1].as_f64().unwrap())).collect()
    }
    fn confidence(&self) -> Confidence {
        Confidence::new(self.f64("confidence")).unwrap()
    }
    fn tallies(&self) -> Vec<Tally> {
        let counts = self.counts("total").into_iter().zip(self.counts("bad"));
        counts.map(|(total, bad)| Tally::new(total, bad).unwrap()).collect()
    }
    fn outage(&self) -> Outage {
        let outage = Outage::new(self.ratio("error_ratio")).unwrap();
        let baseline = self.0.get("baseline").map_or(Ratio::ZERO, |_| self.ratio("baseline"));
        if baseline == Ratio::ZERO { outage } else { outage.with_baseline(baseline).unwrap() }
    }
    fn sprt(&self) -> Sprt {
        Sprt::new(self.f64("p0"), self.f64("p1"), self.f64("alpha"), self.f64("beta")).unwrap()
    }
    fn classic(&self) -> ClassicHistogram {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of a case")]
        let mut buckets: Vec<(f64, u64)> =
            self.pairs("buckets").into_iter().map(|(bound, count)| (bound, count as u64)).collect();
        buckets.push((f64::INFINITY, self.u64("total")));
        ClassicHistogram::new(&buckets).unwrap()
    }
    fn samples(&self) -> Vec<replay::Sample> {
        let step = i64::try_from(self.window("step").as_millis()).unwrap();
        (0_i64..).map(|index| index * step).zip(self.numbers("values")).collect()
    }
    fn at(&self) -> i64 {
        i64::try_from(self.window("at").as_millis()).unwrap()
    }
}

fn exact(ratio: Option<Ratio>) -> Value {
    json!(ratio.map(Ratio::to_f64))
}

fn ends(interval: Interval) -> Value {
    json!([interval.low(), interval.high()])
}

#[expect(clippy::too_many_lines, reason = "one line or two for each function")]
fn answer(call: &str, with: &With<'_>) -> Value {
    match call {
        "allowed_downtime" => exact(Some(allowed_downtime(with.objective(), with.window("window")))),
        "allowed_bad" => {
            let tally = Tally::new(with.u64("events"), 0).unwrap();
            let allowed = ErrorBudget::observed(with.objective(), tally).allowed().floor();
            json!(u64::try_from(allowed).unwrap())
        }
        "sli" => json!(with.tally().sli()),
        "consumed" => json!(ErrorBudget::observed(with.objective(), with.tally()).consumed()),
        "remaining" => json!(ErrorBudget::observed(with.objective(), with.tally()).remaining()),
        "time_consumed" => {
            let bad = with.window("bad").as_duration();
            json!(ErrorBudget::of_time(with.objective(), with.window("period"), bad).unwrap().consumed())
        }
        "outage_spend" => {
            let (period, duration) = (with.window("period"), with.window("duration"));
            exact(with.outage().spend(with.objective(), period, duration).ok())
        }
        "time_to_exhaustion" => {
            let burn = BurnRate::new(with.f64("burn")).unwrap();
            json!(time_to_exhaustion(with.f64("remaining"), burn, with.window("period")).unwrap())
        }
        "factor" => {
            let windows = [with.window("long"), Window::minutes(5)];
            let tier = Tier::by_share(
                BurnTier::Fast,
                Severity::Page,
                with.percent(),
                windows,
                with.window("period"),
            );
            exact(tier.unwrap().factor().ok())
        }
        "share" => {
            let windows = [with.window("long"), Window::minutes(5)];
            let factor = with.ratio("factor");
            let tier =
                Tier::by_factor(BurnTier::Fast, Severity::Page, factor, windows, with.window("period"));
            exact(Some(tier.unwrap().share()))
        }
        "max_burn" => json!(BurnRate::of(Tally::new(1, 1).unwrap(), with.objective()).unwrap().value()),
        "reachable_above" => {
            // The tier fires if everything fails above this objective, and not at it.
            let least =
                Ratio::ONE.checked_sub(Ratio::ONE.checked_div(with.ratio("factor")).unwrap()).unwrap();
            let above = format!("{:.4}%", least.to_f64() * 100.0 + 0.0001).parse().unwrap();
            let below = format!("{:.4}%", least.to_f64() * 100.0 - 0.0001).parse().unwrap();
            let windows = [Window::hours(1), Window::minutes(5)];
            let factor = with.ratio("factor");
            let tier =
                Tier::by_factor(BurnTier::Fast, Severity::Page, factor, windows, Window::days(30)).unwrap();
            assert_eq!(tier.is_reachable(above, Ratio::ONE), Ok(true));
            assert_eq!(tier.is_reachable(below, Ratio::ONE), Ok(false));
            exact(Some(least))
        }
        "stretched_window" => {
            let windows = [with.window("long"), with.window("short")];
            let tier = Tier::by_share(
                BurnTier::Fast,
                Severity::Page,
                with.percent(),
                windows,
                with.window("period"),
            );
            let stretched = tier.unwrap().with_windows_stretched(with.objective(), with.ratio("error_ratio"));
            exact(Some(stretched.unwrap().long().as_seconds()))
        }
        "crossing" => exact(with.outage().crossing(with.window("window"), with.ratio("threshold"))),
        "recovery" => exact(with.outage().recovery(with.window("window"), with.ratio("threshold"))),
        "seconds_above" => {
            let (window, threshold) = (with.window("window"), with.ratio("threshold"));
            exact(with.outage().seconds_above(window, threshold, with.window("duration")))
        }
        "workbook_detection" => {
            let policy = AlertPolicy::workbook();
            let detections =
                policy.tiers().iter().map(|tier| with.outage().detection(tier, with.objective()).unwrap());
            json!(
                detections
                    .flat_map(|found| [found.map(|one| one.fires_after), found.map(|one| one.resets_after)])
                    .map(|seconds| seconds.map(Ratio::to_f64))
                    .collect::<Vec<_>>()
            )
        }
        "workbook_slices" => {
            let needed = |tier: &Tier| {
                slices_to_fire(tier.long(), with.window("slice"), tier.threshold(with.objective()).unwrap())
                    .unwrap()
            };
            json!(AlertPolicy::workbook().tiers().iter().map(needed).collect::<Vec<_>>())
        }
        "replay" => {
            let stretches = with.pairs("stretches");
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of a case")]
            let bad: Vec<u64> = stretches
                .iter()
                .flat_map(|(seconds, bad)| std::iter::repeat_n(*bad as u64, *seconds as usize))
                .collect();
            let total = vec![with.u64("events_per_second"); bad.len()];
            let series = Series::new(Timestamp::EPOCH, Window::seconds(1), &total, &bad).unwrap();
            let rule = AlertRule::new(with.window("long"), with.window("short"), with.ratio("threshold"));
            let expected = with.u64("events_per_second") * with.window("period").as_millis() / 1_000;
            let spent = Tally::new(expected, series.total().bad()).unwrap();
            let consumed = ErrorBudget::observed(with.objective(), spent).consumed();
            json!([replay::alerts(&series, &rule, 1).unwrap().len(), consumed])
        }
        "sampling_delay" => {
            let hold = with.0["hold"].as_str().map(|hold| hold.parse().unwrap());
            let delay = SamplingDelay::new(with.window("scrape"), with.window("evaluation"), hold);
            json!([delay.mean_seconds(), delay.longest_seconds()])
        }
        "erlang_detection" => {
            let traffic = with.ratio("traffic");
            let wait = ErlangDetection::new(
                with.window("long"),
                with.ratio("threshold"),
                traffic,
                with.f64("error_ratio"),
            );
            let wait = wait.unwrap();
            json!([wait.bad_events(), wait.mean(), wait.quantile(with.f64("quantile")).unwrap()])
        }
        "wilson" => ends(stats::wilson(with.tally(), with.confidence()).unwrap()),
        "clopper_pearson" => ends(stats::clopper_pearson(with.tally(), with.confidence()).unwrap()),
        "jeffreys" => ends(stats::jeffreys(with.tally(), with.confidence()).unwrap()),
        "confidence_sequence" => ends(stats::confidence_sequence(with.tally(), with.confidence()).unwrap()),
        "newcombe" => {
            ends(stats::newcombe(with.pair("first"), with.pair("second"), with.confidence()).unwrap())
        }
        "burn_above" => json!(stats::burn_above(with.tally(), with.objective(), with.f64("burn")).unwrap()),
        "events_to_demonstrate" => json!(stats::events_to_demonstrate(with.objective(), with.confidence())),
        "events_to_stay_silent" => {
            let threshold = with.ratio("threshold");
            let events = |bad: &u64| stats::events_to_stay_silent(threshold, *bad).unwrap();
            json!(with.counts("bad").iter().map(events).collect::<Vec<_>>())
        }
        "fewest_bad_events" => {
            let fewest = |alpha: &f64| stats::fewest_bad_events(with.ratio("factor"), *alpha).unwrap();
            json!(with.numbers("alpha").iter().map(fewest).collect::<Vec<_>>())
        }
        "firing_probability" => {
            let threshold = with.ratio("threshold");
            json!(stats::firing_probability(threshold, with.u64("events"), with.f64("error_ratio")).unwrap())
        }
        "false_starts_per_30d" => {
            let needs = (with.u64("long_needs"), with.u64("short_needs"));
            let alarms =
                FalseAlarms::with_counts(with.window("long"), with.window("short"), needs.0, needs.1);
            json!(alarms.unwrap().starts_per_second(with.f64("bad_rate")).unwrap() * 2_592_000.0)
        }
        "garwood" => {
            let interval = stats::garwood(with.u64("count"), 1.0, with.confidence()).unwrap();
            let at_most = stats::rate_at_most(with.u64("count"), 1.0, with.confidence()).unwrap();
            json!([interval.low(), interval.high(), at_most])
        }
        "rate_increase_p_value" => {
            let side = |key: &str| (with.0[key][0].as_u64().unwrap(), with.0[key][1].as_f64().unwrap());
            json!(stats::rate_increase_p_value(side("first"), side("second")).unwrap())
        }
        "sprt" => {
            let test = with.sprt();
            json!([test.upper(), test.lower(), test.bad_event(), test.good_event()])
        }
        "sprt_average_events" => json!([with.sprt().average_events().0, with.sprt().average_events().1]),
        "sprt_bad_in_a_row" => json!(with.sprt().bad_in_a_row()),
        "sprt_good_in_a_row" => json!(with.sprt().good_in_a_row()),
        "mixture_evidence" => {
            let p0 = with.f64("p0");
            let test = if with.0["one_sided"] == json!(true) {
                MixtureTest::worse_than(p0).unwrap()
            } else {
                MixtureTest::differs_from(p0).unwrap()
            };
            let pairs = with.0["bad_of"].as_array().unwrap().iter();
            let tallies =
                pairs.map(|pair| Tally::new(pair[1].as_u64().unwrap(), pair[0].as_u64().unwrap()).unwrap());
            json!(tallies.map(|tally| test.evidence(tally)).collect::<Vec<_>>())
        }
        "rate_evidence" => {
            json!(stats::rate_evidence(with.u64("count"), with.f64("exposure"), with.f64("rate")).unwrap())
        }
        "best_allowance" => json!(stats::best_allowance(with.f64("p0"), with.f64("p1")).unwrap()),
        "average_run_length" => {
            let (allowed, threshold) = (with.ratio("allowed"), with.ratio("threshold"));
            let length =
                stats::average_run_length(with.u64("events"), with.f64("error_ratio"), allowed, threshold);
            json!(length.unwrap())
        }
        "time_to_excess" => {
            let (threshold, traffic) = (with.f64("threshold"), with.f64("traffic"));
            let seconds =
                stats::time_to_excess(threshold, traffic, with.f64("error_ratio"), with.f64("allowed"));
            json!(seconds.unwrap())
        }
        "two_proportion_z" => json!(stats::two_proportion_z(with.pair("first"), with.pair("second"))),
        "fisher_p_value" => json!(stats::fisher_p_value(with.pair("first"), with.pair("second")).unwrap()),
        "events_per_arm" => {
            let (p0, p1) = (with.f64("p0"), with.f64("p1"));
            json!(stats::events_per_arm(p0, p1, with.f64("alpha"), with.f64("power")).unwrap())
        }
        "extrapolated_increase" | "extrapolated_rate" => {
            let function = match call {
                "extrapolated_rate" => replay::extrapolated_rate,
                _ => replay::extrapolated_increase,
            };
            json!(function(&with.samples(), with.at(), with.window("range"), RangeEnds::LeftOpen).unwrap())
        }
        "summed_increase" => {
            let samples = with.samples();
            let every = i64::try_from(with.window("every").as_millis()).unwrap();
            let increase = |at: i64| {
                let range = with.window("range");
                replay::extrapolated_increase(&samples, at, range, RangeEnds::LeftOpen)
                    .unwrap()
                    .unwrap_or(0.0)
            };
            let sum: f64 = (1..6).map(|number| increase(number * every)).sum();
            json!(sum * with.f64("scale"))
        }
        "extrapolation_error" => {
            let samples = with.counts("samples");
            json!(samples.into_iter().map(|count| replay::burst_error(count, 1).unwrap()).collect::<Vec<_>>())
        }
        "ratio_bias" => {
            let bias = replay::ratio_bias(with.tallies()).unwrap().unwrap();
            json!([bias.ratio_of_sums, bias.mean_of_ratios, bias.bias])
        }
        "ratio_bias_burns" => {
            let bias = replay::ratio_bias(with.tallies()).unwrap().unwrap();
            let budget = with.objective().budget().to_f64();
            json!([bias.ratio_of_sums / budget, bias.mean_of_ratios / budget])
        }
        "native_fraction" => {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "counts of a case")]
            let buckets =
                with.pairs("buckets").into_iter().map(|(index, count)| (index as i32, count as u64));
            let schema = with.0["schema"].as_i64().unwrap().try_into().unwrap();
            let histogram =
                NativeHistogram::new(schema, with.f64("zero_threshold"), with.u64("zero"), buckets).unwrap();
            json!(
                with.pairs("ranges")
                    .iter()
                    .map(|(low, high)| histogram.fraction(*low, *high))
                    .collect::<Vec<_>>()
            )
        }
        "native_base" => {
            let base = |schema: &f64| {
                #[expect(clippy::cast_possible_truncation, reason = "a schema of a case")]
                let histogram = NativeHistogram::new(*schema as i8, 0.0, 0, []).unwrap();
                histogram.base()
            };
            json!(with.numbers("schemas").iter().map(base).collect::<Vec<_>>())
        }
        "classic_fraction" => {
            let histogram = with.classic();
            json!(
                with.pairs("ranges")
                    .iter()
                    .map(|(low, high)| histogram.fraction(*low, *high))
                    .collect::<Vec<_>>()
            )
        }
        "classic_at_most" => {
            let (found, total) = (with.classic().at_most(with.f64("threshold")), with.f64("total"));
            json!([found.certain as f64 / total, found.linear / total, found.possible as f64 / total])
        }
        "classic_at_most_logarithmic" => {
            json!(with.classic().at_most(with.f64("threshold")).logarithmic / with.f64("total"))
        }
        "serial" => json!(serial(&with.numbers("parts")).unwrap()),
        "serial_bounds" => json!([
            serial_bounds(&with.numbers("parts")).unwrap().0,
            serial_bounds(&with.numbers("parts")).unwrap().1
        ]),
        "parallel" => json!(parallel(&with.numbers("parts")).unwrap()),
        "k_of_n" => json!(k_of_n(with.usize("needed"), &with.numbers("parts")).unwrap()),
        "common_cause" => {
            let replicas = with.u64("replicas").try_into().unwrap();
            json!(common_cause(replicas, with.f64("unavailability"), with.f64("common")).unwrap())
        }
        "availability" => {
            json!(stats::availability(with.f64("time_up"), with.f64("time_to_repair")).unwrap())
        }
        "incidents_allowed" => {
            let (period, repair) = (with.window("period"), with.window("time_to_repair"));
            exact(stats::incidents_allowed(with.objective(), period, repair).ok())
        }
        "tolerable_minutes" => {
            let (usual, during) = (with.ratio("usual"), with.ratio("during"));
            let seconds = tolerable_seconds(with.window("period"), with.objective(), usual, during);
            json!(seconds.unwrap().map(|seconds| seconds.to_f64() / 60.0))
        }
        "period_seconds" => {
            let unit = if with.text("unit") == "day" { CalendarUnit::Day } else { CalendarUnit::Month };
            let calendar = Calendar::new(unit, with.text("zone")).unwrap();
            json!(
                calendar.period_at(Timestamp::from_millis(with.0["at"].as_i64().unwrap())).unwrap().seconds()
            )
        }
        "spend_at_most" => {
            let incidents = Incidents::new(with.f64("rate"), &with.pairs("spends")).unwrap();
            let within =
                |budget: &f64| forecast::spend_at_most(&incidents, with.f64("grid"), *budget).unwrap();
            json!(with.numbers("budgets").iter().map(within).collect::<Vec<_>>())
        }
        "exhaustion_probability" => {
            json!(
                forecast::exhaustion_probability(with.tally(), with.u64("future"), with.objective()).unwrap()
            )
        }
        "rolling_exhaustion" => {
            json!(
                rolling_exhaustion(&with.numbers("spends"), BurnRate::new(with.f64("burn")).unwrap())
                    .unwrap()
            )
        }
        "stale_minutes" => {
            let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
            let data_age = minutes(with.u64("data_age"));
            let published =
                with.counts("published").into_iter().map(|at| Publication { at: minutes(at), data_age });
            let (from, to) = (minutes(with.u64("from")), minutes(with.u64("to")));
            let published: Vec<_> = published.collect();
            json!(stale_time(&published, from, to, minutes(with.u64("tolerance"))).unwrap().as_secs() / 60)
        }
        "maximal_segments" => {
            #[expect(clippy::cast_possible_truncation, reason = "whole scores of a case")]
            let scores = with.numbers("scores").into_iter().map(|score| score as i128);
            let found = replay::maximal_segments(scores);
            json!(
                found
                    .iter()
                    .map(|one| json!([one.start, one.end, i64::try_from(one.score).unwrap()]))
                    .collect::<Vec<_>>()
            )
        }
        "weighted_sli" => {
            let parts: Vec<_> = with.numbers("weights").into_iter().zip(with.tallies()).collect();
            json!(weighted_sli(&parts).unwrap())
        }
        "exceeds" => {
            let ratio = Ratio::new(with.tally().bad().into(), with.tally().total().into()).unwrap();
            let threshold = with.ratio("threshold");
            json!([with.tally().exceeds(threshold), ratio >= threshold])
        }
        _ => unreachable!("{call}: no such function"),
    }
}

fn agree(found: &Value, expected: &Value, tolerance: f64) -> bool {
    match (found, expected) {
        (Value::Array(found), Value::Array(expected)) => {
            found.len() == expected.len()
                && found.iter().zip(expected).all(|(found, expected)| agree(found, expected, tolerance))
        }
        (Value::Number(found), Value::Number(expected)) => {
            let (found, expected) = (found.as_f64().unwrap(), expected.as_f64().unwrap());
            (found - expected).abs() <= tolerance * expected.abs().max(1.0)
        }
        (found, expected) => found == expected,
    }
}

#[test]
fn cases() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/math/cases.json");
    let cases: Vec<Value> = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    assert!(cases.len() > 200);
    let mut wrong = Vec::new();
    for case in &cases {
        let found = answer(case["call"].as_str().unwrap(), &With(&case["with"]));
        if !agree(&found, &case["expect"], case["tolerance"].as_f64().unwrap()) {
            wrong.push(format!("{case}\n  found {found}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Where doubles get a boundary wrong, tallies do not.
#[test]
fn boundaries_are_exact_where_doubles_are_not() {
    // 3 of 1,000 is exactly six times 0.05 %: doubles fire. 144 of 10,000 is exactly 14.4 times 0.1 %: doubles
    // would not fire even for "at least".
    for (total, bad, factor, objective, double) in
        [(1_000, 3, "6", "99.95%", Ordering::Greater), (10_000, 144, "14.4", "99.9%", Ordering::Less)]
    {
        let objective: Objective = objective.parse().unwrap();
        let factor: Ratio = factor.parse().unwrap();
        let rounded = factor.to_f64() * (1.0 - objective.ratio().to_f64());
        assert_eq!((bad as f64 / total as f64).total_cmp(&rounded), double);
        let threshold = factor.checked_mul(objective.budget()).unwrap();
        let exact = |bad| Tally::new(total, bad).unwrap().exceeds(threshold);
        assert_eq!((exact(bad), exact(bad + 1)), (false, true));
    }
}
