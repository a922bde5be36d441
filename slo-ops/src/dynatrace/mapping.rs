//! Which metrics of Dynatrace an SLO counts, as people write it down.

use slo_core::{
    Diagnostics, Error,
    document::{Faults, Fields, Node, Value, check_version, one_document, text},
};
use std::collections::BTreeMap;

/// The metrics of SLOs, by `service/slo`.
pub type DynatraceMapping = BTreeMap<String, Mapped>;

/// What an SLO counts in Dynatrace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mapped {
    /// Metric selectors of the good and of all events; of a classic SLO.
    pub events: Option<(String, String)>,
    /// The entities, as an entity selector; of a classic SLO.
    pub filter: String,
    /// A query in DQL whose result has the field `sli`, in percent; of a platform SLO.
    pub dql: Option<String>,
}

/// The longest entity selector of a classic SLO.
const LONGEST_FILTER: usize = 1_000;

/// Reads a mapping.
///
/// ```
/// let text = "
/// version: slo-dynatrace/v1
/// slos:
///   checkout/availability:
///     good: builtin:service.errors.server.successCount:splitBy()
///     total: builtin:service.requestCount.server:splitBy()
///     filter: type(SERVICE),entityName.equals(\"checkout\")
/// ";
/// let mapping = slo_ops::dynatrace::read_mapping(text)?;
/// assert!(mapping["checkout/availability"].events.is_some());
/// # Ok::<(), slo_core::Diagnostics>(())
/// ```
///
/// # Errors
/// Every fault of the file, with its position.
pub fn read_mapping(text: &str) -> Result<DynatraceMapping, Diagnostics> {
    let mut faults = Faults::default();
    let document = one_document(text, &mut faults, "write `version: slo-dynatrace/v1`, and `slos`");
    let mapping = document.and_then(|document| mapping(&document, &mut faults));
    faults.into_result(mapping)
}

fn mapping(node: &Node, faults: &mut Faults) -> Option<DynatraceMapping> {
    let fields = Fields::of(node, "", &["version", "slos"], faults)?;
    check_version(&fields, "slo-dynatrace/v1", faults);
    let slos = fields.required("slos", "{checkout/availability: {good: …, total: …}}", faults)?;
    let Value::Map(entries) = &slos.value else {
        let error = Error::new(format!("expected a mapping, found {}", slos.kind()))
            .with_hint("write `checkout/availability: {good: …, total: …}`");
        faults.add(slos.position, "slos", error);
        return None;
    };
    let mut mapping = DynatraceMapping::new();
    for (key, node) in entries {
        let place = format!("slos.{}", key.text);
        if let Some(mapped) = mapped(node, &place, faults)
            && mapping.insert(key.text.clone(), mapped).is_some()
        {
            faults.add(
                key.position,
                &place,
                Error::new("this SLO is there twice").with_hint("keep one of them"),
            );
        }
    }
    Some(mapping)
}

fn mapped(node: &Node, place: &str, faults: &mut Faults) -> Option<Mapped> {
    let fields = Fields::of(node, place, &["good", "total", "filter", "dql"], faults)?;
    let mut given = |name: &str| {
        let node = fields.optional(name)?;
        let text = text(node, &fields.path(name), faults)?.trim();
        if text.is_empty() {
            faults.add(
                node.position,
                &fields.path(name),
                Error::new("it is empty").with_hint("leave it out"),
            );
        }
        Some(text.to_owned())
    };
    let (good, total, filter, dql) = (given("good"), given("total"), given("filter"), given("dql"));
    let events = match (good, total) {
        (Some(good), Some(total)) => Some((good, total)),
        (None, None) => None,
        _ => {
            let error = Error::new("`good` and `total` belong together").with_hint("write both");
            faults.add(fields.position(), place, error);
            None
        }
    };
    if events.is_none() && dql.is_none() {
        let error = Error::new("it says no metric")
            .with_hint("write `good` and `total` for a classic SLO, or `dql` for a platform SLO");
        faults.add(fields.position(), place, error);
    }
    if let Some(node) = fields.optional("filter").filter(|_| events.is_none() && dql.is_some()) {
        let error = Error::new("`filter` belongs to `good` and `total`")
            .with_hint("write the condition into the query `dql`");
        faults.add(node.position, &fields.path("filter"), error);
    }
    if let Some(filter) = &filter
        && filter.chars().count() > LONGEST_FILTER
    {
        let error = Error::new(format!("the filter has more than {LONGEST_FILTER} characters"))
            .with_hint("shorten it");
        faults.add(fields.position(), &fields.path("filter"), error);
    }
    if let Some(query) = &dql
        && !query
            .split(|character: char| !character.is_alphanumeric() && character != '_')
            .any(|word| word == "sli")
    {
        let error = Error::new("the query makes no field `sli`")
            .with_hint("end it with `| fieldsAdd sli = 100 * (good[] / total[])`");
        faults.add(fields.position(), &fields.path("dql"), error);
    }
    Some(Mapped { events, filter: filter.unwrap_or_default(), dql })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_told_with_its_place() {
        let text = "
version: slo-dynatrace/v1
slos:
  a/b: {good: x}
  a/c: {filter: type(SERVICE)}
  a/d: {dql: 'timeseries x = avg(y)'}
  a/e: {good: x, total: y, unit: z}
  a/f: {dql: 'timeseries sli = avg(y)', filter: type(SERVICE)}
";
        let faults = read_mapping(text).unwrap_err();
        let told: Vec<String> = faults
            .faults()
            .iter()
            .map(|fault| format!("{}: {}", fault.place, fault.error.message()))
            .collect();
        for expected in [
            "slos.a/b: `good` and `total` belong together",
            "slos.a/c: it says no metric",
            "slos.a/d.dql: the query makes no field `sli`",
            "slos.a/e: unknown key `unit`",
            "slos.a/f.filter: `filter` belongs to `good` and `total`",
        ] {
            assert!(told.iter().any(|one| one.starts_with(expected)), "{expected}: {told:?}");
        }
    }
}
