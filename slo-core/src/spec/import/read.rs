//! Reads specifications in every format.

use super::{
    everything::Everything,
    foreign::Foreign,
    format::{Format, has_known, is_other, names_a_format, objects},
    openslo, pyrra,
    report::{Loss, LossKind, Report},
    slo_generator, sloth,
};
use crate::{
    Diagnostics, Error, Fault,
    document::{Node, documents},
    model::{Name, Service},
    spec::{
        Defaults, lower,
        native::{distinct, empty, start_of},
    },
};
use std::collections::BTreeMap;

/// The services of a specification, and its losses.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Document {
    /// Its services.
    pub services: Vec<Service>,
    /// Parts of another tool's specification that are not carried over unchanged. Empty for native documents.
    pub losses: Vec<Loss>,
}

/// Reads specifications in any known format, recognised by their content.
///
/// The formats are native documents, their form as a Kubernetes object (`slo.dev/v1`, kind `SLO`), Sloth's `prometheus/v1` and `PrometheusServiceLevel` with slokit's keys,
/// OpenSLO `v1alpha`, `v1` and `v2alpha`, Pyrra's `ServiceLevelObjective`, and slo-generator's
/// `sre.google.com/v2`.
///
/// Texts passed together may refer to each other: an OpenSLO SLO may refer to an SLI in another text, and
/// Sloth's `AlertWindows` apply to all Sloth SLOs. If several texts hold SLOs of one service of another tool,
/// the first of them returns the service.
///
/// ```
/// use slo_core::spec;
///
/// let sloth = r#"
/// version: prometheus/v1
/// service: myservice
/// slos:
///   - name: availability
///     objective: 99.9
///     sli:
///       events:
///         error_query: sum(rate(requests_total{code=~"5.."}[{{.window}}]))
///         total_query: sum(rate(requests_total[{{.window}}]))
///     alerting: {name: HighErrorRate}
/// "#;
/// let document = spec::read(&[sloth]).remove(0)?;
/// assert_eq!(document.services[0].slos()[0].objective().to_string(), "99.9%");
/// assert!(document.losses[0].fault.error.message().contains("30d"));
/// # Ok::<(), slo_core::Diagnostics>(())
/// ```
///
/// # Errors
/// For each text, all of its faults at once, with positions and hints.
#[must_use]
pub fn read(texts: &[&str]) -> Vec<Result<Document, Diagnostics>> {
    read_with(texts, &Defaults::default())
}

/// Reads specifications as [`read`] does, with defaults for settings that they leave out.
///
/// # Errors
/// As [`read`].
#[must_use]
pub fn read_with(texts: &[&str], defaults: &Defaults) -> Vec<Result<Document, Diagnostics>> {
    let parsed: Vec<Result<Vec<Node>, Fault>> = texts.iter().map(|text| documents(text)).collect();
    let mut everything = Everything { defaults: defaults.clone(), ..Everything::default() };
    for nodes in parsed.iter().flatten() {
        objects(nodes, &mut |node| everything.add(node));
    }
    let mut merged: BTreeMap<Name, Option<Foreign>> = BTreeMap::new();
    let read: Vec<_> = parsed
        .iter()
        .map(|parsed| {
            let mut report = Report::default();
            let (mut native, mut foreign) = (Vec::new(), Vec::new());
            match parsed {
                Ok(nodes) if nodes.iter().all(Node::is_nothing) => {
                    report.faults.add(start_of(nodes), "", empty());
                }
                Ok(nodes) => {
                    let has_known = has_known(nodes);
                    objects(nodes, &mut |node| {
                        if is_other(node) && has_known {
                            let what =
                                node.scalar("kind").map_or_else(String::new, |kind| format!(" `{kind}`"));
                            report.skip(node.position, format!("an object{what}, which is not an SLO"));
                            return;
                        }
                        if everything.twins.iter().any(|twin| std::ptr::eq(*twin, node)) {
                            let error = Error::new("another object has this kind and name")
                                .with_hint("rename one of them");
                            report.faults.add(node.position, "metadata.name", error);
                        }
                        match Format::of(node) {
                            Format::Native => {
                                let service = lower::service(node, defaults, &mut report.faults);
                                native.extend(service.map(|service| (node.position, service)));
                            }
                            Format::NativeObject => {
                                let service = lower::object(node, defaults, &mut report.faults);
                                native.extend(service.map(|service| (node.position, service)));
                            }
                            format => {
                                report.faults.keep_unknown(true);
                                foreign.extend(lower_foreign(format, node, &everything, &mut report));
                                report.unknown.extend(report.faults.keep_unknown(false));
                            }
                        }
                    });
                }
                Err(fault) => report.faults.push(fault.clone()),
            }
            let mut names = Vec::new();
            for found in foreign {
                if let Some(Some(service)) = merged.get_mut(&found.name) {
                    service.merge(found, &mut report);
                } else {
                    names.push(found.name.clone());
                    merged.insert(found.name.clone(), Some(found));
                }
            }
            (native, names, report)
        })
        .collect();
    read.into_iter()
        .map(|(mut services, names, mut report)| {
            for name in names {
                let Some(foreign) = merged.get_mut(&name).and_then(Option::take) else { continue };
                services.extend(foreign.finish(defaults, &mut report));
            }
            let services = distinct(services, &mut report.faults);
            if report.faults.is_empty() {
                let mut losses = report.losses;
                let unknown = report.unknown.into_iter();
                losses.extend(unknown.map(|fault| Loss { kind: LossKind::Lost, fault }));
                losses.sort_by_key(|loss| (loss.fault.line, loss.fault.column));
                Ok(Document { services, losses })
            } else {
                // A missing key may be a misspelled one.
                let mut faults = report.faults.into_vec();
                faults.extend(report.unknown);
                Err(Diagnostics::new(faults))
            }
        })
        .collect()
}

/// Whether `text` holds a specification in any known format.
///
/// It may also hold other objects. Text that is not valid YAML counts if it names one of the formats. Use it
/// to choose among the files of a folder.
///
/// ```
/// use slo_core::spec::holds_specification;
///
/// assert!(holds_specification("{apiVersion: pyrra.dev/v1alpha1, kind: ServiceLevelObjective}"));
/// assert!(!holds_specification("{apiVersion: v1, kind: ConfigMap}"));
/// ```
#[must_use]
pub fn holds_specification(text: &str) -> bool {
    match documents(text) {
        Ok(nodes) => has_known(&nodes),
        Err(_) => names_a_format(text),
    }
}

fn lower_foreign(
    format: Format,
    node: &Node,
    everything: &Everything<'_>,
    report: &mut Report,
) -> Vec<Foreign> {
    match format {
        Format::Sloth => sloth::document(node, everything, report),
        Format::SlothObject => sloth::object(node, everything, report),
        Format::OpenSlo(version) => openslo::object(version, node, everything, report),
        Format::Pyrra => pyrra::object(node, everything, report),
        Format::SloGenerator => slo_generator::object(node, everything, report),
        Format::Native | Format::NativeObject | Format::Unknown => {
            let api = node.scalar("apiVersion").unwrap_or_default();
            let error = Error::new(format!("`{api}` is not a supported API version")).with_hint(
                "use slo.dev/v1, openslo/v1alpha, openslo/v1, openslo.com/v2alpha, sloth.slok.dev/v1, pyrra.dev/v1alpha1 \
                 or sre.google.com/v2, or begin the document with `version: slo/v1`",
            );
            let position = node.entry("apiVersion").map_or(node.position, |node| node.position);
            report.faults.add(position, "apiVersion", error);
            Vec::new()
        }
    }
}
