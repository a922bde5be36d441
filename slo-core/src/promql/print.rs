//! The only printer of PromQL, with parentheses, escapes and line breaks.

use super::{Aggregation, BinaryOp, Expr, Function, Matching, Range, RangeFunction};
use crate::model::{LabelName, Ratio, Window};
use std::fmt::{self, Write};

impl fmt::Display for Expr {
    /// On one line; with `{:#}`, in indented lines if it is longer than 100 characters.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            let mut text = String::new();
            self.write_lines(&mut text);
            return f.write_str(&text);
        }
        self.write_line(f)
    }
}

impl Expr {
    /// Appends it, in indented lines if it is longer than 100 characters.
    pub(crate) fn write_lines(&self, out: &mut String) {
        // Writing to a string cannot fail.
        let _infallible = write_broken(self, 0, out);
    }

    /// The expression as a format for a Go template's `printf`, and the labels whose quoted values (`%q`) are
    /// its arguments, in order.
    pub(crate) fn to_template(&self) -> (String, Vec<LabelName>) {
        let mut template = Template { text: String::with_capacity(128), arguments: Vec::new() };
        // Writing to a string cannot fail.
        let _infallible = self.write_line(&mut template);
        // Without arguments, the text is not a format.
        if template.arguments.is_empty() && template.text.contains('%') {
            template.text = template.text.replace("%%", "%");
        }
        (template.text, template.arguments)
    }

    fn write_line(&self, out: &mut impl Output) -> fmt::Result {
        match self {
            Self::Number(ratio) => write_number(*ratio, out),
            Self::OfGroup { selector, by } => {
                selector.write_open(out)?;
                let mut is_open = !selector.matchers().is_empty();
                for label in by {
                    out.write_group(label, &mut is_open)?;
                }
                out.write_str(if is_open { "}" } else { "" })
            }
            Self::Instant { selector, offset } => {
                selector.write_to(out)?;
                write_offset(*offset, out)
            }
            Self::OverRange { function, range } => {
                out.write_str(function.as_str())?;
                out.write_char('(')?;
                write_range(range, out)?;
                out.write_char(')')
            }
            Self::AtEnd(selector) => {
                selector.write_to(out)?;
                out.write_str(" @ end()")
            }
            Self::Variable(text) => out.write_str(text),
            Self::Query(text) => out.write_str(text),
            Self::Call { function, arguments } => {
                out.write_str(function.as_str())?;
                out.write_char('(')?;
                for (index, argument) in arguments.iter().enumerate() {
                    out.write_str(if index == 0 { "" } else { ", " })?;
                    argument.write_line(out)?;
                }
                out.write_char(')')
            }
            Self::OverSubquery { function, operand, window, step } => {
                out.write_str(function.as_str())?;
                out.write_str("((")?;
                operand.write_line(out)?;
                out.write_str(")")?;
                write_steps(*window, *step, out)?;
                out.write_char(')')
            }
            Self::Renamed { operand, from, to } => {
                out.write_str("label_replace(")?;
                operand.write_line(out)?;
                write_renaming(from, to, out)
            }
            Self::Aggregate { op, by, operand } => {
                write_aggregation(*op, by, out)?;
                out.write_char('(')?;
                operand.write_line(out)?;
                out.write_char(')')
            }
            Self::Binary { op, matching, left, right } => {
                write_operand(left, left.needs_parentheses(*op, false), out)?;
                out.write_char(' ')?;
                write_operator(*op, matching, out)?;
                write_operand(right, right.needs_parentheses(*op, true), out)
            }
        }
    }

    /// Whether it needs parentheses as an operand of `parent`: if it binds looser, if it is on the right and
    /// binds equally (all of these operators associate to the left), and, for readability, if it is a set
    /// operation within another operation.
    fn needs_parentheses(&self, parent: BinaryOp, is_right: bool) -> bool {
        match self {
            Self::Binary { op, .. } => {
                let (own, outer) = (op.precedence(), parent.precedence());
                own < outer || (own == outer && is_right) || (op.is_set() && *op != parent)
            }
            Self::Number(ratio) => parent.precedence() >= 4 && ratio.to_decimal().is_none(),
            Self::Query(_) => true,
            _ => false,
        }
    }
}

/// An output for PromQL.
trait Output: Write {
    /// Adds a matcher for the value that a template fills in for `label`; nothing if this is not a template.
    fn write_group(&mut self, _label: &LabelName, _is_open: &mut bool) -> fmt::Result {
        Ok(())
    }
}

impl Output for fmt::Formatter<'_> {}
impl Output for String {}
impl Output for Fitting<'_> {}

/// The format of a Go template's `printf`.
struct Template {
    text: String,
    arguments: Vec<LabelName>,
}

