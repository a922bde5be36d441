//! Queries of a spec: those with a window to fill in, what they count, and those without.

use super::selector::not_promql;
use crate::{
    Error,
    model::{Counting, LabelName, Query, Window},
};
use promql_parser::parser::{self, Expr, LabelModifier, value::ValueType};
use std::{collections::BTreeSet, time::Duration};

/// Reads a query of a share of bad events, with a window to fill in.
pub(super) fn ratio(text: &str) -> Result<Query, Error> {
    templated(text).map(|(query, _)| query)
}

/// Reads a query without a window to fill in.
pub(super) fn instant(text: &str) -> Result<String, Error> {
    let text = on_one_line(text);
    match parser::parse(&text).map_err(|reason| not_promql(&text, &reason))? {
        Expr::MatrixSelector(_) => Err(Error::new(format!("`{text}` is a range"))
            .with_hint("write what is made of it, such as its mean")),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {
            Err(Error::new(format!("`{text}` is a constant")).with_hint("write a query"))
        }
        parsed => is_vector(&text, &parsed).map(|()| text),
    }
}

/// A window that nobody writes, in place of the one that is to be filled in while a query is checked.
pub(super) const SENTINEL: Duration = Duration::from_secs(7_919);

pub(super) fn sentinel_text() -> String {
    Window::seconds(SENTINEL.as_secs()).to_string()
}

pub(super) fn templated(text: &str) -> Result<(Query, Expr), Error> {
    let text = on_one_line(text);
    // What it counts is known once it has been parsed.
    let query = Query::new(&text, Counting::Level)?;
    let filled = query.over(Window::seconds(SENTINEL.as_secs()));
    let parsed = parser::parse(&filled).map_err(|reason| not_promql(&text, &reason))?;
    is_vector(&text, &parsed)?;
    let mut kinds = Kinds::default();
    kinds.look(&parsed);
    let counting = kinds.counting().map_err(|message| {
        Error::new(format!("`{text}` {message}")).with_hint(
            "count all of it with one of `rate`, `increase`, and `sum_over_time` or `count_over_time`",
        )
    })?;
    Ok((Query::new(&text, counting)?, parsed))
}

/// Refuses numbers, which no rule records.
fn is_vector(text: &str, parsed: &Expr) -> Result<(), Error> {
    if parsed.value_type() == ValueType::Vector {
        return Ok(());
    }
    Err(Error::new(format!("`{text}` is a number without series")).with_hint("put it into `vector(…)`"))
}

/// How the ranges of a query that have its window are counted.
#[derive(Default)]
struct Kinds(BTreeSet<&'static str>);

impl Kinds {
    fn look(&mut self, expr: &Expr) {
        match expr {
            Expr::Call(call) => {
                for argument in &call.args.args {
                    match &**argument {
                        Expr::MatrixSelector(range) if range.range == SENTINEL => {
                            self.0.insert(call.func.name);
                        }
                        Expr::Subquery(range) if range.range == SENTINEL => {
                            self.0.insert(call.func.name);
                            self.look(&range.expr);
                        }
                        other => self.look(other),
                    }
                }
            }
            Expr::Aggregate(aggregate) => self.look(&aggregate.expr),
            Expr::Unary(unary) => self.look(&unary.expr),
            Expr::Binary(binary) => {
                self.look(&binary.lhs);
                self.look(&binary.rhs);
            }
            Expr::Paren(inner) => self.look(&inner.expr),
            Expr::Subquery(subquery) => self.look(&subquery.expr),
            _ => {}
        }
    }

    fn counting(&self) -> Result<Counting, &'static str> {
        let kind = |name: &str| match name {
            "rate" | "irate" | "deriv" => Counting::PerSecond,
            "increase" | "delta" | "idelta" => Counting::PerWindow,
            "sum_over_time" | "count_over_time" | "changes" | "resets" => Counting::Samples,
            _ => Counting::Level,
        };
        let mut kinds = self.0.iter().map(|name| kind(name));
        match kinds.next() {
            None => Err("has no range of the window"),
            Some(first) if kinds.all(|other| other == first) => Ok(first),
            Some(_) => Err("counts in several ways"),
        }
    }
}

/// The expression without parentheses around it.
pub(super) fn strip(expr: &Expr) -> &Expr {
    match expr {
        Expr::Paren(inner) => strip(&inner.expr),
        other => other,
    }
}

/// The expression without `or vector(0)` after it: what does not exist is none anyway.
pub(super) fn without_zero(expr: &Expr) -> &Expr {
    match strip(expr) {
        Expr::Binary(binary) if binary.op.to_string() == "or" && binary.rhs.to_string() == "vector(0)" => {
            without_zero(&binary.lhs)
        }
        other => other,
    }
}

