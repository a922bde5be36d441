//! Periods of the calendar: their bounds as series, and sums since the current one began.

use super::{Rule, Series, context::Context};
use crate::{
    Error,
    model::{Calendar, Ratio, Timestamp, Window},
    promql::{BinaryOp, Expr, Function, Matching, RangeFunction},
};

/// How far ahead the bounds are written.
const HORIZON: Window = Window::days(731);

impl Context<'_> {
    /// The bounds of the current period, in seconds. Rules do not know time zones, so the bounds of the next
    /// two years are written out. After that, the bounds and all other series of the period are absent;
    /// alerts on burn rates still work.
    pub(super) fn calendar_bounds(&self, calendar: &Calendar) -> Result<[Rule; 2], Error> {
        let now = self.options.now.ok_or_else(|| {
            Error::new("a calendar period needs the current time").with_hint("set `now` in the options")
        })?;
        let mut period = calendar.period_at(now)?;
        let mut bounds = vec![seconds(period.start())?, seconds(period.end())?];
        while period.end() < now.after(HORIZON) {
            period = calendar.period_at(period.end())?;
            bounds.push(seconds(period.end())?);
        }
        let time = || Expr::time();
        let number = |value: u64| Expr::Number(Ratio::whole(value.into()));
        // first + what each later bound adds once its time has come
        let steps = |bounds: &[u64], times: &[u64]| {
            let first = number(bounds.first().copied().unwrap_or_default());
            let sum =
                bounds.iter().zip(bounds.iter().skip(1)).zip(times).fold(first, |sum, ((one, next), at)| {
                    sum.add(number(next.saturating_sub(*one)).mul(time().greater_or_equal_bool(number(*at))))
                });
            Expr::call(Function::Vector, vec![sum])
        };
        let (first, last) = match bounds.as_slice() {
            [first, .., last] => (*first, *last),
            _ => return Err(Error::new("a calendar without periods")),
        };
        let clock = || Expr::call(Function::Vector, vec![time()]);
        let known = clock().greater_or_equal(number(first)).and(clock().less(number(last)));
        let (later, inner) = (bounds.get(1..).unwrap_or_default(), bounds.get(1..bounds.len() - 1));
        let inner = inner.unwrap_or_default();
        let starts = bounds.get(..bounds.len() - 1).unwrap_or_default();
        Ok([
            self.record(Series::PeriodStart, steps(starts, inner).and(known.clone())),
            self.record(Series::PeriodEnd, steps(later, inner).and(known)),
        ])
    }

    /// `function` of the coarse tiles since the current period began. The steps of a subquery lie on their
    /// own grid, so each step takes the one tile that was recorded since the step before. The first tile may
    /// begin two coarse tiles and one fine tile before the period.
    pub(super) fn since_start(&self, series: Series, calendar: &Calendar, function: RangeFunction) -> Expr {
        let step = self.plan.coarse();
        let start = Expr::AtEnd(self.selector(Series::PeriodStart));
        let clock = Expr::call(Function::Vector, vec![Expr::time()]);
        let nowhere = || Matching::On(Vec::new());
        let since = clock.binary(BinaryOp::Greater, nowhere(), start);
        let tile = self.tiles(series, step).apply(RangeFunction::LastOverTime);
        Expr::OverSubquery {
            function,
            operand: Box::new(tile.binary(BinaryOp::And, nowhere(), since)),
            window: calendar.longest(),
            step,
        }
    }

    /// Seconds since the current period began, at least a coarse tile.
    pub(super) fn elapsed_seconds(&self) -> Expr {
        let start = Expr::call(Function::Scalar, vec![self.series(Series::PeriodStart)]);
        let least = self.plan.coarse().as_seconds();
        let elapsed = Expr::time().sub(start);
        Expr::call(Function::Vector, vec![elapsed]).clamp_min(least).scalar()
    }

    /// The length of the current period in seconds.
    pub(super) fn period_seconds(&self) -> Expr {
        let bound = |series| Expr::call(Function::Scalar, vec![self.series(series)]);
        bound(Series::PeriodEnd).sub(bound(Series::PeriodStart))
    }
}

fn seconds(time: Timestamp) -> Result<u64, Error> {
    u64::try_from(time.as_millis() / 1_000).map_err(|_| Error::new("a time before 1970"))
}
