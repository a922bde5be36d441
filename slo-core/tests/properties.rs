//! What must hold of the mathematics for every input, across modules.
//!
//! Properties of one type are tested beside it. All twenty of them, at least 1,000 cases each:
//!
//! | property | where |
//! |---|---|
//! | an outage has spent the tier's share when it is detected, whatever its size | here |
//! | larger outages are detected sooner and reset later | here |
//! | nothing fires below the threshold | here |
//! | scaling counts or time changes no verdict | here |
//! | tallies merge in any order and any shards | `math::tally`, here |
//! | what remains has the sign of SLI − objective | `math::budget` |
//! | bounds contain the truth: histograms, tracker, sliding counts | `math::{histogram, native_histogram, tracker, sliding_count}` |
//! | fractions of a histogram rise with the threshold | `math::{histogram, native_histogram}` |
//! | comparisons agree with big rationals | `math::tally`, `model::ratio` |
//! | CUSUM is the largest excess of all windows | here |
//! | a barcode counts runs at every threshold | `replay::barcode` |
//! | anchored increments telescope | `replay::counter` |
//! | the bias of averaged ratios is a covariance | here |
//! | Clopper–Pearson covers what it says, by enumeration | here |
//! | what goes undetected is bounded | here |
//! | simulated false alarms agree with the closed form | here |
//! | a rolling window over a calendar month is that month | here |
//! | steps without events are neutral | here |
//! | replays approach the closed forms as steps shrink | here |
//! | events in excluded time change nothing | here |
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;
use slo_core::{
    math::{BurnRate, Exclusions, Outage, Span, Tally, time_slices},
    model::{
        BurnTier, Calendar, CalendarUnit, EmptySlice, Objective, Ratio, Severity, Tier, Timestamp, Window,
    },
    replay::{AlertRule, Episode, Series, alerts, maximal_segments, ratio_bias},
    stats::{Confidence, Cusum, FalseAlarms, clopper_pearson},
};
use std::{collections::VecDeque, sync::LazyLock};

const MINUTE: Window = Window::minutes(1);

fn objective() -> impl Strategy<Value = Objective> {
    (50_000..99_999_u32)
        .prop_map(|percent| format!("{}.{:03}%", percent / 1_000, percent % 1_000).parse().unwrap())
}

/// A tier of a 30-day period.
fn tier() -> impl Strategy<Value = Tier> {
    (1..100_u128, 2..4_000_u64, 1..1_000_u64).prop_map(|(percent, long, short)| {
        let windows = [Window::minutes(long), Window::minutes(short.min(long - 1))];
        let share = Ratio::new(percent, 100).unwrap();
        Tier::by_share(BurnTier::Fast, Severity::Page, share, windows, Window::days(30)).unwrap()
    })
}

fn error_ratio() -> impl Strategy<Value = Ratio> {
    (1..=10_000_u128).prop_map(|part| Ratio::new(part, 10_000).unwrap())
}

/// Steps of (total, bad) in calm and storm.
fn steps() -> impl Strategy<Value = (Vec<u64>, Vec<u64>)> {
    let stretch = (1..120_usize, 1..200_u64, 0..=100_u64);
    prop::collection::vec(stretch, 1..8).prop_map(|stretches| {
        let steps = stretches.iter().flat_map(|&(length, total, percent)| {
            (0..length).map(move |index| (total, if index % 3 == 1 { 0 } else { total * percent / 100 }))
        });
        steps.unzip()
    })
}

fn rule() -> impl Strategy<Value = AlertRule> {
    (2..200_u64, 1..60_u64, 1..900_u128).prop_map(|(long, short, threshold)| {
        let short = Window::minutes(short.min(long));
        AlertRule::new(Window::minutes(long), short, Ratio::new(threshold, 1_000).unwrap())
    })
}

