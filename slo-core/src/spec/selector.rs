//! Selectors of a specification, checked by `promql-parser`.

use super::parsed::parse;
use crate::{
    Error,
    model::{MatchOp, Matcher, Selector},
};
use promql_parser::{
    label,
    parser::{self, Expr},
};

/// Reads an instant vector selector.
pub(super) fn selector(text: &str) -> Result<Selector, Error> {
    selector_or(text, "")
}

/// Reads a selector. `or` names the alternative in the hint for text that is a query.
pub(super) fn selector_or(text: &str, or: &str) -> Result<Selector, Error> {
    if let Some(selector) = plain(text) {
        return Ok(selector);
    }
    let found = match parse(text)? {
        Expr::VectorSelector(found) => found,
        Expr::MatrixSelector(_) => {
            return Err(Error::new(format!("`{text}` is a range"))
                .with_hint("drop the range; the rules choose their own windows"));
        }
        _ => {
            return Err(Error::new(format!("`{text}` is a query, not a selector")).with_hint(format!(
                "write the counter itself, such as http_requests_total{{job=\"checkout\"}}{or}"
            )));
        }
    };
    from_parsed(found)
}

/// Reads matchers without a metric, such as `version="2", pod=~"checkout-.*"`.
///
/// ```
/// use slo_core::spec::matchers;
///
/// let found = matchers("version=\"2\", pod=~\"checkout-.*\"")?;
/// assert_eq!(found[1].to_string(), "pod=~\"checkout-.*\"");
/// assert!(matchers("version").is_err());
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// Text that is no list of matchers, or an empty one.
pub fn matchers(text: &str) -> Result<Vec<Matcher>, Error> {
    let wrong = || {
        Error::new(format!("`{text}` are no matchers"))
            .with_hint("write them as in PromQL: version=\"2\", zone!=\"a\"")
    };
    // A brace would end the matchers, and begin something else.
    let found = selector(&format!("x_x{{{text}}}")).map_err(|_| wrong())?;
    if found.metric() != "x_x" || found.matchers().is_empty() {
        return Err(wrong());
    }
    Ok(found.matchers().to_vec())
}

/// PromQL keywords with an underscore, which are not metric names.
const KEYWORDS: [&str; 4] = ["count_values", "group_left", "group_right", "limit_ratio"];

/// The selector in `text`, if it is a plain one, as most are. `promql-parser` compiles every regular
/// expression, which takes longer than all other steps of reading and writing; here they are only checked.
pub(super) fn plain(text: &str) -> Option<Selector> {
    let (metric, matchers) = match text.trim().strip_suffix('}') {
        Some(rest) => rest.split_once('{')?,
        None => (text.trim(), ""),
    };
    let metric = metric.trim_end();
    if !metric.contains(['_', ':']) || KEYWORDS.contains(&metric) {
        return None; // `inf`, `sum`, `on`: what they mean depends on where they stand.
    }
    let selector = Selector::new(metric).ok()?;
    let mut read = Vec::new();
    let mut rest = matchers.trim();
    while !rest.is_empty() {
        let (label, after) = rest.split_at(rest.find(['=', '!'])?);
        let (op, after) = [
            ("=~", MatchOp::Regex),
            ("!~", MatchOp::NotRegex),
            ("!=", MatchOp::NotEqual),
            ("=", MatchOp::Equal),
        ]
        .into_iter()
        .find_map(|(sign, op)| Some((op, after.strip_prefix(sign)?)))?;
        let (value, after) = after.trim_start().strip_prefix('"')?.split_once('"')?;
        if value.contains(['\\', '\n']) {
            return None;
        }
        if matches!(op, MatchOp::Regex | MatchOp::NotRegex) {
            regex_syntax::parse(value).ok()?;
        }
        read.push(Matcher { label: label.trim().parse().ok()?, op, value: value.to_owned() });
        rest = match after.trim_start() {
            "" => "",
            more => more.strip_prefix(',')?.trim_start(),
        };
    }
    Some(selector.with_all(read))
}

pub(super) fn from_parsed(found: parser::VectorSelector) -> Result<Selector, Error> {
    let text = found.to_string();
    if found.offset.is_some() || found.at.is_some() {
        return Err(Error::new(format!("`{text}` looks back in time")).with_hint("drop `offset` and `@`"));
    }
    if !found.matchers.or_matchers.is_empty() {
        return Err(Error::new(format!("`{text}` has matchers joined by `or`"))
            .with_hint("use `=~` with alternatives; Prometheus does not support `or`"));
    }
    let Some(name) = found.name else {
        return Err(
            Error::new(format!("`{text}` has no metric name")).with_hint("begin with the counter's name")
        );
    };
    let matchers = found.matchers.matchers.into_iter().map(|matcher| {
        let op = match matcher.op {
            label::MatchOp::Equal => MatchOp::Equal,
            label::MatchOp::NotEqual => MatchOp::NotEqual,
            label::MatchOp::Re(_) => MatchOp::Regex,
            label::MatchOp::NotRe(_) => MatchOp::NotRegex,
        };
        Ok(Matcher { label: matcher.name.parse()?, op, value: matcher.value })
    });
    Ok(Selector::new(name)?.with_all(matchers.collect::<Result<Vec<_>, Error>>()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn plain_selectors_are_read_as_the_parser_of_the_field_reads_them(
            text in "[a-z]{1,3}[_:][a-z]{0,3}( ?\\{( ?[a-z_]{1,3} ?(=|!=|=~|!~) ?\"[a-z.|+*()\\[\\]\\\\]{0,5}\",?){0,3} ?\\})?"
        ) {
            // Prometheus has a label `or`; for the parser it may only stand between matchers.
            let has_or = text.contains("{or") || text.contains(" or") || text.contains(",or");
            if let Some(selector) = plain(&text).filter(|_| !has_or) {
                let Ok(Expr::VectorSelector(found)) = parser::parse(&text) else {
                    return Err(TestCaseError::fail(format!("{text} is no selector")));
                };
                prop_assert_eq!(from_parsed(found).unwrap(), selector);
            }
        }
    }

    #[test]
    fn plain_selectors_are_seen() {
        assert!(plain("a_b{or=\"x\"}").is_some());
        assert!(plain("http_requests_total{job=\"a\", code=~\"5..\"}").is_some() && plain("a_b").is_some());
        for text in [
            "inf",
            "a_b{",
            "a_b{c=\"d\"",
            "a_b{c=~\"(\"}",
            "a_b{c}",
            "a_b[5m]",
            "group_left",
            "a_b{c=\"\\\\\"}",
        ] {
            assert!(plain(text).is_none(), "{text}");
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
