//! Values of options, from text.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use slo_core::{
    artifact::{Channel, GateTarget, ObjectMeta, Target},
    model::{Calendar, CalendarUnit, LabelName, Timestamp},
};
#[cfg(feature = "server")]
use std::net::SocketAddr;
use std::str::FromStr;

/// Parses a value of slo-core; the error includes its hint.
pub(super) fn parsed<T: FromStr<Err = slo_core::Error>>(text: &str) -> Result<T, String> {
    text.parse().map_err(|error| told(&error))
}

/// An IP address with a port.
#[cfg(feature = "server")]
pub(super) fn address(text: &str) -> Result<SocketAddr, String> {
    let refused = || format!("`{text}` is not an IP address with a port\n  hint: write 127.0.0.1:9001");
    text.parse().map_err(|_| refused())
}

pub(super) fn target() -> impl TypedValueParser<Value = Target> {
    let value = |target: Target| PossibleValue::new(target.as_str()).help(target.summary());
    PossibleValuesParser::new(Target::ALL.map(value)).try_map(|name| name.parse::<Target>())
}

/// What `slo generate` writes for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Written {
    Rules(Target),
    Gates(GateTarget),
}

pub(super) fn written() -> impl TypedValueParser<Value = Written> {
    let rules = Target::ALL.map(|target| PossibleValue::new(target.as_str()).help(target.summary()));
    let gates = GateTarget::ALL.map(|target| PossibleValue::new(target.as_str()).help(target.summary()));
    PossibleValuesParser::new(rules.into_iter().chain(gates))
        .try_map(|name| name.parse().map(Written::Rules).or_else(|_| name.parse().map(Written::Gates)))
}

impl std::fmt::Display for Written {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rules(target) => target.fmt(f),
            Self::Gates(target) => target.fmt(f),
        }
    }
}

/// The help of an option for channels.
pub(super) fn channels(what: &str) -> String {
    let examples: Vec<_> = Channel::examples().collect();
    format!("{what}, such as {}; {{team}} is the team; may be given several times", examples.join(", "))
}

fn told(error: &slo_core::Error) -> String {
    match error.hint() {
        Some(hint) => format!("{error}\n  hint: {hint}"),
        None => error.to_string(),
    }
}

pub(super) fn glob(text: &str) -> Result<glob::Pattern, String> {
    glob::Pattern::new(text)
        .map_err(|error| format!("{error}\n  hint: write `*` within a name, `**` for folders"))
}

pub(super) fn label(text: &str) -> Result<(LabelName, String), String> {
    let (name, value) = text.split_once('=').ok_or("not a label\n  hint: write it as `team=payments`")?;
    Ok((parsed(name)?, value.to_owned()))
}

pub(super) fn host_and_port(text: &str) -> Result<String, String> {
    let is_whole =
        text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    if is_whole {
        Ok(text.to_owned())
    } else {
        Err("not a host with a port\n  hint: write `mail.example.org:587`".to_owned())
    }
}

/// A label of a Kubernetes object, whose names have dots and slashes.
pub(super) fn object_label(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or("not a label\n  hint: write it as `release=prometheus`")?;
    ObjectMeta::new(None, [(name.to_owned(), value.to_owned())].into()).map_err(|error| told(&error))?;
    Ok((name.to_owned(), value.to_owned()))
}

pub(super) fn zone(text: &str) -> Result<String, String> {
    let days = Calendar::new(CalendarUnit::Day, text).map_err(|error| told(&error))?;
    Ok(days.zone().to_owned())
}

/// Seconds since the Unix epoch.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let seconds: i64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    seconds.checked_mul(1_000).map(Timestamp::from_millis).ok_or_else(|| "too far away".to_owned())
}

/// Matchers as in PromQL, or without quotes as `name=value`, separated by commas.
#[cfg(feature = "server")]
pub(super) fn matchers(text: &str) -> Result<String, String> {
    let quoted = if text.contains('"') || text.contains('\'') {
        text.to_owned()
    } else {
        let all = text.split(',').map(|part| {
            let part = part.trim();
            let (name, sign, value) = ["=~", "!=", "!~", "="]
                .into_iter()
                .filter_map(|sign| part.find(sign).map(|at| (at, sign)))
                .min_by_key(|(at, sign)| (*at, std::cmp::Reverse(sign.len())))
                .and_then(|(at, sign)| Some((part.get(..at)?, sign, part.get(at + sign.len()..)?)))
                .ok_or("not a label\n  hint: write it as `version=2`, or as in PromQL: 'version=\"2\"'")?;
            Ok(format!("{}{sign}\"{}\"", name.trim(), value.trim()))
        });
        all.collect::<Result<Vec<_>, String>>()?.join(",")
    };
    slo_core::spec::matchers(&quoted).map_err(|error| {
        format!("{error}\n  hint: write `version=2`; with quotes, as in PromQL, every value needs them: 'version=\"2\",zone!=\"a\"'")
    })?;
    Ok(quoted)
}

/// `BAD/TOTAL`
#[cfg(feature = "server")]
pub(super) fn counts(text: &str) -> Result<slo_core::math::Tally, String> {
    let wrong = || "not counts\n  hint: write 3/1000 for 3 bad events of 1000".to_owned();
    let (bad, total) = text.split_once('/').ok_or_else(wrong)?;
    let count = |text: &str| text.trim().parse::<u64>().map_err(|_| wrong());
    slo_core::math::Tally::new(count(total)?, count(bad)?).map_err(|error| told(&error))
}

/// A number, of which its user says what it may be.
#[cfg(feature = "server")]
pub(super) fn number(text: &str) -> Result<f64, String> {
    text.parse::<slo_core::model::Ratio>().map(slo_core::model::Ratio::to_f64).map_err(|error| told(&error))
}

/// A percentage as a share.
#[cfg(feature = "server")]
pub(super) fn percentage(text: &str) -> Result<f64, String> {
    let percent = text.strip_suffix('%').ok_or("not a percentage\n  hint: write 1%")?;
    Ok(number(percent.trim_end())? / 100.0)
}
