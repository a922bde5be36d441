//! Gates as people write them, in the configuration of a server.

use super::{Compare, Gate};
use slo_core::{
    Error,
    document::{Faults, Fields, Node, Value, items, text},
    model::{Ratio, Window},
    stats::ReleaseRules,
};
use std::{collections::BTreeMap, str::FromStr};

/// Gates by name.
pub type Gates = BTreeMap<String, Gate>;

const KNOWN: [&str; 10] = [
    "slos",
    "new",
    "old",
    "before",
    "allowed_burn_rate",
    "harmful_burn_rate",
    "harmful_ratio",
    "false_fail",
    "false_pass",
    "design_effect",
];

/// Reads a mapping of gates. Faults, with their positions below `place`, go to `faults`.
pub fn read_gates(node: &Node, place: &str, faults: &mut Faults) -> Gates {
    let Value::Map(entries) = &node.value else {
        let error = Error::new("expected gates by name")
            .with_hint("write `checkout: {slos: [checkout/availability]}`");
        faults.add(node.position, place, error);
        return Gates::new();
    };
    let mut gates = Gates::new();
    for (key, node) in entries {
        let place = format!("{place}.{}", key.text);
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if key.text.is_empty() || !key.text.bytes().all(is_name) {
            let error = Error::new(format!("`{}` is no name that an address can have", key.text))
                .with_hint("use letters, digits, `-`, `_` and `.`");
            faults.add(key.position, &place, error);
        }
        if let Some(gate) = gate(node, &place, faults)
            && gates.insert(key.text.clone(), gate).is_some()
        {
            faults.add(key.position, &place, Error::new("there is a gate of this name before"));
        }
    }
    gates
}

fn gate(node: &Node, place: &str, faults: &mut Faults) -> Option<Gate> {
    let fields = Fields::of(node, place, &KNOWN, faults)?;
    let mut slos = Vec::new();
    if let Some(node) = fields.optional("slos") {
        for (place, item) in items(node, &fields.path("slos"), faults) {
            slos.extend(text(item, &place, faults).map(str::to_owned));
        }
        if matches!(&node.value, Value::List(items) if items.is_empty()) {
            let error =
                Error::new("the list is empty").with_hint("name SLOs, or leave `slos` out for all of them");
            faults.add(node.position, &fields.path("slos"), error);
        }
    }
    let new = fields.text("new", faults).map(str::to_owned);
    let compare = match (fields.optional("old"), fields.optional("before")) {
        (Some(_), Some(node)) => {
            let error = Error::new("`old` and `before` exclude each other").with_hint(
                "keep `old` for a version that runs beside the new one, `before` for one that it replaces",
            );
            faults.add(node.position, &fields.path("before"), error);
            Compare::Objective
        }
        (Some(_), None) => Compare::Beside(fields.text("old", faults).unwrap_or_default().to_owned()),
        (None, Some(_)) => {
            number::<Window>(&fields, "before", faults).map_or(Compare::Objective, Compare::Before)
        }
        (None, None) => Compare::Objective,
    };
    let defaults = ReleaseRules::default();
    let ratio = |name: &str, faults: &mut Faults| number::<Ratio>(&fields, name, faults).map(Ratio::to_f64);
    let rules = ReleaseRules {
        allowed_burn_rate: ratio("allowed_burn_rate", faults).unwrap_or(defaults.allowed_burn_rate),
        harmful_ratio: ratio("harmful_ratio", faults).unwrap_or(defaults.harmful_ratio),
        design_effect: ratio("design_effect", faults).unwrap_or(defaults.design_effect),
        false_fail: share(&fields, "false_fail", faults).unwrap_or(defaults.false_fail),
        false_pass: share(&fields, "false_pass", faults).unwrap_or(defaults.false_pass),
        ..defaults
    };
    let gate = Gate { slos, new, compare, rules, harmful_burn_rate: ratio("harmful_burn_rate", faults) };
    gate.check().map_err(|error| faults.add(fields.position(), place, error)).ok()?;
    Some(gate)
}

fn number<T: FromStr<Err = Error>>(fields: &Fields<'_>, name: &str, faults: &mut Faults) -> Option<T> {
    slo_core::document::parsed(fields.optional(name)?, &fields.path(name), faults)
}

/// A probability, such as `1%`.
fn share(fields: &Fields<'_>, name: &str, faults: &mut Faults) -> Option<f64> {
    let node = fields.optional(name)?;
    let written = text(node, &fields.path(name), faults)?;
    let percent = written.strip_suffix('%').and_then(|number| number.trim_end().parse::<Ratio>().ok());
    let percent = percent.filter(|percent| *percent > Ratio::ZERO && *percent < Ratio::whole(100));
    if percent.is_none() {
        let error =
            Error::new(format!("`{written}` is not a percentage between 0% and 100%")).with_hint("write 1%");
        faults.add(node.position, &fields.path(name), error);
    }
    percent.map(|percent| percent.to_f64() / 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use slo_core::document::documents;

    fn read(text: &str) -> Result<Gates, String> {
        let nodes = documents(text).unwrap();
        let mut faults = Faults::default();
        let gates = read_gates(&nodes[0], "gates", &mut faults);
        faults.into_result(Some(gates)).map_err(|faults| faults.to_string())
    }

    #[test]
    fn reads_gates() {
        let gates = read(
            "checkout: {slos: [checkout/availability], new: 'version=\"{version}\"', old: 'version!=\"{version}\"', false_fail: 0.5%}\n\
             plain: {before: 1h, harmful_burn_rate: 14.4}\n",
        )
        .unwrap();
        assert_eq!(gates["checkout"].parameters(), ["version"]);
        assert!((gates["checkout"].rules.false_fail - 0.005).abs() < 1e-12);
        assert_eq!(gates["plain"].compare, Compare::Before(Window::hours(1)));
        assert_eq!(gates["plain"].harmful_burn_rate, Some(14.4));
    }

    #[test]
    fn every_fault_is_told() {
        for (text, told) in [
            ("a: {old: 'a=\"1\"', before: 1h}", "exclude each other"),
            ("a: {new: version}", "no matchers"),
            ("a: {harmful_burn_rate: 0.5}", "not above the allowed one"),
            ("a: {false_fail: 5}", "not a percentage"),
            ("a: {false_fail: 200%}", "between 0% and 100%"),
            ("a: {slos: []}", "the list is empty"),
            ("a: {old: 'a=\"1\"'}", "would include those of the old one"),
            ("a: {canary: x}", "unknown key `canary`"),
            ("'a b': {}", "no name that an address can have"),
            ("[a]", "expected gates by name"),
        ] {
            let faults = read(text).unwrap_err();
            assert!(faults.contains(told), "{text}: {faults}");
        }
    }
}