impl Write for Template {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (index, part) in text.split('%').enumerate() {
            self.text.push_str(if index == 0 { "" } else { "%%" });
            self.text.push_str(part);
        }
        Ok(())
    }

    fn write_char(&mut self, character: char) -> fmt::Result {
        self.text.push(character);
        if character == '%' {
            self.text.push(character);
        }
        Ok(())
    }
}

impl Output for Template {
    fn write_group(&mut self, label: &LabelName, is_open: &mut bool) -> fmt::Result {
        self.text.push(if std::mem::replace(is_open, true) { ',' } else { '{' });
        self.arguments.push(label.clone());
        // `%q` quotes a value as PromQL does.
        write!(self.text, "{label}=%q")
    }
}

fn write_operand(operand: &Expr, parenthesised: bool, out: &mut impl Output) -> fmt::Result {
    if !parenthesised {
        return operand.write_line(out);
    }
    out.write_char('(')?;
    operand.write_line(out)?;
    out.write_char(')')
}

fn write_number(ratio: Ratio, out: &mut impl Write) -> fmt::Result {
    match ratio.to_decimal() {
        Some(decimal) => out.write_str(&decimal),
        None => write!(out, "{} / {}", ratio.numerator(), ratio.denominator()),
    }
}

fn write_offset(offset: Option<Window>, out: &mut impl Write) -> fmt::Result {
    let Some(offset) = offset else { return Ok(()) };
    out.write_str(" offset ")?;
    offset.write_to(out)
}

fn write_range(range: &Range, out: &mut impl Write) -> fmt::Result {
    range.selector.write_to(out)?;
    out.write_char('[')?;
    range.window.write_to(out)?;
    out.write_str(if range.is_anchored { "] anchored" } else { "]" })?;
    write_offset(range.offset, out)
}

fn write_steps(window: Window, step: Window, out: &mut impl Write) -> fmt::Result {
    out.write_char('[')?;
    window.write_to(out)?;
    out.write_char(':')?;
    step.write_to(out)?;
    out.write_char(']')
}

fn write_aggregation(op: Aggregation, by: &[LabelName], out: &mut impl Write) -> fmt::Result {
    out.write_str(op.as_str())?;
    if by.is_empty() {
        return Ok(());
    }
    out.write_str(" by (")?;
    write_names(by, out)?;
    out.write_str(") ")
}

/// The arguments of `label_replace` after the first.
fn write_renaming(from: &LabelName, to: &LabelName, out: &mut impl Write) -> fmt::Result {
    write!(out, ", \"{to}\", \"$1\", \"{from}\", \"(.*)\")")
}

/// The operator, its matching, and a space.
fn write_operator(op: BinaryOp, matching: &Matching, out: &mut impl Write) -> fmt::Result {
    out.write_str(op.as_str())?;
    let (word, labels, end) = match matching {
        Matching::All => return out.write_char(' '),
        Matching::On(labels) => (" on (", labels, ") "),
        Matching::OnManyToOne(labels) => (" on (", labels, ") group_left () "),
        Matching::Ignoring(labels) => (" ignoring (", labels, ") "),
    };
    out.write_str(word)?;
    write_names(labels, out)?;
    out.write_str(end)
}

fn write_names(names: &[LabelName], out: &mut impl Write) -> fmt::Result {
    for (index, name) in names.iter().enumerate() {
        out.write_str(if index == 0 { "" } else { ", " })?;
        out.write_str(name.as_str())?;
    }
    Ok(())
}

/// Bytes that fit a line of a rule file.
const LINE: usize = 100;

fn write_broken(expr: &Expr, indent: usize, out: &mut String) -> fmt::Result {
    let start = out.len();
    if expr.write_line(&mut Fitting { out, left: LINE.saturating_sub(indent) }).is_ok() {
        return Ok(());
    }
    out.truncate(start);
    match expr {
        Expr::Aggregate { op, by, operand } => {
            write_aggregation(*op, by, out)?;
            write_block(operand, indent, out)
        }
        Expr::Call { function, arguments } if !arguments.is_empty() => {
            out.push_str(function.as_str());
            out.push('(');
            for (index, argument) in arguments.iter().enumerate() {
                out.push_str(if index == 0 { "" } else { "," });
                new_line(indent + 2, out);
                write_broken(argument, indent + 2, out)?;
            }
            new_line(indent, out);
            out.push(')');
            Ok(())
        }
        Expr::Renamed { operand, from, to } => {
            out.push_str("label_replace(");
            new_line(indent + 2, out);
            write_broken(operand, indent + 2, out)?;
            write_renaming(from, to, out)
        }
        Expr::OverSubquery { function, operand, window, step } => {
            out.push_str(function.as_str());
            out.push('(');
            write_block(operand, indent, out)?;
            write_steps(*window, *step, out)?;
            out.push(')');
            Ok(())
        }
        Expr::Binary { op, matching, left, right } => {
            write_broken_operand(left, left.needs_parentheses(*op, false), indent, out)?;
            new_line(indent, out);
            write_operator(*op, matching, out)?;
            write_broken_operand(right, right.needs_parentheses(*op, true), indent, out)
        }
        _ => expr.write_line(out),
    }
}

