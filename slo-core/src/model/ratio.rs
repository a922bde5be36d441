//! Exact non-negative rational numbers.

use crate::Error;
use std::{cmp::Ordering, fmt, str::FromStr};

/// An exact non-negative rational number, always in lowest terms.
///
/// Every number that is derived from an objective or printed into an artifact is a `Ratio`; floats are for
/// measurements.
///
/// ```
/// use slo_core::model::Ratio;
///
/// let budget: Ratio = "0.001".parse()?;
/// let threshold = budget.checked_mul("14.4".parse()?).unwrap();
/// assert_eq!(threshold.to_string(), "0.0144");
/// assert_eq!(Ratio::new(1, 3)?.to_string(), "1/3");
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    numerator: u128,
    // Never zero, and coprime to the numerator.
    denominator: u128,
}

impl Ratio {
    /// Zero.
    pub const ZERO: Self = Self { numerator: 0, denominator: 1 };
    /// One.
    pub const ONE: Self = Self { numerator: 1, denominator: 1 };
    /// One half.
    pub const HALF: Self = Self { numerator: 1, denominator: 2 };

    /// `numerator / denominator` in lowest terms.
    ///
    /// # Errors
    /// A zero denominator.
    pub fn new(numerator: u128, denominator: u128) -> Result<Self, Error> {
        Self::reduced(numerator, denominator)
            .ok_or_else(|| Error::new(format!("{numerator}/{denominator} is not a number")))
    }

    const fn reduced(numerator: u128, denominator: u128) -> Option<Self> {
        if denominator == 0 {
            return None;
        }
        let divisor = gcd(numerator, denominator);
        Some(Self { numerator: numerator / divisor, denominator: denominator / divisor })
    }

    /// The whole number `value`.
    #[must_use]
    pub const fn whole(value: u128) -> Self {
        Self { numerator: value, denominator: 1 }
    }

    /// Numerator in lowest terms.
    #[must_use]
    pub const fn numerator(self) -> u128 {
        self.numerator
    }

    /// Denominator in lowest terms; at least 1.
    #[must_use]
    pub const fn denominator(self) -> u128 {
        self.denominator
    }

    /// The sum, or `None` where it does not fit 128 bits.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        let (left, right, denominator) = self.over_one_denominator(other)?;
        Self::reduced(left.checked_add(right)?, denominator)
    }

    /// The difference, or `None` where it is negative or does not fit 128 bits.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let (left, right, denominator) = self.over_one_denominator(other)?;
        Self::reduced(left.checked_sub(right)?, denominator)
    }

    /// Both numerators over a common denominator.
    fn over_one_denominator(self, other: Self) -> Option<(u128, u128, u128)> {
        Some((
            self.numerator.checked_mul(other.denominator)?,
            other.numerator.checked_mul(self.denominator)?,
            self.denominator.checked_mul(other.denominator)?,
        ))
    }

    /// The product, or `None` where it does not fit 128 bits.
    #[must_use]
    pub const fn checked_mul(self, other: Self) -> Option<Self> {
        // Cross-reduction first: it keeps every product that can be represented.
        let left = gcd(self.numerator, other.denominator);
        let right = gcd(other.numerator, self.denominator);
        let numerator = (self.numerator / left).checked_mul(other.numerator / right);
        let denominator = (self.denominator / right).checked_mul(other.denominator / left);
        match (numerator, denominator) {
            (Some(numerator), Some(denominator)) => Self::reduced(numerator, denominator),
            _ => None,
        }
    }

    /// The quotient, or `None` where `other` is zero or the result does not fit 128 bits.
    #[must_use]
    pub const fn checked_div(self, other: Self) -> Option<Self> {
        if other.numerator == 0 {
            return None;
        }
        self.checked_mul(Self { numerator: other.denominator, denominator: other.numerator })
    }

    /// The largest whole number not above it.
    #[must_use]
    pub const fn floor(self) -> u128 {
        self.numerator / self.denominator
    }

    /// The value as a double, exact to within two units in the last place.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        self.numerator as f64 / self.denominator as f64
    }

    /// The number in percent, exact where it has a decimal form: `12.5` of one eighth.
    ///
    /// ```
    /// use slo_core::model::Ratio;
    ///
    /// assert_eq!("0.07".parse::<Ratio>()?.to_percent(), "7");
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn to_percent(self) -> String {
        let exact = self.checked_mul(Self::whole(100)).and_then(Self::to_decimal);
        exact.unwrap_or_else(|| (self.to_f64() * 100.0).to_string())
    }

    /// The exact decimal form, or `None` where it does not end (`1/3`) or needs more than 38 digits.
    ///
    /// ```
    /// use slo_core::model::Ratio;
    ///
    /// assert_eq!(Ratio::new(1, 8)?.to_decimal().as_deref(), Some("0.125"));
    /// assert_eq!(Ratio::new(14, 15)?.to_decimal(), None);
    /// # Ok::<(), slo_core::Error>(())
    /// ```
    #[must_use]
    pub fn to_decimal(self) -> Option<String> {
        if self.denominator == 1 {
            return Some(self.numerator.to_string());
        }
        let mut rest = self.denominator;
        let mut digits = 0_usize;
        let (mut twos, mut fives) = (0_usize, 0_usize);
        while rest.is_multiple_of(2) {
            rest /= 2;
            twos += 1;
        }
        while rest.is_multiple_of(5) {
            rest /= 5;
            fives += 1;
        }
        if rest != 1 {
            return None;
        }
        let mut scaled = self.numerator;
        for _ in 0..twos.max(fives) {
            digits += 1;
            scaled = scaled.checked_mul(10)?;
        }
        scaled /= self.denominator;
        let text = format!("{scaled:0>width$}", width = digits + 1);
        let (whole, fraction) = text.split_at(text.len() - digits);
        Some(if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") })
    }
}

const fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    if a == 0 { 1 } else { a }
}

impl Ord for Ratio {
    /// Exact for all values: compares products if they fit 128 bits, else whole parts first and then the
    /// reciprocals of the remainders (Euclid).
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Some(left), Some(right)) =
            (self.numerator.checked_mul(other.denominator), other.numerator.checked_mul(self.denominator))
        {
            return left.cmp(&right);
        }
        let (mut a, mut b, mut c, mut d) =
            (self.numerator, self.denominator, other.numerator, other.denominator);
        let mut flipped = false;
        loop {
            let by_whole = (a / b).cmp(&(c / d));
            let (left, right) = (a % b, c % d);
            let ordering = match (by_whole, left, right) {
                (Ordering::Equal, 0, 0) => Ordering::Equal,
                (Ordering::Equal, 0, _) => Ordering::Less,
                (Ordering::Equal, _, 0) => Ordering::Greater,
                (Ordering::Equal, _, _) => {
                    (a, b, c, d) = (b, left, d, right);
                    flipped = !flipped;
                    continue;
                }
                (ordering, _, _) => ordering,
            };
            return if flipped { ordering.reverse() } else { ordering };
        }
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for Ratio {
    type Err = Error;

    /// Reads a plain decimal such as `0.001`, exactly; no sign, exponent or separators.
    fn from_str(text: &str) -> Result<Self, Error> {
        let refuse = || {
            let percent = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<Self>().ok());
            let hint = match percent.and_then(|percent| percent.checked_div(Self::whole(100))) {
                Some(ratio) => format!("write {ratio}"),
                None => "write a plain decimal such as 0.125".to_owned(),
            };
            Error::new(format!("`{text}` is not a decimal number")).with_hint(hint)
        };
        let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
        let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if whole.is_empty() || !plain(whole) || !plain(fraction) || text.ends_with('.') {
            return Err(refuse());
        }
        let digits = format!("{whole}{fraction}");
        let scale = u32::try_from(fraction.len()).ok().and_then(|places| 10_u128.checked_pow(places));
        match (digits.parse(), scale) {
            (Ok(numerator), Some(denominator)) => Self::new(numerator, denominator),
            _ => Err(Error::new(format!("`{text}` has more digits than can be kept exactly"))),
        }
    }
}

impl fmt::Display for Ratio {
    /// The exact decimal where there is one, else `numerator/denominator`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to_decimal() {
            Some(decimal) => f.write_str(&decimal),
            None => write!(f, "{}/{}", self.numerator, self.denominator),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use num_bigint::BigInt;
    use num_rational::BigRational;
    use proptest::prelude::*;

    fn big(ratio: Ratio) -> BigRational {
        BigRational::new(BigInt::from(ratio.numerator), BigInt::from(ratio.denominator))
    }

    #[test]
    fn reads_and_prints_decimals_exactly() {
        for (text, printed) in
            [("0", "0"), ("0.0010", "0.001"), ("14.4", "14.4"), ("007.50", "7.5"), ("99.999", "99.999")]
        {
            assert_eq!(text.parse::<Ratio>().unwrap().to_string(), printed);
        }
    }

    #[test]
    fn refuses_what_is_not_a_plain_decimal() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "0x1", "NaN", "1,5", " 1", "1_000", "٣"] {
            assert!(text.parse::<Ratio>().is_err(), "{text}");
        }
        assert!("0.0000000000000000000000000000000000000001".parse::<Ratio>().is_err());
        assert!(Ratio::new(1, 0).is_err());
    }

    #[test]
    fn says_none_instead_of_overflowing() {
        let huge = Ratio::whole(u128::MAX);
        assert_eq!(huge.checked_mul(Ratio::whole(2)), None);
        assert_eq!(huge.checked_add(Ratio::ONE), None);
        assert_eq!(Ratio::ZERO.checked_sub(Ratio::ONE), None);
        assert_eq!(Ratio::ONE.checked_div(Ratio::ZERO), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        #[test]
        fn agrees_with_big_rationals(
            a in any::<u64>(), b in 1..u64::MAX, c in any::<u64>(), d in 1..u64::MAX
        ) {
            let (x, y) = (Ratio::new(a.into(), b.into()).unwrap(), Ratio::new(c.into(), d.into()).unwrap());
            prop_assert_eq!(x.cmp(&y), big(x).cmp(&big(y)));
            prop_assert_eq!(big(x.checked_mul(y).unwrap()), big(x) * big(y));
            if let Some(sum) = x.checked_add(y) {
                prop_assert_eq!(big(sum), big(x) + big(y));
            }
            if let Some(difference) = x.checked_sub(y) {
                prop_assert_eq!(big(difference), big(x) - big(y));
            }
        }

        #[test]
        fn orders_extreme_values(a in any::<u128>(), b in 1..u128::MAX, c in any::<u128>(), d in 1..u128::MAX) {
            let (x, y) = (Ratio::new(a, b).unwrap(), Ratio::new(c, d).unwrap());
            prop_assert_eq!(x.cmp(&y), big(x).cmp(&big(y)));
        }

        #[test]
        fn decimal_text_survives_a_round_trip(digits in any::<u64>(), places in 0_u32..18) {
            let ratio = Ratio::new(digits.into(), 10_u128.pow(places)).unwrap();
            prop_assert_eq!(ratio.to_decimal().unwrap().parse::<Ratio>().unwrap(), ratio);
        }
    }
}
