//! PromQL queries with a placeholder for the window.

use super::Window;
use crate::Error;
use std::fmt;

/// A PromQL query in which `{{.window}}` stands for the length of a window.
///
/// ```
/// use slo_core::model::{Counting, Query};
///
/// let errors = Query::new("sum(rate(errors_total[{{.window}}]))", Counting::PerSecond)?;
/// assert_eq!(errors.over("5m".parse()?), "sum(rate(errors_total[5m]))");
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Query {
    // The text between the placeholders: at least two pieces.
    pieces: Vec<String>,
    counting: Counting,
}

/// The meaning of a [`Query`]'s value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Counting {
    /// Events per second: `rate`.
    PerSecond,
    /// Events of the window, extrapolated to its ends: `increase`.
    PerWindow,
    /// Samples of the window, or their sum: `count_over_time`, `sum_over_time`.
    Samples,
    /// A value that does not add up over windows, such as a mean or a quantile. The value over each tile is
    /// used as its count.
    Level,
}

/// The placeholder for the window in a query.
const PLACEHOLDER: &str = "{{.window}}";

impl Query {
    /// A query, and the meaning of its value. The PromQL itself is checked when a spec is read.
    ///
    /// # Errors
    /// A query without `{{.window}}`, or with another placeholder.
    pub fn new(text: &str, counting: Counting) -> Result<Self, Error> {
        let mut pieces = vec![String::new()];
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            let (name, after) = after
                .split_once("}}")
                .ok_or_else(|| Error::new("`{{` is not closed").with_hint("write `{{.window}}`"))?;
            if name.trim_matches(|c: char| c == '-' || c.is_whitespace()) != ".window" {
                return Err(Error::new(format!("`{{{{{name}}}}}` is not a placeholder of a query"))
                    .with_hint("use only `{{.window}}`"));
            }
            if let Some(last) = pieces.last_mut() {
                last.push_str(before);
            }
            pieces.push(String::new());
            rest = after;
        }
        if let Some(last) = pieces.last_mut() {
            last.push_str(rest);
        }
        if pieces.len() < 2 {
            return Err(
                Error::new("the query has no `{{.window}}`").with_hint("write its ranges as `[{{.window}}]`")
            );
        }
        Ok(Self { pieces, counting })
    }

    /// The meaning of its value.
    #[must_use]
    pub const fn counting(&self) -> Counting {
        self.counting
    }

    /// The query over `window`.
    #[must_use]
    pub fn over(&self, window: Window) -> String {
        self.pieces.join(&window.to_string())
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.pieces.join(PLACEHOLDER))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_in_every_window() {
        let text = "sum(rate(a[{{.window}}])) - sum(rate(b[{{ .window }}]))";
        let query = Query::new(text, Counting::PerSecond).unwrap();
        assert_eq!(query.over(Window::minutes(5)), "sum(rate(a[5m])) - sum(rate(b[5m]))");
        assert_eq!(query.to_string(), text.replace("{{ .window }}", "{{.window}}"));
    }

    #[test]
    fn refuses_other_templates() {
        for text in ["sum(rate(a[5m]))", "sum(rate(a[{{.window]))", "rate(a{b=\"{{.slo}}\"}[{{.window}}])"] {
            assert!(Query::new(text, Counting::PerSecond).unwrap_err().hint().is_some(), "{text}");
        }
    }
}