/// The labels of a query's values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// Just these, in the order of their names.
    Labels(BTreeSet<String>),
    /// Those of its series, or all but some.
    Unknown,
}

impl Kept {
    fn of(expr: &Expr) -> Option<Self> {
        match expr {
            Expr::Paren(inner) => Self::of(&inner.expr),
            Expr::Unary(unary) => Self::of(&unary.expr),
            // A number has no labels that matter.
            Expr::NumberLiteral(_) => None,
            Expr::Aggregate(aggregate) => Some(match &aggregate.modifier {
                None => Self::Labels(BTreeSet::new()),
                Some(LabelModifier::Include(labels)) => Self::Labels(labels.labels.iter().cloned().collect()),
                Some(LabelModifier::Exclude(_)) => Self::Unknown,
            }),
            Expr::Binary(binary) => {
                match (Self::of(without_zero(&binary.lhs)), Self::of(without_zero(&binary.rhs))) {
                    (Some(one), Some(other)) if one == other => Some(one),
                    (Some(_), Some(_)) => Some(Self::Unknown),
                    (one, other) => one.or(other),
                }
            }
            Expr::Call(call) if call.func.name == "vector" => None,
            Expr::Call(call) => {
                let mut arguments = call.args.args.iter().filter_map(|argument| Self::of(argument));
                Some(arguments.next().unwrap_or(Self::Unknown))
            }
            _ => Some(Self::Unknown),
        }
    }

    /// The labels as those that an SLO is split by; `None` where they are not known.
    pub(super) fn names(&self) -> Option<Vec<LabelName>> {
        match self {
            Self::Labels(labels) => labels.iter().map(|label| label.parse().ok()).collect(),
            Self::Unknown => None,
        }
    }
}

/// What a query with a window to fill in counts.
pub(super) fn counting(text: &str) -> Option<Counting> {
    templated(text).ok().map(|(query, _)| query.counting())
}

/// The labels of the values of a query with a window to fill in.
pub(super) fn kept(text: &str) -> Kept {
    let parsed = templated(text).ok();
    parsed.and_then(|(_, parsed)| Kept::of(without_zero(&parsed))).unwrap_or(Kept::Unknown)
}

/// Refuses a query that counts only where a condition holds: it would be asked of every tile, not of the window.
pub(super) fn check_unconditional(parsed: &Expr) -> Result<(), Error> {
    match parsed {
        Expr::Binary(binary) if binary.op.is_comparison_operator() && !binary.return_bool() => {
            Err(Error::new("a query of events with a comparison, which would be asked of every tile").with_hint(
                "drop it; `alerting: {low_traffic: guard}` keeps a few failures of a quiet service from paging",
            ))
        }
        Expr::Binary(binary) => {
            check_unconditional(&binary.lhs)?;
            check_unconditional(&binary.rhs)
        }
        Expr::Paren(inner) => check_unconditional(&inner.expr),
        Expr::Unary(unary) => check_unconditional(&unary.expr),
        Expr::Aggregate(aggregate) => check_unconditional(&aggregate.expr),
        Expr::Call(call) => call.args.args.iter().try_for_each(|argument| check_unconditional(argument)),
        // Within a subquery, it is asked of every step.
        _ => Ok(()),
    }
}

/// Refuses a query whose values have lost a label that the SLO is split by: its events would be those of no group.
pub(super) fn check_kept(parsed: &Expr, by: &[LabelName]) -> Result<(), Error> {
    let Some(Kept::Labels(labels)) = Kept::of(without_zero(parsed)) else { return Ok(()) };
    match by.iter().find(|label| !labels.contains(label.as_str())) {
        None => Ok(()),
        Some(label) => Err(Error::new(format!("the query does not keep the label `{label}` of `by`"))
            .with_hint(format!("write `sum by ({label}) (…)`"))),
    }
}

/// A query without comments and line breaks.
pub(super) fn on_one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    let mut quote = None;
    let mut characters = text.trim().chars().peekable();
    while let Some(character) = characters.next() {
        match (quote, character) {
            (Some(_), '\\') if quote != Some('`') => {
                line.push(character);
                line.extend(characters.next());
                continue;
            }
            (Some(open), _) if open == character => quote = None,
            (None, '"' | '\'' | '`') => quote = Some(character),
            (None, '#') => {
                while characters.next_if(|character| *character != '\n').is_some() {}
                continue;
            }
            (None, space) if space.is_whitespace() => {
                if !line.ends_with(' ') {
                    line.push(' ');
                }
                continue;
            }
            _ => {}
        }
        line.push(character);
    }
    // Between brackets, a space is only noise.
    line.trim_end().to_owned()
}
