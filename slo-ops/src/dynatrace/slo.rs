//! SLOs of Dynatrace: classic ones, and those of the platform.

use super::Mapped;
use serde_json::{Map, Number, Value, json};
use slo_core::{
    Error,
    model::{ErrorBudgetPolicy, Period, Ratio, Service, Slo, Tier, Window},
};

/// An SLO of Dynatrace, as the body of a request.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DynatraceSlo {
    /// The name of its resource in Terraform.
    pub resource: String,
    /// Whether it is one of the platform.
    pub is_platform: bool,
    /// The body: of `POST /api/v2/slo`, or of `POST /platform/slo/v1/slos`.
    pub body: Value,
    /// What of the SLO is not in it.
    pub losses: Vec<String>,
}

/// The limits of a classic SLO.
const LONGEST_EXPRESSION: usize = 5_000;
const LONGEST_NAME: usize = 200;
const LONGEST_DESCRIPTION: usize = 250;
/// The smallest threshold for a fast burn.
const LEAST_FAST: f64 = 1.01;
/// The remaining share of the budget at which Dynatrace warns, unless a policy says more.
const CAUTION: (u128, u128) = (1, 4);

/// An SLO as a classic SLO of Dynatrace, enabled.
///
/// The warning is the SLI at which the share `caution` of the budget is left: that of the error-budget policy; without one, a
/// quarter, or the share at which the policy freezes releases if that is larger. The threshold for a fast burn is the factor of the
/// fastest alert.
///
/// ```
/// use slo_ops::dynatrace::{classic_slo, read_mapping};
///
/// let text = "{version: slo/v1, service: checkout, slos: [{name: availability, objective: 99.9%, window: 28d,
///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
/// let service = slo_core::spec::parse(text)?.remove(0);
/// let mapping = read_mapping("{version: slo-dynatrace/v1, slos: {checkout/availability: {good: 'a:splitBy()', total: 'b:splitBy()'}}}")?;
/// let slo = classic_slo(&service, &service.slos()[0], &mapping["checkout/availability"])?;
/// assert_eq!(slo.body["metricExpression"], "(100)*(a:splitBy())/(b:splitBy())");
/// assert_eq!((slo.body["target"].as_f64(), slo.body["warning"].as_f64()), (Some(99.9), Some(99.925)));
/// assert_eq!(slo.body["timeframe"], "-28d");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// An SLO that Dynatrace cannot judge: with groups, time slices or a calendar period; a mapping without metrics; a text beyond
/// Dynatrace's limits.
pub fn classic_slo(service: &Service, slo: &Slo, mapped: &Mapped) -> Result<DynatraceSlo, Error> {
    let path = path(service, slo);
    let (good, total) = mapped.events.as_ref().ok_or_else(|| {
        Error::new(format!("{path}: the mapping has no `good` and `total`"))
            .with_hint("a classic SLO needs both; with `dql`, ask for the kind `platform`")
    })?;
    let expression = format!("(100)*({good})/({total})");
    within(&path, "the metric expression", &expression, LONGEST_EXPRESSION)?;
    let common = Common::of(service, slo)?;
    let resource = identifier(&path);
    within(&path, "the name", &path, LONGEST_NAME)?;
    let mut losses = common.losses;
    if service.labels().iter().chain(slo.labels()).next().is_some() {
        losses.push(format!("{path}: its labels are left out: a classic SLO has no tags"));
    }
    let mut body = json!({
        "name": path,
        "evaluationType": "AGGREGATE",
        "target": common.target,
        "warning": common.warning,
        "timeframe": format!("-{}", common.days),
        "enabled": true,
        "metricName": resource,
        "metricExpression": expression,
        "filter": mapped.filter,
        "errorBudgetBurnRate": {"burnRateVisualizationEnabled": true, "fastBurnThreshold": common.fast},
    });
    let mut description: String = slo.description().trim().to_owned();
    if description.chars().count() > LONGEST_DESCRIPTION {
        losses.push(format!("{path}: the description is cut after {LONGEST_DESCRIPTION} characters"));
        description = description.chars().take(LONGEST_DESCRIPTION).collect();
    }
    if let Some(fields) = body.as_object_mut().filter(|_| !description.is_empty()) {
        fields.insert("description".to_owned(), description.into());
    }
    Ok(DynatraceSlo { resource, is_platform: false, body, losses })
}

