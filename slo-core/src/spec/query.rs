//! Queries of a specification, with and without a window placeholder, and how they count.

use super::{
    parsed::{SENTINEL, parse, parse_filled},
    selector::plain,
};
use crate::{
    Error,
    model::{Counting, LabelName, Query, Selector, Window},
};
use promql_parser::{
    label::Labels,
    parser::{AggregateExpr, BinaryExpr, Expr, LabelModifier, VectorMatchCardinality, value::ValueType},
};
use std::collections::BTreeSet;

/// Reads a query of the share of bad events, with a window placeholder.
pub(super) fn ratio(text: &str) -> Result<Query, Error> {
    templated(text).map(|(query, _)| query)
}

/// Reads a query without a window placeholder.
pub(super) fn instant(text: &str) -> Result<String, Error> {
    let text = on_one_line(text);
    match parse(&text)? {
        Expr::MatrixSelector(_) => Err(Error::new(format!("`{text}` is a range"))
            .with_hint("apply a function to it, such as `avg_over_time`")),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) => {
            Err(Error::new(format!("`{text}` is a constant")).with_hint("write a query"))
        }
        parsed => is_vector(&text, &parsed).map(|()| text),
    }
}

pub(super) fn templated(text: &str) -> Result<(Query, Expr), Error> {
    let text = on_one_line(text);
    // How it counts is only known after parsing.
    let query = Query::new(&text, Counting::Level)?;
    let filled = query.over(Window::seconds(SENTINEL.as_secs()));
    let parsed = parse_filled(&filled, &text)?;
    is_vector(&text, &parsed)?;
    let mut kinds = Kinds::default();
    kinds.look(&parsed);
    let counting = kinds.counting().map_err(|message| {
        Error::new(format!("`{text}` {message}")).with_hint(
            "use the same in all ranges: `rate`, `increase`, or `sum_over_time` and `count_over_time`",
        )
    })?;
    Ok((Query::new(&text, counting)?, parsed))
}

/// Refuses expressions that are not instant vectors, because a rule cannot record them.
fn is_vector(text: &str, parsed: &Expr) -> Result<(), Error> {
    if parsed.value_type() == ValueType::Vector {
        return Ok(());
    }
    Err(Error::new(format!("`{text}` is not an instant vector")).with_hint("wrap a number in `vector(…)`"))
}

/// The functions that a query applies to ranges with the window placeholder.
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
            None => Err("has no range with the window"),
            Some(first) if kinds.all(|other| other == first) => Ok(first),
            Some(_) => Err("mixes functions that count differently"),
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

/// The expression without a final `or vector(0)`: a missing series counts as zero anyway.
pub(super) fn without_zero(expr: &Expr) -> &Expr {
    match strip(expr) {
        Expr::Binary(binary) if binary.op.to_string() == "or" && binary.rhs.to_string() == "vector(0)" => {
            without_zero(&binary.lhs)
        }
        other => other,
    }
}

/// The labels in the result of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// None: a number, which matches the labels of any other operand.
    Nothing,
    /// Only these, sorted by name.
    Labels(BTreeSet<String>),
    /// Not known: the labels of its series, perhaps without some of them.
    Unknown,
}

impl Kept {
    fn of(expr: &Expr) -> Self {
        match expr {
            Expr::Paren(inner) => Self::of(&inner.expr),
            Expr::Unary(unary) => Self::of(&unary.expr),
            Expr::Subquery(subquery) => Self::of(&subquery.expr),
            Expr::NumberLiteral(_) | Expr::StringLiteral(_) => Self::Nothing,
            Expr::Aggregate(aggregate) => Self::of_aggregate(aggregate),
            Expr::Binary(binary) => Self::of_binary(binary),
            Expr::Call(call) => match call.func.name {
                "vector" | "time" | "scalar" | "pi" => Self::Nothing,
                "absent" | "absent_over_time" | "label_replace" | "label_join" => Self::Unknown,
                "histogram_quantile" => call.args.args.iter().map(|argument| Self::of(argument)).fold(
                    Self::Nothing,
                    |kept, argument| match argument {
                        Self::Labels(mut labels) => {
                            labels.remove("le");
                            Self::Labels(labels)
                        }
                        Self::Unknown => Self::Unknown,
                        Self::Nothing => kept,
                    },
                ),
                _ => {
                    let kept = call.args.args.iter().map(|argument| Self::of(argument));
                    kept.fold(
                        Self::Nothing,
                        |kept, argument| {
                            if argument == Self::Nothing { kept } else { argument }
                        },
                    )
                }
            },
            Expr::VectorSelector(_) | Expr::MatrixSelector(_) | Expr::Extension(_) => Self::Unknown,
        }
    }

