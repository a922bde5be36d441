//! Which service is to blame for slow requests: ours beside the ratio of total latencies, Ochiai, and `MicroRank`, on faults that are known.
//!
//!     cargo bench -p slo-benches --bench traces
//!
//! Twenty services call each other, one after the other and at the same time; each fault slows one of them. There are 2,000 requests before a fault
//! and 400 while it lasts. Each method sees the same traces, and names services in the order of its suspicion.

#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::unwrap_used
)]

use slo_ops::traces::{Baseline, Operation, Span, Traces};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Instant,
};

const SERVICES: usize = 20;
const FAULTS: u64 = 200;
const BEFORE: usize = 2_000;
const WHILE: usize = 400;

#[derive(Clone, Copy)]
enum Fault {
    /// Three times as slow.
    Slow,
    /// Ten times as slow, in a tenth of its calls.
    Rarely,
    /// One of its four pods takes as long as five usual calls more.
    OnePod,
}

/// What a service does: its own time, and the calls that it makes, in groups whose calls run at the same time.
struct Service {
    nanos: f64,
    calls: Vec<Vec<usize>>,
}

/// Services of which the first is called by users; every service is called by one or two before it.
fn topology(random: &mut fastrand::Rng) -> Vec<Service> {
    let mut services: Vec<Service> = (0..SERVICES)
        .map(|_| Service { nanos: 1e6 * (1.0 + 9.0 * random.f64()), calls: Vec::new() })
        .collect();
    for callee in 1..SERVICES {
        for _ in 0..=usize::from(random.f64() < 0.2) {
            let caller = random.usize(callee.saturating_sub(6)..callee);
            let calls = &mut services[caller].calls;
            // Half of the calls run beside the ones before them.
            if random.bool()
                && let Some(last) = calls.last_mut()
                && !last.contains(&callee)
            {
                last.push(callee);
            } else {
                calls.push(vec![callee]);
            }
        }
    }
    services
}

struct Request<'a> {
    services: &'a [Service],
    fault: Option<(Fault, usize)>,
    trace: u128,
    spans: Vec<Span>,
}

impl Request<'_> {
    /// A call that begins at `start`; tells when it ends.
    fn call(&mut self, random: &mut fastrand::Rng, service: usize, parent: Option<u64>, start: u64) -> u64 {
        let id = self.spans.len() as u64 + 1;
        let pod = random.usize(0..4);
        self.spans.push(Span {
            trace: self.trace,
            id,
            parent,
            operation: Operation { service: format!("service-{service:02}"), name: "call".to_owned() },
            start,
            end: start,
            failed: false,
            attributes: [("pod".to_owned(), format!("{service}-{pod}"))].into(),
        });
        // A log-normal time of its own.
        let normal = (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (std::f64::consts::TAU * random.f64()).cos();
        let mut own = self.services[service].nanos * (0.4 * normal).exp();
        if let Some((fault, at)) = self.fault
            && at == service
        {
            match fault {
                Fault::Slow => own *= 3.0,
                Fault::Rarely if random.f64() < 0.1 => own *= 10.0,
                Fault::OnePod if pod == 0 => own += 5.0 * self.services[service].nanos,
                Fault::Rarely | Fault::OnePod => {}
            }
        }
        let groups = self.services[service].calls.clone();
        let piece = (own / (groups.len() + 1) as f64) as u64;
        let mut now = start + piece;
        for group in groups {
            // Not every request needs every call.
            let needed: Vec<usize> = group.into_iter().filter(|_| random.f64() < 0.8).collect();
            now = needed
                .into_iter()
                .map(|callee| self.call(random, callee, Some(id), now))
                .max()
                .unwrap_or(now)
                + piece;
        }
        self.spans[id as usize - 1].end = now;
        now
    }
}

fn requests(
    services: &[Service],
    count: usize,
    fault: Option<(Fault, usize)>,
    random: &mut fastrand::Rng,
) -> Vec<Span> {
    (0..count)
        .flat_map(|trace| {
            let mut request = Request { services, fault, trace: trace as u128 + 1, spans: Vec::new() };
            request.call(random, 0, None, 1_000_000_000);
            request.spans
        })
        .collect()
}

/// Names of services, the most suspicious first.
type Ranking = Vec<String>;

fn ours(before: &[Span], during: &[Span], threshold: u64) -> Ranking {
    let (before, during) = (Traces::of(before), Traces::of(during));
    let found = during.attribution(threshold, Baseline::Before(&before)).unwrap();
    found.services.into_iter().map(|part| part.of).collect()
}

