//! Parses the PromQL of a specification with `promql-parser`, and prints it again.

use crate::{Error, model::Window};
use promql_parser::{
    label::{Matcher, Matchers},
    parser::{self, Expr},
};
use std::time::Duration;

/// An unusual window that stands for the window placeholder while a query is checked.
pub(super) const SENTINEL: Duration = Duration::from_secs(7_919);

/// The deepest nesting of brackets. Trees are walked by recursion, so depth costs stack.
const NESTING: usize = 64;
/// The most operators in a query. A chain of operators is a tree as deep as the chain is long.
const OPERATORS: usize = 500;

/// Reads PromQL.
///
/// # Errors
/// Text that is not PromQL, or a query with too many operators or nested brackets.
pub(super) fn parse(text: &str) -> Result<Expr, Error> {
    parse_filled(text, text)
}

/// Reads `filled`, which is `written` with its window placeholder filled in.
pub(super) fn parse_filled(filled: &str, written: &str) -> Result<Expr, Error> {
    check_size(filled)?;
    parser::parse(filled).map_err(|reason| not_promql(written, &reason))
}

fn check_size(text: &str) -> Result<(), Error> {
    let (mut depth, mut operators, mut quote) = (0_usize, 0_usize, None);
    let mut characters = text.char_indices();
    let mut word_began = None;
    while let Some((at, character)) = characters.next() {
        if let Some(open) = quote {
            match character {
                '\\' if open != '`' => drop(characters.next()),
                _ if character == open => quote = None,
                _ => {}
            }
            continue;
        }
        if character.is_alphanumeric() || character == '_' {
            word_began.get_or_insert(at);
            continue;
        }
        let word = word_began.take().and_then(|began: usize| text.get(began..at));
        operators += usize::from(matches!(word, Some("and" | "or" | "unless" | "atan2")));
        match character {
            '"' | '\'' | '`' => quote = Some(character),
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            '+' | '-' | '*' | '/' | '%' | '^' | '<' | '>' | '=' => operators += 1,
            _ => {}
        }
        if depth > NESTING || operators > OPERATORS {
            let beginning: String = text.chars().take(40).collect();
            let limit = if depth > NESTING {
                format!("more than {NESTING} nested brackets")
            } else {
                format!("more than {OPERATORS} operators")
            };
            return Err(Error::new(format!("a query with {limit}: `{beginning}…`"))
                .with_hint("record its parts with your own rules, and count the recorded series"));
        }
    }
    Ok(())
}

/// The text of a query with its window placeholder; `None` if the parser's printer would change more than the
/// order of matchers.
pub(super) fn templated_text(expr: &Expr) -> Option<String> {
    let text = expr.to_string();
    (sorted(parser::parse(&text).ok()?) == sorted(expr.clone()))
        .then(|| text.replace(&Window::seconds(SENTINEL.as_secs()).to_string(), "{{.window}}"))
}

/// The same expression with sorted matchers; their order has no meaning in PromQL.
fn sorted(mut expr: Expr) -> Expr {
    sort(&mut expr);
    expr
}

fn sort(expr: &mut Expr) {
    match expr {
        Expr::VectorSelector(selector) => sort_matchers(&mut selector.matchers),
        Expr::MatrixSelector(range) => sort_matchers(&mut range.vs.matchers),
        Expr::Aggregate(aggregate) => {
            sort(&mut aggregate.expr);
            if let Some(parameter) = &mut aggregate.param {
                sort(parameter);
            }
        }
        Expr::Unary(unary) => sort(&mut unary.expr),
        Expr::Binary(binary) => {
            sort(&mut binary.lhs);
            sort(&mut binary.rhs);
        }
        Expr::Paren(inner) => sort(&mut inner.expr),
        Expr::Subquery(subquery) => sort(&mut subquery.expr),
        Expr::Call(call) => call.args.args.iter_mut().for_each(|argument| sort(argument)),
        Expr::NumberLiteral(_) | Expr::StringLiteral(_) | Expr::Extension(_) => {}
    }
}

fn sort_matchers(matchers: &mut Matchers) {
    for matchers in std::iter::once(&mut matchers.matchers).chain(&mut matchers.or_matchers) {
        matchers.sort_by_cached_key(Matcher::to_string);
    }
}

fn not_promql(text: &str, reason: &str) -> Error {
    let error = Error::new(format!("`{text}` is not valid PromQL: {reason}"));
    if text.contains("$__") {
        return error.with_hint(
            "replace Grafana's variable with `[{{.window}}]`; the rules choose their own windows",
        );
    }
    let unbalanced = [('{', '}'), ('(', ')'), ('[', ']')]
        .into_iter()
        .find(|(open, close)| text.matches(*open).count() != text.matches(*close).count());
    match unbalanced {
        Some((open, close)) => error.with_hint(format!("balance `{open}` and `{close}`")),
        None if text.matches('"').count() % 2 == 1 => error.with_hint("close the quote"),
        None => {
            error.with_hint("write a selector such as http_requests_total{job=\"checkout\", code=~\"5..\"}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(query: &str) -> Option<String> {
        templated_text(&parse(&query.replace("{{.window}}", "2h11m59s")).unwrap())
    }

    #[test]
    fn the_order_of_matchers_means_nothing() {
        assert_eq!(
            text("sum(rate(a_total{job=\"x\",code=~\"5..\"}[{{.window}}])) or vector(0)").as_deref(),
            Some("sum(rate(a_total{code=~\"5..\",job=\"x\"}[{{.window}}])) or vector(0)")
        );
        assert_eq!(
            text("sum(rate(a{z=\"1\",b=\"2\"}[{{.window}}] offset 5m))").as_deref(),
            Some("sum(rate(a{b=\"2\",z=\"1\"}[{{.window}}] offset 5m))")
        );
    }

    #[test]
    fn depth_and_length_have_limits() {
        let nested = |depth| format!("{}vector(1){}", "abs(".repeat(depth), ")".repeat(depth));
        assert!(parse(&nested(60)).is_ok());
        for query in [
            nested(65),
            nested(100_000),
            vec!["a"; 100_000].join("+"),
            vec!["a"; 100_000].join(" unless "),
            format!("{}a", "-".repeat(100_000)),
        ] {
            let error = parse(&query).unwrap_err();
            assert!(error.message().len() < 200 && error.hint().is_some(), "{error}");
        }
        // Text in quotes may be long.
        assert!(parse(&format!("a{{b=~\"{}\"}}", vec!["(x)"; 5_000].join("|"))).is_ok());
    }
}
