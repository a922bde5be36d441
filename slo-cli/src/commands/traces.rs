//! `slo traces`

use crate::{
    args::{Format, Traces as Args},
    error::Error,
    load, table, text,
};
use serde_json::json;
use slo_core::{model::Sli, plain};
use slo_ops::traces::{Attribution, Baseline, ErrorOrigin, Part, Span, Suspect, Traces, read};
use slo_server::logs::open;
use std::{
    fmt,
    io::{Read, Write},
    path::PathBuf,
};

pub(super) fn run(args: &Args, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let (of_slo, service) = match &args.slo {
        Some(slo) => threshold_of(args, slo, talk)?,
        None => (args.threshold.map(|threshold| threshold.as_millis().saturating_mul(1_000_000)), None),
    };
    let service = args.service.clone().or(service);
    let spans = all(&args.files)?;
    let traces = Traces::of(&spans).to_service(service.as_deref());
    let before = all(&args.baseline)?;
    let before = Traces::of(&before).to_service(service.as_deref());
    for (traces, what) in [(&traces, "spans"), (&before, "spans of the baseline")] {
        if traces.orphans() > 0 {
            writeln!(
                talk,
                "{} {what} do not lead to a request, such as those whose parents are missing",
                traces.orphans()
            )?;
        }
    }
    if traces.is_empty() {
        let of = service.map_or_else(String::new, |service| format!(" to {service}"));
        return Err(Error::Input(format!("there is no request{of} in these files")));
    }
    let baseline = if args.baseline.is_empty() { Baseline::Good } else { Baseline::Before(&before) };
    let threshold =
        of_slo.unwrap_or_else(|| slowest(if args.baseline.is_empty() { &traces } else { &before }));
    let slow = traces.durations().filter(|nanos| *nanos > threshold).count();
    let attribution = if slow == 0 { None } else { Some(traces.attribution(threshold, baseline)) };
    let attribution = match attribution.transpose() {
        Ok(attribution) => attribution,
        // Where errors come from is known all the same.
        Err(error) => {
            writeln!(talk, "{}", Error::from(error))?;
            None
        }
    };
    let (errors, suspects) = (traces.error_origins(), traces.suspects(threshold));
    if args.output.format == Format::Json {
        return text::json(
            out,
            &json!({
                "requests": traces.len(),
                "threshold_seconds": threshold as f64 / 1e9,
                "attribution": attribution,
                "errors": errors.iter().take(args.top).collect::<Vec<_>>(),
                "suspects": suspects.iter().take(args.top).collect::<Vec<_>>(),
            }),
        );
    }
    writeln!(
        out,
        "{} requests, {slow} of them slower than {}",
        traces.len(),
        seconds(threshold as f64 / 1e9)
    )?;
    if let Some(attribution) = &attribution {
        write!(out, "{}", attributed(attribution, args.top))?;
    }
    write!(out, "{}{}", origins(&errors, args.top), suspected(&suspects, args.top))?;
    Ok(())
}

/// The spans of all files.
fn all(paths: &[PathBuf]) -> Result<Vec<Span>, Error> {
    let mut spans = Vec::new();
    for path in paths {
        let mut bytes = Vec::new();
        open(path)
            .and_then(|mut input| input.read_to_end(&mut bytes))
            .map_err(|error| Error::file(path, &error))?;
        spans.extend(read(&bytes).map_err(|error| Error::from(error).within(&path.display().to_string()))?);
    }
    Ok(spans)
}

/// The threshold of a latency SLO in nanoseconds, and its service.
fn threshold_of(
    args: &Args,
    key: &str,
    talk: &mut dyn Write,
) -> Result<(Option<u64>, Option<String>), Error> {
    let services = load::services(&args.spec, &args.reading, 1, talk)?;
    let (service, slo) = load::slo(&services, key)?;
    let Sli::Latency(latency) = slo.sli() else {
        return Err(Error::Usage(format!(
            "--slo {key}: it is not of latency\n  hint: give --threshold, such as 250ms"
        )));
    };
    let nanos = latency.threshold().as_millis().saturating_mul(1_000_000);
    Ok((Some(nanos), Some(service.name().to_string())))
}

/// The duration that a twentieth of requests exceeds.
fn slowest(traces: &Traces<'_>) -> u64 {
    let mut durations: Vec<u64> = traces.durations().collect();
    durations.sort_unstable();
    let at = (durations.len() * 19).div_ceil(20).saturating_sub(1);
    durations.get(at).copied().unwrap_or(0)
}

/// Seconds with three digits.
fn seconds(seconds: f64) -> String {
    match seconds.abs() {
        0.0..0.001 => format!("{:.0}µs", seconds * 1e6),
        0.001..0.1 => format!("{:.1}ms", seconds * 1e3),
        0.1..1.0 => format!("{:.0}ms", seconds * 1e3),
        _ => format!("{seconds:.2}s"),
    }
}

fn attributed(attribution: &Attribution, top: usize) -> String {
    let mut text = format!(
        "they take {} on average, {} usually; whose time the extra {} is:\n\n",
        seconds(attribution.slow_seconds),
        seconds(attribution.usual_seconds),
        seconds(attribution.slow_seconds - attribution.usual_seconds)
    );
    if attribution.unknown > 0 {
        text = format!(
            "{} slow requests are of a kind that the baseline does not have\n{text}",
            attribution.unknown
        );
    }
    text += &parts("service", &attribution.services, top);
    text += "\n";
    text += &parts("operation", &attribution.operations, top);
    text
}

fn parts<T: fmt::Display>(what: &str, parts: &[Part<T>], top: usize) -> String {
    let mut rows = table::new(&[what, "share", "95 %", "extra", "usually"]);
    for part in parts.iter().take(top) {
        rows.add_row([
            plain(&part.of.to_string()).into_owned(),
            format!("{:.0}%", part.share * 100.0),
            part.interval.map_or_else(
                || "-".to_owned(),
                |[low, high]| format!("{:.0}–{:.0}%", low * 100.0, high * 100.0),
            ),
            seconds(part.extra_seconds),
            seconds(part.usual_seconds),
        ]);
    }
    table::lines(&rows)
}

fn origins(errors: &[ErrorOrigin], top: usize) -> String {
    if errors.is_empty() {
        return String::new();
    }
    let mut rows = table::new(&["failed first", "requests", "share"]);
    for error in errors.iter().take(top) {
        rows.add_row([
            plain(&error.operation.to_string()).into_owned(),
            error.requests.to_string(),
            text::percent(Some(error.share), 0),
        ]);
    }
    format!("\n{}", table::lines(&rows))
}

fn suspected(suspects: &[Suspect], top: usize) -> String {
    if suspects.is_empty() {
        return String::new();
    }
    let mut rows = table::new(&["attribute of slow or failed requests", "of", "bad", "requests", "Ochiai"]);
    for suspect in suspects.iter().take(top) {
        rows.add_row([
            plain(&format!("{}={}", suspect.attribute, suspect.value)).into_owned(),
            plain(&suspect.service).into_owned(),
            suspect.bad.to_string(),
            suspect.requests.to_string(),
            format!("{:.2}", suspect.ochiai),
        ]);
    }
    format!("\n{}", table::lines(&rows))
}