/// Spans by trace, and whether its root is slow.
fn split(spans: &[Span], threshold: u64) -> (Vec<Vec<&Span>>, Vec<Vec<&Span>>) {
    let mut traces: BTreeMap<u128, Vec<&Span>> = BTreeMap::new();
    for span in spans {
        traces.entry(span.trace).or_default().push(span);
    }
    traces.into_values().partition(|spans| {
        spans.iter().any(|span| span.parent.is_none() && span.end - span.start > threshold)
    })
}

fn sorted(scores: BTreeMap<&str, f64>) -> Ranking {
    let mut all: Vec<(&str, f64)> = scores.into_iter().collect();
    all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    all.into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// How many times as long as before a service's spans take.
fn total_latency(before: &[Span], during: &[Span]) -> Ranking {
    let mean = |spans: &[Span]| {
        let mut sums: HashMap<String, (f64, f64)> = HashMap::new();
        for span in spans {
            let sum = sums.entry(span.operation.service.clone()).or_default();
            *sum = (sum.0 + (span.end - span.start) as f64, sum.1 + 1.0);
        }
        sums
    };
    let (before, during_means) = (mean(before), mean(during));
    let scores = during.iter().map(|span| {
        let service = span.operation.service.as_str();
        let (now, then) = (during_means[service], before.get(service).copied().unwrap_or((1.0, 1.0)));
        (service, (now.0 / now.1) / (then.0 / then.1))
    });
    sorted(scores.collect())
}

/// The own time of each span: without the time in which a child runs.
fn own_times(spans: &[Span]) -> HashMap<(u128, u64), u64> {
    let mut children: HashMap<(u128, u64), Vec<(u64, u64)>> = HashMap::new();
    for span in spans {
        if let Some(parent) = span.parent {
            children.entry((span.trace, parent)).or_default().push((span.start, span.end));
        }
    }
    let own = |span: &Span| {
        let (mut covered, mut last) = (0, span.start);
        let mut of_span = children.get(&(span.trace, span.id)).cloned().unwrap_or_default();
        of_span.sort_unstable();
        for (start, end) in of_span {
            covered += end.saturating_sub(start.max(last));
            last = last.max(end);
        }
        span.end - span.start - covered
    };
    spans.iter().map(|span| ((span.trace, span.id), own(span))).collect()
}

/// Ochiai: bad / √(all bad · all with the service), where a service counts for a request if its own time is above the 95th percentile of
/// before.
fn ochiai(before: &[Span], during: &[Span], threshold: u64) -> Ranking {
    let (own_before, own) = (own_times(before), own_times(during));
    let mut times: HashMap<&str, Vec<u64>> = HashMap::new();
    for span in before {
        times.entry(&span.operation.service).or_default().push(own_before[&(span.trace, span.id)]);
    }
    let limits: HashMap<&str, u64> = times
        .into_iter()
        .map(|(service, mut all)| {
            all.sort_unstable();
            (service, all[all.len() * 19 / 20])
        })
        .collect();
    let (bad, good) = split(during, threshold);
    let count = |traces: &[Vec<&Span>]| {
        let mut counts: HashMap<String, f64> = HashMap::new();
        for spans in traces {
            let is_slow = |span: &&&Span| {
                let limit = limits.get(span.operation.service.as_str());
                limit.is_none_or(|limit| own[&(span.trace, span.id)] > *limit)
            };
            let slow: BTreeSet<&str> =
                spans.iter().filter(is_slow).map(|span| span.operation.service.as_str()).collect();
            for service in slow {
                *counts.entry(service.to_owned()).or_default() += 1.0;
            }
        }
        counts
    };
    let (of_bad, of_good) = (count(&bad), count(&good));
    let scores = during.iter().map(|span| {
        let service = span.operation.service.as_str();
        let (ef, ep) =
            (of_bad.get(service).copied().unwrap_or(0.0), of_good.get(service).copied().unwrap_or(0.0));
        let score = if ef == 0.0 { 0.0 } else { ef / (bad.len() as f64 * (ef + ep)).sqrt() };
        (service, score)
    });
    sorted(scores.collect())
}

/// `MicroRank` (G. Yu and others, WWW 2021): `PageRank`s of operations over slow and over usual traces weigh the counts of a spectrum, by Ochiai or by D*.
/// A trace is slow if it takes longer than the sum of what its operations usually take (mean and 1.5 standard deviations).
fn micro_rank(before: &[Span], during: &[Span], d_star: bool) -> Ranking {
    let mut usual: HashMap<&str, (f64, f64, f64)> = HashMap::new();
    for span in before {
        let millis = (span.end - span.start) as f64 / 1e6;
        let sums = usual.entry(&span.operation.service).or_default();
        *sums = (sums.0 + millis, sums.1 + millis * millis, sums.2 + 1.0);
    }
    let expected = |service: &str| {
        usual.get(service).map_or(0.0, |(sum, squares, count)| {
            let mean = sum / count;
            mean + 1.5 * (squares / count - mean * mean).max(0.0).sqrt()
        })
    };
    let mut traces: BTreeMap<u128, Vec<&Span>> = BTreeMap::new();
    for span in during {
        traces.entry(span.trace).or_default().push(span);
    }
    // Of the root alone: the sum over nested spans would count the same time several times.
    let (slow, fast): (Vec<Vec<&Span>>, Vec<Vec<&Span>>) = traces.into_values().partition(|spans| {
        spans.iter().any(|span| {
            span.parent.is_none() && (span.end - span.start) as f64 / 1e6 > expected(&span.operation.service)
        })
    });
    let (rank_slow, rank_fast) = (page_rank(&slow, true), page_rank(&fast, false));
    let covers = |traces: &[Vec<&Span>]| {
        let mut counts: HashMap<String, f64> = HashMap::new();
        for spans in traces {
            for service in spans.iter().map(|span| span.operation.service.as_str()).collect::<BTreeSet<_>>() {
                *counts.entry(service.to_owned()).or_default() += 1.0;
            }
        }
        counts
    };
    let (of_slow, of_fast) = (covers(&slow), covers(&fast));
    let scores = during.iter().map(|span| {
        let service = span.operation.service.as_str();
        let (weight_slow, weight_fast) =
            (rank_slow.get(service).copied().unwrap_or(0.0), rank_fast.get(service).copied().unwrap_or(0.0));
        let (in_slow, in_fast) =
            (of_slow.get(service).copied().unwrap_or(0.0), of_fast.get(service).copied().unwrap_or(0.0));
        let (ef, nf) = (weight_slow * in_slow, weight_slow * (slow.len() as f64 - in_slow));
        let ep = weight_fast * in_fast;
        let score = match (ef == 0.0, d_star) {
            (true, _) => 0.0,
            (false, true) => ef * ef / (ep + nf).max(1e-12),
            (false, false) => ef / ((ef + ep) * (ef + nf)).sqrt(),
        };
        (service, score)
    });
    sorted(scores.collect())
}

/// The personalized `PageRank` of services in the graph of services and traces, with the parameters of the paper.
fn page_rank(traces: &[Vec<&Span>], is_slow: bool) -> HashMap<String, f64> {
    if traces.is_empty() {
        return HashMap::new();
    }
    let names: Vec<&str> = traces
        .iter()
        .flatten()
        .map(|span| span.operation.service.as_str())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .collect();
    let place: HashMap<&str, usize> = names.iter().enumerate().map(|(at, name)| (*name, at)).collect();
    let covered: Vec<BTreeSet<usize>> = traces
        .iter()
        .map(|spans| spans.iter().map(|span| place[span.operation.service.as_str()]).collect())
        .collect();
    let mut kinds: HashMap<&BTreeSet<usize>, f64> = HashMap::new();
    for trace in &covered {
        *kinds.entry(trace).or_default() += 1.0;
    }
    // Rare kinds of traces with few operations are preferred, among slow ones; among usual ones, frequent ones.
    let preference: Vec<f64> = covered
        .iter()
        .map(|trace| if is_slow { 1.0 / trace.len() as f64 + 1.0 / kinds[trace] } else { 1.0 / kinds[trace] })
        .collect();
    let sum: f64 = preference.iter().sum();
    let preference: Vec<f64> = preference.iter().map(|one| one / sum).collect();
    let mut covers = vec![0.0; names.len()];
    for trace in &covered {
        for service in trace {
            covers[*service] += 1.0;
        }
    }
    // Calls between services.
    let mut calls: BTreeSet<(usize, usize)> = BTreeSet::new();
    for spans in traces {
        let ids: HashMap<u64, usize> =
            spans.iter().map(|span| (span.id, place[span.operation.service.as_str()])).collect();
        calls.extend(spans.iter().filter_map(|span| Some((*ids.get(&span.parent?)?, ids[&span.id]))));
    }
    let mut out_degree = vec![0.0; names.len()];
    for (caller, _) in &calls {
        out_degree[*caller] += 1.0;
    }
    let (damping, own) = (0.85, 0.01);
    let mut services = vec![1.0 / (names.len() + traces.len()) as f64; names.len()];
    let mut ranks = vec![1.0 / (names.len() + traces.len()) as f64; traces.len()];
    for _ in 0..25 {
        let mut next = vec![0.0; names.len()];
        for (trace, rank) in covered.iter().zip(&ranks) {
            for service in trace {
                next[*service] += damping * rank / trace.len() as f64;
            }
        }
        for (caller, callee) in &calls {
            next[*callee] += damping * own * services[*caller] / out_degree[*caller];
        }
        let next_ranks: Vec<f64> = covered
            .iter()
            .zip(&preference)
            .map(|(trace, preference)| {
                damping * trace.iter().map(|service| services[*service] / covers[*service]).sum::<f64>()
                    + (1.0 - damping) * preference
            })
            .collect();
        let (most, most_rank) =
            (next.iter().copied().fold(0.0, f64::max), next_ranks.iter().copied().fold(0.0, f64::max));
        services = next.iter().map(|one| one / most).collect();
        ranks = next_ranks.iter().map(|one| one / most_rank).collect();
    }
    let mean: f64 = services.iter().sum();
    names.iter().zip(services).map(|(name, rank)| ((*name).to_owned(), rank * mean)).collect()
}

fn main() {
    let kinds = [
        ("3 times as slow", Fault::Slow),
        ("10 times, in a tenth of its calls", Fault::Rarely),
        ("one of four pods, 5 calls' time more", Fault::OnePod),
    ];
    println!(
        "{FAULTS} faults of each kind, {SERVICES} services; share of faults whose service is named first, and among the first three"
    );
    for (name, fault) in kinds {
        let mut right: BTreeMap<&str, [u32; 2]> = BTreeMap::new();
        let (mut kept, mut pods, mut seconds, mut spans_read) = (0, 0, 0.0, 0);
        let mut seed = 0;
        while kept < FAULTS {
            seed += 1;
            let mut random = fastrand::Rng::with_seed(seed);
            let services = topology(&mut random);
            let faulty = random.usize(1..SERVICES);
            let before = requests(&services, BEFORE, None, &mut random);
            let during = requests(&services, WHILE, Some((fault, faulty)), &mut random);
            let mut durations: Vec<u64> = Traces::of(&before).durations().collect();
            durations.sort_unstable();
            let threshold = durations[durations.len() * 99 / 100];
            let slow = Traces::of(&during).durations().filter(|nanos| *nanos > threshold).count();
            // A fault that slows no request is none: three times as many slow ones as before.
            if slow < 3 * WHILE / 100 {
                continue;
            }
            kept += 1;
            let faulty = format!("service-{faulty:02}");
            let began = Instant::now();
            let own = ours(&before, &during, threshold);
            seconds += began.elapsed().as_secs_f64();
            spans_read += before.len() + during.len();
            for (method, ranking) in [
                ("1 own time on the critical path", own),
                ("2 total latency", total_latency(&before, &during)),
                ("3 Ochiai of own times", ochiai(&before, &during, threshold)),
                ("4 MicroRank with Ochiai", micro_rank(&before, &during, false)),
                ("5 MicroRank with D*", micro_rank(&before, &during, true)),
            ] {
                let [first, three] = right.entry(method).or_default();
                let place = ranking.iter().position(|name| *name == faulty);
                *first += u32::from(place == Some(0));
                *three += u32::from(place.is_some_and(|place| place < 3));
            }
            let suspects = Traces::of(&during).suspects(threshold);
            pods += u32::from(
                suspects.first().is_some_and(|one| one.service == faulty && one.value.ends_with("-0")),
            );
        }
        println!("{name} ({kept} of {seed} slow requests at all):");
        for (method, [first, three]) in right {
            println!(
                "  {}: {:.2}, {:.2}",
                &method[2..],
                f64::from(first) / FAULTS as f64,
                f64::from(three) / FAULTS as f64
            );
        }
        if matches!(fault, Fault::OnePod) {
            println!("  the pod is the first suspect by Ochiai: {:.2}", f64::from(pods) / FAULTS as f64);
        }
        println!("  {:.1} million spans a second", spans_read as f64 / seconds / 1e6);
    }
}
