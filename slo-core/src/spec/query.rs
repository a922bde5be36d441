//! PromQL in a spec: a vector selector, checked by the parser of the field.

use crate::{
    Error,
    model::{MatchOp, Selector},
};
use promql_parser::{
    label,
    parser::{self, Expr},
};

/// Reads an instant vector selector.
pub(super) fn selector(text: &str) -> Result<Selector, Error> {
    let found = match parser::parse(text).map_err(|reason| not_promql(text, &reason))? {
        Expr::VectorSelector(found) => found,
        Expr::MatrixSelector(_) => {
            return Err(Error::new(format!("`{text}` is a range"))
                .with_hint("drop the range; the rules choose their own windows"));
        }
        _ => {
            return Err(Error::new(format!("`{text}` is a query, not a selector"))
                .with_hint("write the counter itself, such as http_requests_total{job=\"checkout\"}"));
        }
    };
    if found.offset.is_some() || found.at.is_some() {
        return Err(Error::new(format!("`{text}` looks back in time")).with_hint("drop `offset` and `@`"));
    }
    if !found.matchers.or_matchers.is_empty() {
        return Err(Error::new(format!("`{text}` has matchers joined by `or`"))
            .with_hint("Prometheus does not read this; use =~ with alternatives"));
    }
    let Some(name) = found.name else {
        return Err(
            Error::new(format!("`{text}` has no metric name")).with_hint("begin with the counter's name")
        );
    };
    found.matchers.matchers.into_iter().try_fold(Selector::new(name)?, |selector, matcher| {
        let op = match matcher.op {
            label::MatchOp::Equal => MatchOp::Equal,
            label::MatchOp::NotEqual => MatchOp::NotEqual,
            label::MatchOp::Re(_) => MatchOp::Regex,
            label::MatchOp::NotRe(_) => MatchOp::NotRegex,
        };
        selector.matching(&matcher.name, op, matcher.value)
    })
}

fn not_promql(text: &str, reason: &str) -> Error {
    let error = Error::new(format!("`{text}` is not valid PromQL: {reason}"));
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

    #[test]
    fn reads_selectors() {
        for (text, printed) in [
            ("m", "m"),
            (" m { a = 'x' , b != \"y\" , } ", "m{a=\"x\",b!=\"y\"}"),
            (r#"m{code=~"5..",path!~"/\\d+"}"#, r#"m{code=~"5..",path!~"/\\d+"}"#),
            ("a:b:c", "a:b:c"),
        ] {
            assert_eq!(selector(text).unwrap().to_string(), printed);
        }
    }

    #[test]
    fn refuses_everything_else_and_says_why() {
        for (text, message) in [
            ("sum(rate(m[5m]))", "is a query, not a selector"),
            ("m[5m]", "is a range"),
            ("m offset 5m", "looks back in time"),
            ("{a=\"b\"}", "has no metric name"),
            ("m{a=\"b\"", "is not valid PromQL"),
            ("m{a=~\"(\"}", "is not valid PromQL"),
            ("", "is not valid PromQL"),
            ("m{a=\"b\" or c=\"d\"}", "or"),
        ] {
            let error = selector(text).unwrap_err();
            assert!(error.message().contains(message), "{text}: {error}");
            assert!(error.hint().is_some(), "{text}");
        }
    }
}
