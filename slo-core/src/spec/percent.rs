//! Shares as percentages.

use crate::{
    Error,
    document::{Faults, Node, text},
    model::Ratio,
};

/// A percentage of 0 to 100, as a share.
pub(super) fn read(node: &Node, place: &str, faults: &mut Faults) -> Option<Ratio> {
    let text = text(node, place, faults)?;
    let percent = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<Ratio>().ok());
    let share = percent.and_then(|percent| percent.checked_div(Ratio::whole(100)));
    let share = share.filter(|share| *share <= Ratio::ONE);
    if share.is_none() {
        let error = Error::new(format!("`{text}` is not a share"))
            .with_hint("write a percentage of 0% to 100% with `%`, such as 25%");
        faults.add(node.position, place, error);
    }
    share
}

/// A share as a percentage, if it has a decimal form.
pub(super) fn decimal(share: Ratio) -> Option<String> {
    let decimal = share.checked_mul(Ratio::whole(100))?.to_decimal()?;
    Some(format!("{decimal}%"))
}

/// A share as a percentage. A share that was read from a percentage has a decimal form.
pub(super) fn written(share: Ratio) -> String {
    format!("{}%", share.to_percent())
}
