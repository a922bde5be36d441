//! PromQL of a spec as the tree of the field's parser, and back to text.

use crate::{Error, model::Window};
use promql_parser::{
    label::{Matcher, Matchers},
    parser::{self, Expr},
};
use std::time::Duration;

/// A window that nobody writes, in place of the one that is to be filled in while a query is checked.
pub(super) const SENTINEL: Duration = Duration::from_secs(7_919);

/// Parentheses, brackets and braces within each other. Trees are walked by recursion, so that depth is stack.
const NESTING: usize = 64;
/// Operators of a query. A chain of them is a tree as deep as it is long.
const OPERATORS: usize = 500;

/// Reads PromQL.
///
/// # Errors
/// Text that is no PromQL, or a query so deep or so long that no person wrote it.
pub(super) fn parse(text: &str) -> Result<Expr, Error> {
    parse_filled(text, text)
}

/// Reads `filled`, which was written as `written`, with a window to fill in.
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
                format!("more than {NESTING} brackets within each other")
            } else {
                format!("more than {OPERATORS} operators")
            };
            return Err(Error::new(format!("a query with {limit}: `{beginning}…`"))
                .with_hint("record its parts by rules of your own, and count those"));
        }
    }
    Ok(())
}

/// The text of a query with its window to fill in, where the parser's printer can be trusted with it: it sorts the
/// matchers of a selector, and must lose nothing else.
pub(super) fn templated_text(expr: &Expr) -> Option<String> {
    let text = expr.to_string();
    (sorted(parser::parse(&text).ok()?) == sorted(expr.clone()))
        .then(|| text.replace(&Window::seconds(SENTINEL.as_secs()).to_string(), "{{.window}}"))
}

/// The same expression with the matchers of each selector in one order, which means nothing in PromQL.
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
            "write `[{{.window}}]` where Grafana has a variable; the rules choose their own windows",
        );
    }
    let unbalanced = [('{', '}'), ('(', ')'), ('[', ']')]
        .into_iter()
        .find(|(open, close)| text.matches(*open).count() != text.matches(*close).count());
    match unbalanced {
        Some((open, close)) => error.with_hint(format!("`{open}` and `{close}` do not pair up")),
        None if text.matches('"').count() % 2 == 1 => error.with_hint("a quote is not closed"),
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
