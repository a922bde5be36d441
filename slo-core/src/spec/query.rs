//! Queries of a spec: those with a window to fill in, what they count, and those without.

use super::selector::not_promql;
use crate::{
    Error,
    model::{Counting, LabelName, Query, Window},
};
use promql_parser::parser::{self, Expr, LabelModifier};
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
        _ => Ok(text),
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
    let mut kinds = Kinds::default();
    kinds.look(&parsed);
    let counting = kinds.counting().map_err(|message| {
        Error::new(format!("`{text}` {message}")).with_hint(
            "count all of it with one of `rate`, `increase`, and `sum_over_time` or `count_over_time`",
        )
    })?;
    Ok((Query::new(&text, counting)?, parsed))
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

/// The labels that both sides of a query keep when they aggregate, if it is one aggregation.
pub(super) fn grouping(text: &str) -> Vec<LabelName> {
    if !text.contains("by") {
        return Vec::new();
    }
    let Ok((_, parsed)) = templated(text) else { return Vec::new() };
    match without_zero(&parsed) {
        Expr::Aggregate(aggregate) => match &aggregate.modifier {
            Some(LabelModifier::Include(labels)) => {
                labels.labels.iter().filter_map(|label| label.parse().ok()).collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
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
