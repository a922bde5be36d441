//! The expression tree.

use crate::model::{LabelName, Ratio, Selector, Window};

/// A PromQL expression.
///
/// ```
/// use slo_core::{model::{Selector, Window}, promql::{Expr, Range, RangeFunction}};
///
/// let errors = Range::new(Selector::new("errors")?, Window::minutes(5)).apply(RangeFunction::Increase);
/// let all = Range::new(Selector::new("requests")?, Window::minutes(5)).apply(RangeFunction::Increase);
/// let ratio = errors.sum().div(all.sum().greater(Expr::Number(slo_core::model::Ratio::ZERO)));
/// assert_eq!(ratio.to_string(), "sum(increase(errors[5m])) / (sum(increase(requests[5m])) > 0)");
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expr {
    /// A number that Grafana fills in, such as `${__from}`.
    #[doc(hidden)]
    Variable(&'static str),
    /// An exact number; it prints as a quotient if it has no decimal form.
    Number(Ratio),
    /// An instant vector, now or `offset` ago.
    Instant {
        /// The series.
        selector: Selector,
        /// How long ago.
        offset: Option<Window>,
    },
    /// An instant vector in an alert. In a template, it selects the alert's own group by the labels `by`;
    /// elsewhere, it selects all groups.
    #[doc(hidden)]
    OfGroup {
        /// The series.
        selector: Selector,
        /// The labels of the group; without labels, it selects the same series everywhere.
        by: Vec<LabelName>,
    },
    /// An instant vector as it is at the end of the query (`@ end()`), even within a subquery.
    AtEnd(Selector),
    /// A function over a range.
    OverRange {
        /// The function.
        function: RangeFunction,
        /// Its argument.
        range: Range,
    },
    /// A query from a specification, printed unchanged.
    Query(String),
    /// A function of values.
    Call {
        /// The function.
        function: Function,
        /// Its arguments.
        arguments: Vec<Expr>,
    },
    /// `function((operand)[window:step])`: a function over past values of an expression.
    OverSubquery {
        /// The function.
        function: RangeFunction,
        /// The expression.
        operand: Box<Expr>,
        /// How far back it is evaluated.
        window: Window,
        /// How often it is evaluated.
        step: Window,
    },
    /// `label_replace`: copies the label `from` to the label `to`.
    Renamed {
        /// The expression with the label.
        operand: Box<Expr>,
        /// The label.
        from: LabelName,
        /// The name of the copy.
        to: LabelName,
    },
    /// An aggregation over all labels but `by`.
    Aggregate {
        /// The aggregation.
        op: Aggregation,
        /// The labels that are kept.
        by: Vec<LabelName>,
        /// What is aggregated.
        operand: Box<Expr>,
    },
    /// A binary operation.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// The labels that are matched.
        matching: Matching,
        /// The left side.
        left: Box<Expr>,
        /// The right side.
        right: Box<Expr>,
    },
}

/// The labels on which the two sides of a binary operation are matched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Matching {
    /// All of them.
    #[default]
    All,
    /// `on (…)`: only these.
    On(Vec<LabelName>),
    /// `on (…) group_left ()`: only these, where several on the left go with one on the right.
    OnManyToOne(Vec<LabelName>),
    /// `ignoring (…)`: all but these.
    Ignoring(Vec<LabelName>),
}

/// A range vector: the samples of a selector over a window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Range {
    pub(super) selector: Selector,
    pub(super) window: Window,
    pub(super) offset: Option<Window>,
    pub(super) is_anchored: bool,
}

/// Functions of values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Function {
    /// `abs`
    Abs,
    /// `absent`: 1, with the labels that a selector names, where its operand has no value.
    Absent,
    /// `clamp_min`
    ClampMin,
    /// `clamp_max`
    ClampMax,
    /// `histogram_count`
    HistogramCount,
    /// `histogram_fraction`
    HistogramFraction,
    /// `scalar`: the value of a single series, without its labels.
    Scalar,
    /// `time`
    Time,
    /// `timestamp`: when each value was recorded.
    Timestamp,
    /// `vector`: a number as a vector without labels.
    Vector,
}

/// Functions over a range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RangeFunction {
    /// `increase`
    Increase,
    /// `rate`
    Rate,
    /// `resets`
    Resets,
    /// `avg_over_time`
    AvgOverTime,
    /// `sum_over_time`
    SumOverTime,
    /// `count_over_time`
    CountOverTime,
    /// `last_over_time`
    LastOverTime,
    /// `min_over_time`
    MinOverTime,
    /// `max_over_time`
    MaxOverTime,
}

/// Aggregations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Aggregation {
    /// `sum`
    Sum,
    /// `count`
    Count,
    /// `avg`
    Avg,
    /// `max`
    Max,
    /// `min`
    Min,
}

