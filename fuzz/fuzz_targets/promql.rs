//! Whatever the expression: what is printed is what an independent parser reads back, on one line and on several, and
//! printing that again changes nothing.
#![no_main]

use arbitrary::{Arbitrary, Unstructured};
use libfuzzer_sys::fuzz_target;
use promql_parser::parser::{self, Expr as Parsed};
use slo_core::{
    model::{LabelName, MatchOp, Ratio, Selector, Window},
    promql::{BinaryOp, Expr, Function, Matching, Range, RangeFunction},
};

fn label(input: &mut Unstructured<'_>) -> arbitrary::Result<LabelName> {
    Ok(input.choose(&["job", "instance", "code", "le"])?.parse().expect("label names"))
}

fn window(input: &mut Unstructured<'_>) -> arbitrary::Result<Window> {
    Ok(Window::from_millis(input.int_in_range(1..=100_000_000_000)?).expect("under ten years"))
}

fn selector(input: &mut Unstructured<'_>) -> arbitrary::Result<Selector> {
    let mut selector = Selector::new(*input.choose(&["m", "a:b", "http_requests_total"])?).expect("metric names");
    for _ in 0..input.int_in_range(0..=3)? {
        let op = *input.choose(&[MatchOp::Equal, MatchOp::NotEqual])?;
        selector = selector.matching(label(input)?.as_str(), op, String::arbitrary(input)?).expect("a label name");
    }
    Ok(selector)
}

fn number(input: &mut Unstructured<'_>) -> arbitrary::Result<Ratio> {
    Ok(Ratio::new(input.int_in_range(0..=100_000)?, input.int_in_range(1..=1_000)?).expect("not zero"))
}

fn vector(input: &mut Unstructured<'_>, depth: usize) -> arbitrary::Result<Expr> {
    let leaf = depth == 0 || input.is_empty();
    Ok(match input.int_in_range(0..=if leaf { 3 } else { 9 })? {
        0 => Expr::Instant { selector: selector(input)?, offset: Option::<bool>::arbitrary(input)?.map(|_| Window::minutes(1)) },
        1 => {
            let function = *input.choose(&[RangeFunction::Rate, RangeFunction::SumOverTime, RangeFunction::Resets])?;
            Range::new(selector(input)?, window(input)?).apply(function)
        }
        2 => Expr::vector(number(input)?),
        3 => Expr::AtEnd(selector(input)?),
        4 => vector(input, depth - 1)?.sum_by(&[label(input)?]),
        5 => vector(input, depth - 1)?.clamp_min(number(input)?),
        6 => Expr::OverSubquery {
            function: RangeFunction::CountOverTime,
            operand: Box::new(vector(input, depth - 1)?),
            window: window(input)?,
            step: window(input)?,
        },
        7 => {
            let op = *input.choose(&[BinaryOp::Greater, BinaryOp::LessOrEqualBool, BinaryOp::Multiply, BinaryOp::Divide])?;
            vector(input, depth - 1)?.binary(op, Matching::All, Expr::Number(number(input)?))
        }
        8 => Expr::Renamed { operand: Box::new(vector(input, depth - 1)?), from: label(input)?, to: label(input)? },
        _ => {
            let ops = [
                BinaryOp::Or, BinaryOp::And, BinaryOp::Unless, BinaryOp::Add, BinaryOp::Subtract, BinaryOp::Multiply,
                BinaryOp::Divide, BinaryOp::Greater, BinaryOp::GreaterBool,
            ];
            let op = *input.choose(&ops)?;
            let matching = match input.int_in_range(0..=2)? {
                0 => Matching::All,
                1 => Matching::On(vec![label(input)?]),
                _ => Matching::Ignoring(vec![label(input)?]),
            };
            vector(input, depth - 1)?.binary(op, matching, vector(input, depth - 1)?)
        }
    })
}

/// Without the parentheses that carry no meaning.
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

/// Every operation in parentheses: a text whose structure cannot be read two ways.
fn explicit(expr: &Expr) -> String {
    match expr {
        Expr::Binary { left, right, .. } => {
            // The printer's own operator, between what cannot be misread.
            let marker = |name: &str| Expr::from(Selector::new(name).expect("a metric name"));
            let (op, matching) = match expr {
                Expr::Binary { op, matching, .. } => (*op, matching.clone()),
                _ => unreachable!(),
            };
            let between = marker("left_side").binary(op, matching, marker("right_side")).to_string();
            let operator = between.strip_prefix("left_side").and_then(|text| text.strip_suffix("right_side")).expect("an operator");
            format!("(({}){operator}({}))", explicit(left), explicit(right))
        }
        Expr::Aggregate { op, by, operand } => {
            let empty = Expr::Aggregate { op: *op, by: by.clone(), operand: Box::new(Selector::new("x").expect("a name").into()) };
            empty.to_string().replace("(x)", &format!("({})", explicit(operand)))
        }
        Expr::Call { function: Function::ClampMin, arguments } => {
            format!("clamp_min({}, {})", explicit(&arguments[0]), arguments[1])
        }
        Expr::Renamed { operand, from, to } => {
            format!("label_replace(({}), \"{to}\", \"$1\", \"{from}\", \"(.*)\")", explicit(operand))
        }
        Expr::OverSubquery { operand, window, step, .. } => {
            format!("count_over_time(({})[{window}:{step}])", explicit(operand))
        }
        leaf => leaf.to_string(),
    }
}

fuzz_target!(|data: &[u8]| {
    let Ok(expr) = vector(&mut Unstructured::new(data), 5) else { return };
    let Ok(meant) = parser::parse(&explicit(&expr)) else { return };
    let meant = strip(meant);
    for text in [expr.to_string(), format!("{expr:#}")] {
        let read = parser::parse(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert_eq!(strip(read.clone()), meant, "{text}");
        // Printed once more, by the parser, and read again: the text stands.
        let printed = read.to_string();
        let again = parser::parse(&printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
        assert_eq!(again.to_string(), printed, "{text}");
    }
});
