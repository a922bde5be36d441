//! Files about toil as people write them.

use super::{ToilSheet, Week};
use slo_core::{
    Diagnostics, Error,
    document::{Faults, Fields, Node, Value, check_version, items, one_document, parsed, text},
    model::{Calendar, CalendarUnit, Window},
};
use std::collections::BTreeMap;

/// Reads a file about toil.
///
/// ```
/// let text = "
/// version: slo-toil/v1
/// time_zone: Europe/Berlin
/// weeks:
///   - {week: 2026-W45, worked: 160h, toil: {certificates: 6h, access requests: 9h30m}}
///   - {week: 2026-W46, worked: 152h}
/// ";
/// let sheet = slo_ops::toil::read_toil(text)?;
/// assert_eq!(sheet.weeks[0].toil["certificates"], "6h".parse().unwrap());
/// # Ok::<(), slo_core::Diagnostics>(())
/// ```
///
/// # Errors
/// Every fault of the file, with its position.
pub fn read_toil(text: &str) -> Result<ToilSheet, Diagnostics> {
    let mut faults = Faults::default();
    let document = one_document(text, &mut faults, "write `version: slo-toil/v1`, and `weeks`");
    let sheet = document.and_then(|document| sheet(&document, &mut faults));
    faults.into_result(sheet)
}

fn sheet(node: &Node, faults: &mut Faults) -> Option<ToilSheet> {
    let fields = Fields::of(node, "", &["version", "time_zone", "weeks"], faults)?;
    check_version(&fields, "slo-toil/v1", faults);
    let zone = fields.text("time_zone", faults).unwrap_or("UTC");
    let calendar = match Calendar::new(CalendarUnit::Week, zone) {
        Ok(calendar) => calendar,
        Err(error) => {
            let position = fields.optional("time_zone").map_or(fields.position(), |node| node.position);
            faults.add(position, "time_zone", error);
            return None;
        }
    };
    let list = fields.required("weeks", "[{week: 2026-W45, worked: 160h}]", faults)?;
    let mut weeks: Vec<Week> = Vec::new();
    for (place, node) in items(list, "weeks", faults) {
        let Some(week) = week(node, &place, &calendar, faults) else { continue };
        if weeks.iter().any(|other| other.span == week.span) {
            let error =
                Error::new(format!("the week {} is there twice", week.name)).with_hint("keep one of them");
            faults.add(node.position, &place, error);
        }
        weeks.push(week);
    }
    if weeks.len() < 2 && faults.is_empty() {
        let error = Error::new("fewer than two weeks have no spread").with_hint("write at least two weeks");
        faults.add(list.position, "weeks", error);
    }
    weeks.sort_by_key(|week| week.span.start());
    Some(ToilSheet { weeks })
}

fn week(node: &Node, place: &str, calendar: &Calendar, faults: &mut Faults) -> Option<Week> {
    let fields = Fields::of(node, place, &["week", "worked", "toil"], faults)?;
    let worked = fields.required("worked", "160h", faults);
    let worked = worked.and_then(|node| work(node, &fields.path("worked"), faults));
    let name = fields.required("week", "2026-W45", faults)?;
    let place = fields.path("week");
    let named = text(name, &place, faults)?;
    let span = match calendar.named(named) {
        Ok(span) => Some(span),
        Err(error) => {
            faults.add(name.position, &place, error);
            None
        }
    };
    let toil = fields.optional("toil").map(|node| toil(node, &fields.path("toil"), faults));
    let week = Week { name: named.to_owned(), span: span?, worked: worked?, toil: toil.unwrap_or_default() };
    let sum: u64 = week.toil.values().copied().map(Window::as_millis).fold(0, u64::saturating_add);
    if sum > week.worked.as_millis() {
        let error = Error::new(format!("more toil than the {} of work", week.worked))
            .with_hint("`worked` is the time of all people together");
        faults.add(fields.position(), &fields.path("toil"), error);
    }
    Some(week)
}

/// Hours and minutes. A day of work has other hours than a day, so days are refused.
fn work(node: &Node, place: &str, faults: &mut Faults) -> Option<Window> {
    let written = text(node, place, faults)?;
    if written.contains(['d', 'w', 'y']) || written.bytes().all(|byte| byte.is_ascii_digit()) {
        let error =
            Error::new(format!("`{written}` is not a time in hours")).with_hint("write 160h, or 9h30m");
        faults.add(node.position, place, error);
        return None;
    }
    parsed(node, place, faults)
}

fn toil(node: &Node, place: &str, faults: &mut Faults) -> BTreeMap<String, Window> {
    let Value::Map(entries) = &node.value else {
        let error = Error::new(format!("expected a mapping, found {}", node.kind()))
            .with_hint("write `{certificates: 6h}`");
        faults.add(node.position, place, error);
        return BTreeMap::new();
    };
    let mut toil = BTreeMap::new();
    for (key, value) in entries {
        if key.text.trim().is_empty() || key.text.chars().any(char::is_control) {
            let error = Error::new("work needs a name on one line").with_hint("write `certificates: 6h`");
            faults.add(key.position, place, error);
        }
        let place = format!("{place}.{}", key.text);
        let spent = work(value, &place, faults);
        if let Some(spent) = spent
            && toil.insert(key.text.clone(), spent).is_some()
        {
            faults.add(key.position, &place, Error::new("this work is there twice").with_hint("add both up"));
        }
    }
    toil
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_told_with_its_place() {
        let text = "
version: slo-toil/v1
weeks:
  - {week: 2026-W45, worked: 10h, toil: {a: 6h, b: 5h}}
  - {week: 2026-W54, worked: 10h}
  - {week: 2026-W44, worked: 10, toil: {a: much}}
  - {week: 2026-W45, worked: 10h, tool: {}}
";
        let faults = read_toil(text).unwrap_err();
        let told: Vec<String> = faults
            .faults()
            .iter()
            .map(|fault| format!("{}: {}", fault.place, fault.error.message()))
            .collect();
        for expected in [
            "weeks[0].toil: more toil than the 10h of work",
            "weeks[1].week: `2026-W54` is not a week",
            "weeks[2].worked: `10` is not a time in hours",
            "weeks[2].toil.a: ",
            "weeks[3]: unknown key `tool`",
        ] {
            assert!(told.iter().any(|one| one.starts_with(expected)), "{expected}: {told:?}");
        }
        assert!(read_toil("version: slo-toil/v1\nweeks: [{week: 2026-W45, worked: 1h}]").is_err());
    }
}
