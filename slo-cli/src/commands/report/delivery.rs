//! `slo report --delivery`

use crate::{
    args::{Report as Asked, ReportFormat},
    commands::{
        incidents::open,
        release::SCRAPES_TO_SETTLE,
        serve::{outside, runtime},
    },
    error::Error,
    time,
};
use serde_json::json;
use slo_core::{
    artifact::{ReportSpan, html_page},
    model::{Service, Timestamp, Window},
};
use slo_ops::{
    Deployment,
    release::{Compare, Delivery, Gate, GateReport, GateRun, GateSeries, JudgedDeployment},
};
use slo_prometheus::AsyncClient;
use slo_server::gate::Judge;
use std::fmt::Write as _;

/// How long before and after a deployment its events are compared, at most.
const AROUND: Window = Window::hours(1);

/// The report of each service that was deployed, as text.
pub(super) fn delivery(asked: &Asked, services: &[Service], span: &ReportSpan) -> Result<String, Error> {
    let to = span.end.min(time::now());
    let delivered = runtime()?.block_on(delivered(asked, services, span.start, to))?;
    let title = "Delivery";
    let when = format!("{} to {}", span.start, to);
    Ok(match asked.format {
        ReportFormat::Json => {
            let shown = json!({"from": span.start.to_string(), "to": to.to_string(), "services": delivered});
            format!("{shown:#}\n")
        }
        ReportFormat::Markdown => {
            let mut text = format!("# {title}\n\n{when}\n");
            for one in &delivered {
                let _infallible = write!(text, "\n{}", one.to_markdown());
            }
            text
        }
        ReportFormat::Html => {
            let body: String = delivered.iter().map(Delivery::to_html).collect();
            html_page(title, &format!("<h1>{title}</h1>\n<p>{when}</p>\n{body}"))
        }
    })
}

async fn delivered(
    asked: &Asked,
    services: &[Service],
    from: Timestamp,
    to: Timestamp,
) -> Result<Vec<Delivery>, Error> {
    if asked.place.store.is_none() && asked.place.config.is_none() {
        return Err(Error::Usage(
            "--delivery: where is the record of deployments?\n  hint: give --config serve.yaml, or --store sqlite:slo.db".to_owned(),
        ));
    }
    let (store, _) = open(&asked.place).await?;
    let all = store.deployments(from.before(AROUND), to).await.map_err(outside)?;
    let (address, settings) = asked.access.settings(&asked.prometheus)?;
    let client = AsyncClient::new(&address, settings)?;
    // Those shortly before end the time that the first one is compared with.
    let is_asked = |one: &Deployment| one.at >= from;
    let mut names: Vec<&str> =
        all.iter().filter(|one| is_asked(one)).map(|one| one.service.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    if names.is_empty() {
        return Err(Error::Input(format!(
            "no deployment between {from} and {to} is recorded\n  hint: record them with `slo deployments record`, or POST /api/v1/deployments"
        )));
    }
    let mut delivered = Vec::new();
    for name in names {
        let own: Vec<&Deployment> = all.iter().filter(|one| one.service == name).collect();
        let service = services.iter().find(|service| service.name().as_str() == name);
        let mut judged = Vec::new();
        for (index, deployment) in own.iter().enumerate().filter(|(_, one)| is_asked(one)) {
            let previous = index.checked_sub(1).and_then(|before| own.get(before)).map(|one| one.at);
            let next = own.get(index + 1).map_or(to, |one| one.at);
            let gate = match service {
                Some(service) => judge(&client, service, deployment.at, (previous, next)).await?,
                None => None,
            };
            judged.push(JudgedDeployment { deployment: (*deployment).clone(), gate });
        }
        delivered.push(Delivery::of(name, &judged, from, to)?);
    }
    Ok(delivered)
}

/// What the events after a deployment say, compared with those before it; `None` without SLOs that count events.
async fn judge(
    client: &AsyncClient,
    service: &Service,
    at: Timestamp,
    (previous, next): (Option<Timestamp>, Timestamp),
) -> Result<Option<GateReport>, Error> {
    let counting = service.slos().iter().filter(|slo| slo.sli().counters().is_some());
    let slos: Vec<String> = counting.map(|slo| format!("{}/{}", service.name(), slo.name())).collect();
    if slos.is_empty() {
        return Ok(None);
    }
    let before = previous
        .map_or(AROUND.as_millis(), |previous| at.millis_since(previous))
        .clamp(1, AROUND.as_millis());
    let gate = Gate { slos, compare: Compare::Before(Window::from_millis(before)?), ..Gate::default() };
    let services = [service.clone()];
    let judge = Judge::new(client, &services, &gate)?;
    let began = at.after_steps(judge.scrape_interval(), SCRAPES_TO_SETTLE);
    let ended = next.min(began.after(AROUND));
    let counts =
        judge.look_around(&GateSeries::default(), (at, began), ended).await.map_err(Error::outside)?;
    Ok(Some(GateRun::default().look(&gate, &counts)?))
}