/// A writer that fails when its line is full.
struct Fitting<'a> {
    out: &'a mut String,
    // Bytes that still fit.
    left: usize,
}

impl Write for Fitting<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.left = self.left.checked_sub(text.len()).ok_or(fmt::Error)?;
        self.out.push_str(text);
        Ok(())
    }
}

fn write_broken_operand(operand: &Expr, parenthesised: bool, indent: usize, out: &mut String) -> fmt::Result {
    let start = out.len();
    let mut line = Fitting { out, left: (LINE - 10).saturating_sub(indent) };
    if write_operand(operand, parenthesised, &mut line).is_ok() {
        return Ok(());
    }
    out.truncate(start);
    if parenthesised { write_block(operand, indent, out) } else { write_broken(operand, indent, out) }
}

fn write_block(expr: &Expr, indent: usize, out: &mut String) -> fmt::Result {
    out.push('(');
    new_line(indent + 2, out);
    write_broken(expr, indent + 2, out)?;
    new_line(indent, out);
    out.push(')');
    Ok(())
}

fn new_line(indent: usize, out: &mut String) {
    out.push('\n');
    out.extend(std::iter::repeat_n(' ', indent));
}

impl BinaryOp {
    /// PromQL's precedence, loosest first.
    const fn precedence(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And | Self::Unless => 2,
            Self::Equal
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::GreaterBool
            | Self::GreaterOrEqualBool
            | Self::LessBool
            | Self::LessOrEqualBool => 3,
            Self::Add | Self::Subtract => 4,
            Self::Multiply | Self::Divide => 5,
        }
    }

    const fn is_set(self) -> bool {
        self.precedence() <= 2
    }
}

impl BinaryOp {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Unless => "unless",
            Self::Equal => "==",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::GreaterBool => "> bool",
            Self::GreaterOrEqualBool => ">= bool",
            Self::LessBool => "< bool",
            Self::LessOrEqualBool => "<= bool",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
        }
    }
}

impl Function {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Abs => "abs",
            Self::Absent => "absent",
            Self::ClampMin => "clamp_min",
            Self::ClampMax => "clamp_max",
            Self::HistogramCount => "histogram_count",
            Self::HistogramFraction => "histogram_fraction",
            Self::Scalar => "scalar",
            Self::Time => "time",
            Self::Timestamp => "timestamp",
            Self::Vector => "vector",
        }
    }
}

impl RangeFunction {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Increase => "increase",
            Self::Rate => "rate",
            Self::Resets => "resets",
            Self::AvgOverTime => "avg_over_time",
            Self::SumOverTime => "sum_over_time",
            Self::CountOverTime => "count_over_time",
            Self::LastOverTime => "last_over_time",
            Self::MinOverTime => "min_over_time",
            Self::MaxOverTime => "max_over_time",
        }
    }
}

impl Aggregation {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Count => "count",
            Self::Avg => "avg",
            Self::Max => "max",
            Self::Min => "min",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{MatchOp, Selector};
    use proptest::prelude::*;

    fn leaf() -> impl Strategy<Value = Expr> {
        let selector = ("[a-z_:][a-z0-9_:]{0,8}", ".{0,6}").prop_map(|(name, value)| {
            let name = if ["on", "by", "or", "and", "sum", "offset", "unless", "bool", "inf", "nan"]
                .contains(&name.as_str())
            {
                "m".to_owned()
            } else {
                name
            };
            Selector::new(name).unwrap().matching("l", MatchOp::NotEqual, value).unwrap()
        });
        let window = (1..10_000_000_u64).prop_map(|millis| Window::from_millis(millis).unwrap());
        prop_oneof![
            (0..1_000_u128, 1..40_u128).prop_map(|(p, q)| Expr::vector(Ratio::new(p, q).unwrap())),
            Just(Expr::Query("sum(a) - b".to_owned())),
            selector.clone().prop_map(Expr::AtEnd),
            (selector.clone(), prop::option::of(window.clone()))
                .prop_map(|(selector, offset)| Expr::Instant { selector, offset }),
            (selector, window, prop_oneof![Just(RangeFunction::Increase), Just(RangeFunction::SumOverTime)])
                .prop_map(|(selector, window, function)| Range::new(selector, window).apply(function)),
        ]
    }