    fn of_aggregate(aggregate: &AggregateExpr) -> Self {
        let op = aggregate.op.to_string();
        if matches!(op.as_str(), "topk" | "bottomk" | "limitk" | "limit_ratio") {
            return Self::of(&aggregate.expr);
        }
        if op == "count_values" {
            return Self::Unknown;
        }
        match &aggregate.modifier {
            None => Self::Labels(BTreeSet::new()),
            Some(LabelModifier::Include(labels)) => Self::Labels(labels.labels.iter().cloned().collect()),
            Some(LabelModifier::Exclude(without)) => match Self::of(&aggregate.expr) {
                Self::Labels(mut labels) => {
                    labels.retain(|label| !without.labels.contains(label));
                    Self::Labels(labels)
                }
                other => other,
            },
        }
    }

    fn of_binary(binary: &BinaryExpr) -> Self {
        let (left, right) = (Self::of(without_zero(&binary.lhs)), Self::of(without_zero(&binary.rhs)));
        let op = binary.op.to_string();
        if matches!(op.as_str(), "and" | "unless") {
            return left;
        }
        let modifier = binary.modifier.as_ref();
        let of_many = |many: Self, more: &Labels| match many {
            Self::Labels(mut labels) => {
                labels.extend(more.labels.iter().cloned());
                Self::Labels(labels)
            }
            other => other,
        };
        match (
            modifier.map(|modifier| &modifier.card),
            modifier.and_then(|modifier| modifier.matching.as_ref()),
        ) {
            (Some(VectorMatchCardinality::ManyToOne(more)), _) => of_many(left, more),
            (Some(VectorMatchCardinality::OneToMany(more)), _) => of_many(right, more),
            (Some(VectorMatchCardinality::OneToOne), Some(LabelModifier::Include(on)))
                if left != Self::Nothing && right != Self::Nothing =>
            {
                Self::Labels(on.labels.iter().cloned().collect())
            }
            _ => match (left, right) {
                (Self::Nothing, one) | (one, Self::Nothing) => one,
                (one, other) if one == other => one,
                _ => Self::Unknown,
            },
        }
    }

    /// The labels as the `by` of an SLO; none if they are not known.
    pub(super) fn names(&self) -> Vec<LabelName> {
        match self {
            Self::Labels(labels) => labels.iter().filter_map(|label| label.parse().ok()).collect(),
            Self::Nothing | Self::Unknown => Vec::new(),
        }
    }
}

/// The counter of a plain `sum(rate(…))` or `sum(increase(…))` over the window. It avoids `promql-parser`,
/// which takes longer than all other steps of reading and writing together.
pub(super) fn plain_rate(text: &str) -> Option<(Counting, Selector)> {
    let text = text.trim();
    let (counting, inner) = match text.strip_prefix("sum(rate(") {
        Some(inner) => (Counting::PerSecond, inner),
        None => (Counting::PerWindow, text.strip_prefix("sum(increase(")?),
    };
    Some((counting, plain(inner.strip_suffix("[{{.window}}]))")?)?))
}

/// How a query with a window placeholder counts.
pub(super) fn counting(text: &str) -> Option<Counting> {
    match plain_rate(text) {
        Some((counting, _)) => Some(counting),
        None => templated(text).ok().map(|(query, _)| query.counting()),
    }
}

/// The labels in the result of a query with a window placeholder, if the text is one.
pub(super) fn kept(text: &str) -> Option<Kept> {
    if plain_rate(text).is_some() {
        return Some(Kept::Labels(BTreeSet::new()));
    }
    let (_, parsed) = templated(text).ok()?;
    Some(Kept::of(without_zero(&parsed)))
}

/// Refuses a query with a condition, because rules would apply it to every tile instead of the window.
pub(super) fn check_unconditional(parsed: &Expr) -> Result<(), Error> {
    match parsed {
        Expr::Binary(binary) if binary.op.is_comparison_operator() && !binary.return_bool() => {
            Err(Error::new("the rules would apply the comparison in this query to every tile").with_hint(
                "remove it; with `alerting: {low_traffic: guard}`, a few failures at low traffic do not page",
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
        // Within a subquery, a comparison applies to every step.
        _ => Ok(()),
    }
}

/// Refuses a query that drops a label of `by`, because its events would belong to no group.
pub(super) fn check_kept(parsed: &Expr, by: &[LabelName]) -> Result<(), Error> {
    let Kept::Labels(labels) = Kept::of(without_zero(parsed)) else { return Ok(()) };
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
