//! Values that stand in several places of an experiment.

use slo_core::{
    Error,
    document::{Faults, Fields, text},
    model::Ratio,
};

/// A share in (0, 1], where it is written.
pub(super) fn share(fields: &Fields<'_>, name: &str, faults: &mut Faults) -> Option<Ratio> {
    let node = fields.optional(name)?;
    let written = text(node, &fields.path(name), faults)?;
    let percent = written.strip_suffix('%').and_then(|number| number.trim_end().parse::<Ratio>().ok());
    let share = percent.and_then(|percent| percent.checked_div(Ratio::whole(100)));
    let share = share.filter(|share| *share > Ratio::ZERO && *share <= Ratio::ONE);
    if share.is_none() {
        let error = Error::new(format!("`{written}` is not a share"))
            .with_hint("write a share above 0% and up to 100%, such as 5%");
        faults.add(node.position, &fields.path(name), error);
    }
    share
}

/// A whole number of at least `least`.
pub(super) fn whole(fields: &Fields<'_>, name: &str, least: u64, faults: &mut Faults) -> Option<u64> {
    let node = fields.optional(name)?;
    let written = text(node, &fields.path(name), faults)?;
    let number = written.parse().ok().filter(|number| *number >= least);
    if number.is_none() {
        let error = Error::new(format!("`{written}` is not a whole number from {least} on"));
        faults.add(node.position, &fields.path(name), error);
    }
    number
}

/// A number of bytes, with a unit: `64KiB`, `512MiB`, `1GiB`.
pub(super) fn bytes(fields: &Fields<'_>, name: &str, faults: &mut Faults) -> Option<u64> {
    let node = fields.optional(name)?;
    let written = text(node, &fields.path(name), faults)?;
    let digits = written.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = written.split_at(digits);
    let shift = match unit {
        "" | "B" => Some(0),
        "KiB" => Some(10),
        "MiB" => Some(20),
        "GiB" => Some(30),
        _ => None,
    };
    let count =
        number.parse::<u64>().ok().zip(shift).and_then(|(number, shift)| number.checked_mul(1 << shift));
    let count = count.filter(|count| *count > 0);
    if count.is_none() {
        let error = Error::new(format!("`{written}` is not a number of bytes"))
            .with_hint("write 64KiB, 512MiB or 1GiB");
        faults.add(node.position, &fields.path(name), error);
    }
    count
}

pub(super) fn switch(fields: &Fields<'_>, name: &str, otherwise: bool, faults: &mut Faults) -> bool {
    match fields.text(name, faults) {
        None => otherwise,
        Some("true") => true,
        Some("false") => false,
        Some(other) => {
            let error =
                Error::new(format!("`{other}` is neither true nor false")).with_hint("write true or false");
            let position = fields.optional(name).map_or(fields.position(), |node| node.position);
            faults.add(position, &fields.path(name), error);
            otherwise
        }
    }
}

/// The value, or `None` and a fault at the field `name`.
pub(super) fn told<T>(
    result: Result<T, Error>,
    fields: &Fields<'_>,
    name: &str,
    faults: &mut Faults,
) -> Option<T> {
    let position = fields.optional(name).map_or(fields.position(), |node| node.position);
    result.map_err(|error| faults.add(position, &fields.path(name), error)).ok()
}