/// The bounds of Clopper–Pearson at 90 % for all counts of up to sixty events.
static CLOPPER_PEARSON: LazyLock<Vec<Vec<(f64, f64)>>> = LazyLock::new(|| {
    let bounds = |total, bad| {
        let interval = clopper_pearson(Tally::new(total, bad).unwrap(), Confidence::P90).unwrap();
        (interval.low(), interval.high())
    };
    (1..=60).map(|total| (0..=total).map(|bad| bounds(total, bad)).collect()).collect()
});

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn an_outage_has_spent_the_share_when_it_is_detected(tier in tier(), objective in objective(), e in error_ratio()) {
        match Outage::new(e).unwrap().detection(&tier, objective).unwrap() {
            Some(found) => prop_assert_eq!(found.spent, tier.share()),
            None => prop_assert!(e <= tier.threshold(objective).unwrap()),
        }
    }

    #[test]
    fn larger_outages_are_detected_sooner_and_reset_later(
        tier in tier(), objective in objective(), e in prop::array::uniform2(error_ratio())
    ) {
        let [smaller, larger] = [e[0].min(e[1]), e[0].max(e[1])];
        let detection = |e| Outage::new(e).unwrap().detection(&tier, objective).unwrap();
        if let (Some(small), Some(large)) = (detection(smaller), detection(larger)) {
            prop_assert!(large.fires_after <= small.fires_after);
            prop_assert!(large.resets_after >= small.resets_after);
            prop_assert_eq!(smaller == larger, large.fires_after == small.fires_after);
        } else {
            prop_assert!(detection(smaller).is_none());
        }
    }

    #[test]
    fn nothing_fires_below_the_threshold((total, bad) in steps(), rule in rule(), every in 1..4_usize) {
        let series = Series::new(Timestamp::EPOCH, MINUTE, &total, &bad).unwrap();
        let windows = [rule.long, rule.short].map(|window| series.steps_in(window).unwrap());
        for Episode { start, end } in alerts(&series, &rule, every).unwrap() {
            for evaluated in (start..end).filter(|index| (index + 1) % every == 0) {
                for window in windows {
                    prop_assert!(series.window(evaluated + 1, window).exceeds(rule.threshold));
                }
            }
        }
    }

    #[test]
    fn scaling_counts_or_time_changes_no_verdict(
        (total, bad) in steps(), rule in rule(), scale in 2..1_000_u64, objective in objective()
    ) {
        let fired = alerts(&Series::new(Timestamp::EPOCH, MINUTE, &total, &bad).unwrap(), &rule, 1).unwrap();
        let times = |column: &[u64]| column.iter().map(|count| count * scale).collect::<Vec<_>>();
        let (many, many_bad) = (times(&total), times(&bad));
        let more = Series::new(Timestamp::EPOCH, MINUTE, &many, &many_bad).unwrap();
        prop_assert_eq!(&alerts(&more, &rule, 1).unwrap(), &fired);
        let stretch = |window: Window| Window::from_millis(window.as_millis() * 7).unwrap();
        let slow = AlertRule::new(stretch(rule.long), stretch(rule.short), rule.threshold);
        let slower = Series::new(Timestamp::EPOCH, stretch(MINUTE), &total, &bad).unwrap();
        prop_assert_eq!(&alerts(&slower, &slow, 1).unwrap(), &fired);
        let burn = |series: &Series<'_>| BurnRate::of(series.total(), objective).unwrap().value();
        let one = burn(&slower);
        prop_assert!((burn(&more) - one).abs() <= one * 1e-15);
    }

    #[test]
    fn tallies_merge_in_any_shards((total, bad) in steps(), cuts in prop::collection::vec(0..900_usize, 0..6)) {
        let tallies: Vec<Tally> = total.iter().zip(&bad).map(|(total, bad)| Tally::new(*total, *bad).unwrap()).collect();
        let sum = |tallies: &[Tally]| tallies.iter().try_fold(Tally::EMPTY, |sum, one| sum.checked_add(*one)).unwrap();
        let mut edges: Vec<usize> = cuts.into_iter().map(|cut| cut.min(tallies.len())).collect();
        edges.extend([0, tallies.len()]);
        edges.sort_unstable();
        let mut shards: Vec<Tally> = edges.windows(2).map(|pair| sum(&tallies[pair[0]..pair[1]])).collect();
        shards.reverse();
        prop_assert_eq!(sum(&shards), sum(&tallies));
    }

    #[test]
    fn cusum_is_the_largest_excess_of_all_windows((total, bad) in steps(), allowed in 0..500_u128) {
        let allowed = Ratio::new(allowed, 1_000).unwrap();
        let mut cusum = Cusum::new(allowed, 5.0).unwrap();
        let (total, bad) = (&total[..total.len().min(60)], &bad[..bad.len().min(60)]);
        let series = Series::new(Timestamp::EPOCH, MINUTE, total, bad).unwrap();
        for end in 1..=series.len() {
            cusum.observe(series.at(end - 1));
            let excess = |steps| {
                let window = series.window(end, steps);
                window.bad() as f64 - allowed.to_f64() * window.total() as f64
            };
            let largest = (0..=end).map(excess).fold(0.0, f64::max);
            prop_assert!((cusum.excess() - largest).abs() < 1e-7);
            prop_assert!(cusum.alarm() == (cusum.excess() > 5.0));
        }
    }

    #[test]
    fn the_bias_of_averaged_ratios_is_a_covariance((total, bad) in steps()) {
        let series = Series::new(Timestamp::EPOCH, MINUTE, &total, &bad).unwrap();
        let bias = ratio_bias(series.steps()).unwrap().unwrap();
        let n = total.len() as f64;
        let mean = series.total().total() as f64 / n;
        let covariance = series.steps()
            .map(|step| (step.total() as f64 - mean) * (step.error_ratio().unwrap() - bias.mean_of_ratios))
            .sum::<f64>() / n;
        prop_assert!((bias.bias - covariance / mean).abs() < 1e-12);
    }

    #[test]
    fn clopper_pearson_covers_what_it_says(total in 1..=60_usize, p in 0.0..=1.0_f64) {
        let mut coverage = 0.0;
        // P(X = x), one after the other.
        for (bad, (low, high)) in CLOPPER_PEARSON[total - 1].iter().enumerate() {
            let choose = (0..bad).fold(1.0, |product, i| product * (total - i) as f64 / (i + 1) as f64);
            if *low <= p && p <= *high {
                coverage += choose * p.powf(bad as f64) * (1.0 - p).powf((total - bad) as f64);
            }
        }
        prop_assert!(coverage >= 0.9 - 1e-9, "{coverage}");
    }

    #[test]
    fn what_goes_undetected_is_bounded(
        stretches in prop::collection::vec((1..90_usize, 0..80_u64), 1..40), long in 2..80_usize, short in 1..40_usize
    ) {
        // Constant traffic, hovering about a threshold of 20 %.
        let bad: Vec<u64> = stretches.iter().flat_map(|&(length, bad)| std::iter::repeat_n(bad, length)).collect();
        let total = vec![100; bad.len()];
        let short = short.min(long);
        let series = Series::new(Timestamp::EPOCH, MINUTE, &total, &bad).unwrap();
        let window = |steps: usize| Window::minutes(steps.try_into().unwrap());
        let rule = AlertRule::new(window(long), window(short), Ratio::new(1, 5).unwrap());
        let fired = alerts(&series, &rule, 1).unwrap();
        for end in long..=series.len() {
            let silent = fired.iter().all(|episode| episode.end <= end - long || end <= episode.start);
            // Windows that reach back before the history know less than the proof takes for granted.
            if silent && end >= 2 * long {
                let spent = series.window(end, long).bad();
                prop_assert!(spent <= (20 * (2 * long + short)) as u64, "{spent} in {long} steps before {end}");
            }
        }
    }

    #[test]
    fn a_rolling_window_over_a_calendar_month_is_that_month(
        number in 0..240_i64, seed in any::<u64>()
    ) {
        let months = Calendar::new(CalendarUnit::Month, "UTC").unwrap();
        // Some moment in the month, counted from 2010.
        let month = months.period_at(Timestamp::from_millis(1_262_304_000_000 + number * 2_629_746_000 + 86_400_000)).unwrap();
        // Six hours a step, from ten days before the month to ten after it.
        let step = Window::hours(6);
        let start = month.start().before(Window::days(10));
        let count = usize::try_from(month.end().millis_since(month.start()) / step.as_millis()).unwrap() + 80;
        let bad: Vec<u64> = (0..count as u64).map(|index| (seed ^ index.wrapping_mul(0x9e37_79b9)) % 7).collect();
        let total = vec![10; count];
        let series = Series::new(start, step, &total, &bad).unwrap();
        let rolling = series.window(count - 40, series.steps_in(month.window().unwrap()).unwrap());
        // A step belongs to the month that its last moment before the end lies in.
        let within = |index: &usize| months.period_at(series.time_after(index + 1).before(Window::from_millis(1).unwrap())).unwrap() == month;
        let calendar = (0..count).filter(within).fold(Tally::EMPTY, |sum, index| sum.checked_add(series.at(index)).unwrap());
        prop_assert_eq!(rolling, calendar);
    }

    #[test]
    fn steps_without_events_are_neutral((total, bad) in steps(), places in prop::collection::vec(0..900_usize, 0..9)) {
        let tallies: Vec<Tally> = total.iter().zip(&bad).map(|(total, bad)| Tally::new(*total, *bad).unwrap()).collect();
        let mut padded = tallies.clone();
        for place in places {
            padded.insert(place.min(padded.len()), Tally::EMPTY);
        }
        let sum = |tallies: &[Tally]| tallies.iter().try_fold(Tally::EMPTY, |sum, one| sum.checked_add(*one)).unwrap();
        prop_assert_eq!(sum(&tallies), sum(&padded));
        prop_assert_eq!(ratio_bias(tallies.clone()), ratio_bias(padded.clone()));
        let slices = |tallies: &[Tally]| time_slices(tallies.iter().copied(), Ratio::HALF, EmptySlice::Skip).unwrap();
        prop_assert_eq!(slices(&tallies), slices(&padded));
        let scores = |tallies: &[Tally]| -> Vec<i128> {
            let score = |tally: &Tally| 4 * i128::from(tally.bad()) - i128::from(tally.total());
            maximal_segments(tallies.iter().map(score)).iter().map(|segment| segment.score).collect()
        };
        prop_assert_eq!(scores(&tallies), scores(&padded));
    }

    #[test]
    fn replays_approach_the_closed_forms(
        long in 2..12_u64, short in 1..6_u64, threshold in 1..90_u128, e in 1..100_u128, step in prop::sample::select(vec![60, 20, 5_u64])
    ) {
        prop_assume!(threshold < e);
        let (long, short) = (Window::minutes(long * 5), Window::minutes(short.min(long) * 5));
        let step = Window::seconds(step);
        let steps = |window: Window| usize::try_from(window.as_millis() / step.as_millis()).unwrap();
        // A million events a step: a hundredth of them is a whole number.
        let lasts = steps(long) + steps(MINUTE);
        let mut bad = vec![0; steps(long)];
        let begin = bad.len();
        bad.extend(vec![10_000 * u64::try_from(e).unwrap(); lasts]);
        bad.extend(vec![0; 2 * steps(long)]);
        let total = vec![1_000_000; bad.len()];
        let series = Series::new(Timestamp::EPOCH, step, &total, &bad).unwrap();
        let threshold = Ratio::new(threshold, 100).unwrap();
        let fired = alerts(&series, &AlertRule::new(long, short, threshold), 1).unwrap();
        prop_assert_eq!(fired.len(), 1);
        let outage = Outage::new(Ratio::new(e, 100).unwrap()).unwrap();
        let seconds = |count: usize| count as f64 * step.as_seconds().to_f64();
        let close = |found: f64, exact: Option<Ratio>| {
            let late = found - exact.unwrap().to_f64();
            (-1e-9..=seconds(1) + 1e-9).contains(&late)
        };
        prop_assert!(close(seconds(fired[0].start + 1 - begin), outage.crossing(long, threshold)));
        prop_assert!(close(seconds(fired[0].end + 1 - begin - lasts), outage.recovery(short, threshold)));
    }

    #[test]
    fn events_in_excluded_time_change_nothing(
        (total, bad) in steps(), spans in prop::collection::vec((0..900_i64, 1..100_i64), 1..4), more in 1..1_000_u64
    ) {
        let spans = spans.iter().map(|(from, length)| Span::new(Timestamp::from_seconds(from * 60), Timestamp::from_seconds((from + length) * 60)).unwrap());
        let excluded = Exclusions::new(spans);
        let series = Series::new(Timestamp::EPOCH, MINUTE, &total, &bad).unwrap();
        let (mut noisy, mut noisy_bad) = (total.clone(), bad.clone());
        for index in (0..total.len()).filter(|index| excluded.contains(series.time_after(index + 1))) {
            noisy[index] += more;
            noisy_bad[index] += more;
        }
        let after = Series::new(Timestamp::EPOCH, MINUTE, &noisy, &noisy_bad).unwrap();
        prop_assert_eq!(series.without(&excluded), after.without(&excluded));
    }
}

