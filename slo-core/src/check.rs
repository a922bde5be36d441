//! The doors that numbers pass before a formula sees them.

use crate::Error;

pub(crate) fn open_unit(name: &str, value: f64) -> Result<f64, Error> {
    if value > 0.0 && value < 1.0 {
        return Ok(value);
    }
    Err(Error::new(format!("{name}: {value} is not between 0 and 1")).with_hint(share_of_one(value)))
}

/// How to write `value` as a share of one: it may have been meant as a percentage.
fn share_of_one(value: f64) -> String {
    if value > 1.0 && value < 100.0 {
        return format!("write {} for {value} %", value / 100.0);
    }
    "write a share of one, between 0 and 1".to_owned()
}

pub(crate) fn unit(name: &str, value: f64) -> Result<f64, Error> {
    if (0.0..=1.0).contains(&value) {
        return Ok(value);
    }
    Err(Error::new(format!("{name}: {value} is not a share of one")).with_hint(share_of_one(value)))
}

pub(crate) fn positive(name: &str, value: f64) -> Result<f64, Error> {
    if value > 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Error::new(format!("{name}: {value} is not a positive number")))
}

/// A result that left the doubles: the way out for inputs that are each fine but not together.
pub(crate) fn finite(name: &str, value: f64) -> Result<f64, Error> {
    if value.is_finite() {
        return Ok(value);
    }
    Err(Error::new(format!("{name} is beyond the numbers that a double holds")))
}

pub(crate) fn not_negative(name: &str, value: f64) -> Result<f64, Error> {
    if value >= 0.0 && value.is_finite() {
        return Ok(value);
    }
    Err(Error::new(format!("{name}: {value} is not zero or more")))
}