    fn expr() -> impl Strategy<Value = Expr> {
        leaf().prop_recursive(5, 40, 2, |inner| {
            let op = prop_oneof![
                Just(BinaryOp::Or),
                Just(BinaryOp::And),
                Just(BinaryOp::Unless),
                Just(BinaryOp::Greater),
                Just(BinaryOp::LessOrEqualBool),
                Just(BinaryOp::Add),
                Just(BinaryOp::Subtract),
                Just(BinaryOp::Multiply),
                Just(BinaryOp::Divide),
            ];
            let label = || LabelName::from_static("l");
            let matching = prop_oneof![
                Just(Matching::All),
                Just(Matching::On(vec![label()])),
                Just(Matching::Ignoring(vec![label(), label()])),
            ];
            prop_oneof![
                (inner.clone(), prop::collection::vec("[a-z]{1,5}", 0..3)).prop_map(|(operand, labels)| {
                    Expr::Aggregate {
                        op: Aggregation::Sum,
                        by: labels.iter().map(|label| format!("l_{label}").parse().unwrap()).collect(),
                        operand: Box::new(operand),
                    }
                }),
                inner.clone().prop_map(|operand| operand.clamp_min(Ratio::ONE)),
                inner.clone().prop_map(|operand| Expr::Renamed {
                    operand: Box::new(operand),
                    from: LabelName::from_static("service"),
                    to: LabelName::from_static("exported_service"),
                }),
                inner.clone().prop_map(|operand| Expr::OverSubquery {
                    function: RangeFunction::SumOverTime,
                    operand: Box::new(operand),
                    window: Window::hours(1),
                    step: Window::minutes(5),
                }),
                (op, matching, inner.clone(), inner)
                    .prop_map(|(op, matching, left, right)| left.binary(op, matching, right)),
            ]
        })
    }

    impl Expr {
        /// Every operation in parentheses: a text whose structure cannot be read two ways.
        fn explicit(&self) -> String {
            match self {
                Self::Binary { op, matching, left, right } => {
                    let mut operator = String::new();
                    write_operator(*op, matching, &mut operator).unwrap();
                    format!("({} {operator}{})", left.explicit(), right.explicit())
                }
                Self::Call { function, arguments } => {
                    let arguments: Vec<String> = arguments.iter().map(Self::explicit).collect();
                    format!("{}({})", function.as_str(), arguments.join(", "))
                }
                Self::OverSubquery { function, operand, window, step } => {
                    format!("{}(({})[{window}:{step}])", function.as_str(), operand.explicit())
                }
                Self::Query(text) => format!("({text})"),
                Self::Renamed { operand, from, to } => {
                    format!("label_replace({}, \"{to}\", \"$1\", \"{from}\", \"(.*)\")", operand.explicit())
                }
                Self::Aggregate { op, by, operand } => {
                    let mut aggregation = String::new();
                    write_aggregation(*op, by, &mut aggregation).unwrap();
                    format!("{aggregation}({})", operand.explicit())
                }
                leaf => leaf.to_string(),
            }
        }
    }

    /// The independent parser's reading, without the parentheses that carry no meaning.
    fn structure(text: &str) -> String {
        use promql_parser::parser::{Expr as Parsed, parse};
        fn strip(expr: Parsed) -> Parsed {
            match expr {
                Parsed::Paren(inner) => strip(*inner.expr),
                Parsed::Binary(mut binary) => {
                    binary.lhs = Box::new(strip(*binary.lhs));
                    binary.rhs = Box::new(strip(*binary.rhs));
                    Parsed::Binary(binary)
                }
                Parsed::Aggregate(mut aggregate) => {
                    aggregate.expr = Box::new(strip(*aggregate.expr));
                    Parsed::Aggregate(aggregate)
                }
                Parsed::Call(mut call) => {
                    for argument in &mut call.args.args {
                        **argument = strip((**argument).clone());
                    }
                    Parsed::Call(call)
                }
                Parsed::Subquery(mut subquery) => {
                    subquery.expr = Box::new(strip(*subquery.expr));
                    Parsed::Subquery(subquery)
                }
                other => other,
            }
        }
        format!("{:?}", strip(parse(text).unwrap_or_else(|error| panic!("{error}: {text}"))))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        #[test]
        fn prints_what_an_independent_parser_reads_back(expr in expr()) {
            let meant = structure(&expr.explicit());
            prop_assert_eq!(structure(&expr.to_string()), meant.clone(), "{}", expr);
            prop_assert_eq!(structure(&format!("{expr:#}")), meant, "{:#}", expr);
        }
    }

    #[test]
    fn a_number_without_decimals_is_an_exact_quotient() {
        let third = Expr::Number(Ratio::new(1, 3).unwrap());
        let metric = || Expr::from(Selector::new("m").unwrap());
        assert_eq!(metric().greater(third.clone()).to_string(), "m > 1 / 3");
        assert_eq!(metric().div(third).to_string(), "m / (1 / 3)");
    }
}