/// A thousand months of Poisson errors, each with parameters of its own, against the closed form.
#[test]
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small positive numbers")]
fn simulated_false_alarms_agree_with_the_closed_form() {
    // SplitMix64, so that the months are the same ones every time.
    let mut state = 2_026_u64;
    let mut unit = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = state;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let (mut difference, mut squares, mut starts) = (0.0, 0.0, 0_u64);
    for _ in 0..1_000 {
        let (rate, long_needs, short_needs) =
            (0.0005 + unit() * 0.003, 2 + (unit() * 7.0) as u64, 1 + (unit() * 3.0) as u64);
        let (long, short) =
            (Window::minutes(20 + (unit() * 80.0) as u64), Window::minutes(2 + (unit() * 15.0) as u64));
        let alarms = FalseAlarms::with_counts(long, short, long_needs, short_needs).unwrap();
        let month = 2_592_000.0;
        let expected = alarms.starts_per_second(rate).unwrap() * month;
        let mut recent = VecDeque::new();
        let (mut now, mut seen) = (0.0, 0_u64);
        loop {
            now += -(1.0 - unit()).ln() / rate;
            if now > month {
                break;
            }
            let within = |recent: &VecDeque<f64>, window: Window| {
                recent.iter().filter(|time| **time > now - window.as_seconds().to_f64()).count() as u64
            };
            while recent.front().is_some_and(|time| *time <= now - long.as_seconds().to_f64()) {
                recent.pop_front();
            }
            let fires = |recent: &VecDeque<f64>| {
                within(recent, long) >= long_needs && within(recent, short) >= short_needs
            };
            let before = fires(&recent);
            recent.push_back(now);
            seen += u64::from(!before && fires(&recent));
        }
        difference += seen as f64 - expected;
        squares += (seen as f64 - expected).powi(2);
        starts += seen;
    }
    assert!(starts > 10_000, "{starts}");
    // The sum of a thousand differences, within three of its standard deviations.
    assert!(difference.abs() < 3.0 * squares.sqrt(), "{difference} at {}", squares.sqrt());
}