/// Binary operators, loosest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum BinaryOp {
    /// `or`
    Or,
    /// `and`
    And,
    /// `unless`
    Unless,
    /// `==`
    Equal,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `> bool`: 1 or 0
    GreaterBool,
    /// `>= bool`: 1 or 0
    GreaterOrEqualBool,
    /// `< bool`: 1 or 0
    LessBool,
    /// `<= bool`: 1 or 0
    LessOrEqualBool,
    /// `+`
    Add,
    /// `-`
    Subtract,
    /// `*`
    Multiply,
    /// `/`
    Divide,
}

impl Range {
    /// The samples of `selector` in the last `window`.
    #[must_use]
    pub const fn new(selector: Selector, window: Window) -> Self {
        Self { selector, window, offset: None, is_anchored: false }
    }

    /// The series.
    #[must_use]
    pub const fn selector(&self) -> &Selector {
        &self.selector
    }

    /// Its length.
    #[must_use]
    pub const fn window(&self) -> Window {
        self.window
    }

    /// The same range, `offset` ago.
    #[must_use]
    pub fn offset(mut self, offset: Window) -> Self {
        self.offset = Some(offset);
        self
    }

    /// The same range, from the last sample before it on and without extrapolation (`anchored`): Prometheus
    /// 3.7 and later.
    #[must_use]
    pub const fn anchored(mut self) -> Self {
        self.is_anchored = true;
        self
    }

    /// Whether it starts at the last sample before it.
    #[must_use]
    pub const fn is_anchored(&self) -> bool {
        self.is_anchored
    }

    /// Applies `function` to it.
    #[must_use]
    pub const fn apply(self, function: RangeFunction) -> Expr {
        Expr::OverRange { function, range: self }
    }
}

impl From<Selector> for Expr {
    fn from(selector: Selector) -> Self {
        Self::Instant { selector, offset: None }
    }
}

macro_rules! operators {
    ($($name:ident $op:ident $text:literal),* $(,)?) => {
        $(
            #[doc = concat!("`self ", $text, " other`")]
            #[must_use]
            pub fn $name(self, other: Self) -> Self {
                self.binary(BinaryOp::$op, Matching::All, other)
            }
        )*
    };
}

macro_rules! aggregations {
    ($($name:ident $op:ident $text:literal),* $(,)?) => {
        $(
            #[doc = concat!("`", $text, " by (by) (self)`, or `", $text, "(self)` without labels")]
            #[must_use]
            pub fn $name(self, by: &[LabelName]) -> Self {
                Self::Aggregate { op: Aggregation::$op, by: by.to_vec(), operand: Box::new(self) }
            }
        )*
    };
}

#[expect(clippy::should_implement_trait, reason = "the tree is built with named operators throughout")]
impl Expr {
    operators! {
        equal Equal "==",
        or Or "or", and And "and", unless Unless "unless",
        greater Greater ">", greater_or_equal GreaterOrEqual ">=", less Less "<", less_or_equal LessOrEqual "<=",
        greater_bool GreaterBool "> bool", greater_or_equal_bool GreaterOrEqualBool ">= bool",
        less_bool LessBool "< bool", less_or_equal_bool LessOrEqualBool "<= bool",
        add Add "+", sub Subtract "-", mul Multiply "*", div Divide "/",
    }

    /// `self op other`, matched on the labels of `matching`.
    #[must_use]
    pub fn binary(self, op: BinaryOp, matching: Matching, right: Self) -> Self {
        Self::Binary { op, matching, left: Box::new(self), right: Box::new(right) }
    }

    /// `function(arguments)`
    #[must_use]
    pub const fn call(function: Function, arguments: Vec<Self>) -> Self {
        Self::Call { function, arguments }
    }

    /// `time()`
    #[must_use]
    pub const fn time() -> Self {
        Self::call(Function::Time, Vec::new())
    }

    /// `self or vector(0)`: zero if there are no series.
    #[must_use]
    pub fn or_zero(self) -> Self {
        self.or(Self::vector(Ratio::ZERO))
    }

    /// `vector(number)`
    #[must_use]
    pub fn vector(number: Ratio) -> Self {
        Self::call(Function::Vector, vec![Self::Number(number)])
    }

    /// `absent(self)`
    #[must_use]
    pub fn absent(self) -> Self {
        Self::call(Function::Absent, vec![self])
    }

    /// `scalar(self)`
    #[must_use]
    pub fn scalar(self) -> Self {
        Self::call(Function::Scalar, vec![self])
    }

    /// `clamp_min(self, least)`
    #[must_use]
    pub fn clamp_min(self, least: Ratio) -> Self {
        Self::call(Function::ClampMin, vec![self, Self::Number(least)])
    }

    /// `clamp_max(self, most)`
    #[must_use]
    pub fn clamp_max(self, most: Ratio) -> Self {
        Self::call(Function::ClampMax, vec![self, Self::Number(most)])
    }

    /// `sum(self)`
    #[must_use]
    pub fn sum(self) -> Self {
        self.sum_by(&[])
    }

    aggregations! { sum_by Sum "sum", count_by Count "count", max_by Max "max", min_by Min "min" }
}
