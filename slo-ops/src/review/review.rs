//! All checks, one after the other.

use super::{
    Assumptions, Finding, accepted, availability, landscape::Landscape, monitoring, node_pools, probes,
    resources,
};
use crate::manifest::Object;
use slo_core::{
    Error,
    model::{Service, Timestamp},
};

/// Reviews manifests beside the SLOs of the services in them, as of `now`. The worst findings come first.
///
/// ```
/// use slo_core::model::Timestamp;
/// use slo_ops::{manifest::objects, review::{Assumptions, Check, Severity, review}};
///
/// let text = "
/// apiVersion: apps/v1
/// kind: Deployment
/// metadata: {name: api}
/// spec: {replicas: 2, template: {metadata: {labels: {app: api}}}}
/// ---
/// apiVersion: policy/v1
/// kind: PodDisruptionBudget
/// metadata: {name: api}
/// spec: {minAvailable: 2, selector: {matchLabels: {app: api}}}
/// ";
/// let findings = review(&objects("api.yaml", text)?, &[], Assumptions::default(), Timestamp::EPOCH)?;
/// assert_eq!((findings[0].check, findings[0].severity), (Check::PdbBlocksDrain, Severity::High));
/// assert_eq!(findings[0].place.line, 10);
/// # Ok::<(), slo_ops::Error>(())
/// ```
///
/// # Errors
/// An availability of pods that is not between 0 and 1.
pub fn review(
    objects: &[Object],
    services: &[Service],
    assumptions: Assumptions,
    now: Timestamp,
) -> Result<Vec<Finding>, Error> {
    let availability = assumptions.pod_availability;
    if !(0.0..=1.0).contains(&availability) {
        return Err(Error::new(format!("a pod cannot be up {availability} of the time"))
            .with_hint("write a share from 0 to 1, such as 0.995"));
    }
    let landscape = Landscape::of(objects, services);
    let mut findings = Vec::new();
    availability::review(&landscape, assumptions, &mut findings);
    probes::review(&landscape, &mut findings);
    resources::review(&landscape, &mut findings);
    node_pools::review(&landscape, &mut findings);
    monitoring::review(&landscape, services, &mut findings);
    accepted::apply(objects, now, &mut findings);
    findings.sort_by(|one, two| {
        (one.accepted.is_some(), one.severity, &one.place, one.check).cmp(&(
            two.accepted.is_some(),
            two.severity,
            &two.place,
            two.check,
        ))
    });
    findings.dedup();
    Ok(findings)
}
