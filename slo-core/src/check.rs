//! Range checks for the numbers that formulas take.

use crate::Error;

pub(crate) fn open_unit(name: &str, value: f64) -> Result<f64, Error> {
    if value > 0.0 && value < 1.0 {
        return Ok(value);
    }
    Err(Error::new(format!("{name}: {value} is not between 0 and 1")).with_hint(share_of_one(value)))
}

/// The hint for a number outside 0 to 1, which may have been meant as a percentage.
fn share_of_one(value: f64) -> String {
    if value > 1.0 && value < 100.0 {
        return format!("write {} for {value} %", value / 100.0);
    }
    "write a number between 0 and 1".to_owned()
}

pub(crate) fn unit(name: &str, value: f64) -> Result<f64, Error> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(Error::new(format!("{name}: {value} is not a number from 0 to 1")).with_hint(share_of_one(value)))
}

pub(crate) fn positive(name: &str, value: f64) -> Result<f64, Error> {
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Error::new(format!("{name}: {value} is not a positive number")))
}

/// Refuses a result that overflowed: each input can be valid while the result is too large for a double.
pub(crate) fn finite(name: &str, value: f64) -> Result<f64, Error> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::new(format!("{name} does not fit a 64-bit float")))
}

pub(crate) fn not_negative(name: &str, value: f64) -> Result<f64, Error> {
    if value >= 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Error::new(format!("{name}: {value} is negative or not finite")))
}