/// An SLO as one of Dynatrace's platform.
///
/// ```
/// use slo_ops::dynatrace::{platform_slo, read_mapping};
///
/// let text = "{version: slo/v1, service: checkout, slos: [{name: availability, objective: 99.9%, window: 30d,
///     sli: {events: {total: requests_total, bad: errors_total}}}]}";
/// let service = slo_core::spec::parse(text)?.remove(0);
/// let mapping = read_mapping("{version: slo-dynatrace/v1, slos: {checkout/availability: {dql: 'timeseries sli=avg(x)'}}}")?;
/// let slo = platform_slo(&service, &service.slos()[0], &mapping["checkout/availability"])?;
/// assert_eq!(slo.body["criteria"][0]["timeframeFrom"], "now-30d");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// Those of [`classic_slo`]; the mapping needs `dql`.
pub fn platform_slo(service: &Service, slo: &Slo, mapped: &Mapped) -> Result<DynatraceSlo, Error> {
    let path = path(service, slo);
    let query = mapped.dql.as_ref().ok_or_else(|| {
        Error::new(format!("{path}: the mapping has no `dql`"))
            .with_hint("a platform SLO needs a query; with `good` and `total`, ask for the kind `classic`")
    })?;
    let common = Common::of(service, slo)?;
    let mut tags = vec![format!("service:{}", service.name()), format!("slo:{}", slo.name())];
    tags.extend(service.labels().iter().chain(slo.labels()).map(|(name, value)| format!("{name}:{value}")));
    let mut body = json!({
        "name": path,
        "criteria": [{
            "timeframeFrom": format!("now-{}", common.days),
            "timeframeTo": "now",
            "target": common.target,
            "warning": common.warning,
        }],
        "customSli": {"indicator": query},
        "tags": tags,
    });
    if let Some(fields) = body.as_object_mut().filter(|_| !slo.description().is_empty()) {
        fields.insert("description".to_owned(), slo.description().into());
    }
    Ok(DynatraceSlo { resource: identifier(&path), is_platform: true, body, losses: common.losses })
}

/// What both kinds have.
struct Common {
    target: Number,
    warning: Number,
    /// The period, such as `30d`.
    days: String,
    fast: f64,
    losses: Vec<String>,
}

impl Common {
    fn of(service: &Service, slo: &Slo) -> Result<Self, Error> {
        let path = path(service, slo);
        let refuse =
            |what: &str, hint: &str| Err(Error::new(format!("{path}: {what}")).with_hint(hint.to_owned()));
        if !slo.by().is_empty() {
            return refuse(
                "it has groups, and an SLO of Dynatrace is a single number",
                "write an SLO without `by` for Dynatrace",
            );
        }
        if slo.slices().is_some() {
            return refuse(
                "it is judged by time slices, which Dynatrace does not know",
                "write an SLO that counts events",
            );
        }
        let Period::Rolling(period) = slo.period() else {
            return refuse(
                "it has a calendar period, for which Dynatrace has no timeframe that is documented",
                "write a rolling window, such as 30d",
            );
        };
        let days = format!("{}d", period.as_millis() / Window::days(1).as_millis());
        let policy = service.error_budget_policy();
        let quarter = Ratio::new(CAUTION.0, CAUTION.1)?;
        let freeze = policy.map_or(Ratio::ZERO, ErrorBudgetPolicy::freeze);
        let (caution, of_policy) = match policy.and_then(ErrorBudgetPolicy::caution) {
            Some(caution) => (caution, "only `caution` is used, as the warning"),
            None if freeze > quarter => (freeze, "only the share of `freeze` is used, as the warning"),
            None => (quarter, "nothing is used; the warning is at a quarter"),
        };
        let mut losses = Vec::new();
        if !service.exclusions().is_empty() {
            losses.push(format!("{path}: excluded times are not excluded in Dynatrace"));
        }
        if policy.is_some() {
            losses.push(format!("{path}: of the error-budget policy, {of_policy}"));
        }
        let fastest = slo.policy().tiers().first().map(Tier::factor).transpose()?;
        Ok(Self {
            target: percent(&path, slo.objective().budget(), Ratio::ZERO)?,
            warning: percent(&path, slo.objective().budget(), caution)?,
            days,
            fast: fastest.map_or(LEAST_FAST, Ratio::to_f64).max(LEAST_FAST),
            losses,
        })
    }
}

/// The SLI in percent at which the share `left` of the budget is left, exactly, as a JSON number.
fn percent(path: &str, budget: Ratio, left: Ratio) -> Result<Number, Error> {
    let exact = || {
        let spent = Ratio::ONE.checked_sub(left)?.checked_mul(budget)?;
        Ratio::ONE.checked_sub(spent)?.checked_mul(Ratio::whole(100))?.to_decimal()?.parse::<f64>().ok()
    };
    exact().and_then(Number::from_f64).ok_or_else(|| {
        Error::new(format!("{path}: its objective has no decimal form in percent"))
            .with_hint("write an objective such as 99.9%")
    })
}

fn path(service: &Service, slo: &Slo) -> String {
    format!("{}/{}", service.name(), slo.name())
}

fn within(path: &str, what: &str, text: &str, most: usize) -> Result<(), Error> {
    let length = text.chars().count();
    if length <= most {
        return Ok(());
    }
    Err(Error::new(format!("{path}: {what} has {length} characters, and Dynatrace allows {most}"))
        .with_hint("shorten it"))
}

/// A name of a resource, and of a metric: lower case, digits and underscores.
fn identifier(path: &str) -> String {
    let name: String = path
        .chars()
        .map(|character| if character.is_ascii_alphanumeric() { character.to_ascii_lowercase() } else { '_' })
        .collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("slo_{name}") } else { name }
}

/// The fields of a JSON object.
pub(super) fn fields(value: &Value) -> Map<String, Value> {
    value.as_object().cloned().unwrap_or_default()
}
