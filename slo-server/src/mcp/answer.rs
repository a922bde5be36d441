//! What the tools answer.

use super::tools::{BUDGETS, EXPLAIN, GATE, INCIDENTS};
use crate::{
    clock::now,
    config::PrometheusConfig,
    gate::Judge,
    observe::Observer,
    serve::{incident, listed, shown},
    store::{Query, Store},
};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};
use slo_core::{
    artifact::{explanation_json, status_json},
    model::{Service, Timestamp, Window},
    rules::{Options, explain},
};
use slo_ops::{
    Redactor,
    release::{Compare, Gate, GateRun},
    watch::Row,
};
use slo_prometheus::AsyncClient;
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// How long Prometheus may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// How many incidents are listed by default, and at most.
const LIMIT: usize = 20;
const MOST: usize = 100;
/// How old numbers may be if Prometheus gives no new ones.
const OLDEST: Window = Window::minutes(5);
/// How many groups of an SLO are listed at most.
const MOST_GROUPS: usize = 100;

/// What the tools read.
#[derive(Debug)]
pub struct Sources {
    services: Vec<Service>,
    prometheus: Option<(Arc<Observer>, AsyncClient)>,
    record: Option<(Arc<dyn Store>, Redactor)>,
}

impl Sources {
    /// The SLOs of `services`, as the Prometheus at `prometheus` records them, and the record of incidents.
    ///
    /// # Errors
    /// An invalid address, header or certificate.
    pub fn new(
        services: Vec<Service>,
        prometheus: Option<&PrometheusConfig>,
        record: Option<(Arc<dyn Store>, Redactor)>,
    ) -> Result<Self, slo_prometheus::Error> {
        let shared: Vec<Arc<Service>> = services.iter().cloned().map(Arc::new).collect();
        let prometheus = prometheus.map(|config| {
            Ok((Observer::new(config, &shared)?, AsyncClient::new(&config.url, config.settings(TIMEOUT))?))
        });
        Ok(Self { services, prometheus: prometheus.transpose()?, record })
    }

    pub(super) const fn has_specs(&self) -> bool {
        !self.services.is_empty()
    }

    pub(super) const fn has_prometheus(&self) -> bool {
        self.prometheus.is_some()
    }

    pub(super) const fn has_record(&self) -> bool {
        self.record.is_some()
    }

    /// The answer of a tool, or why there is none.
    pub(super) async fn answer(&self, tool: &str, arguments: Map<String, Value>) -> Result<Value, String> {
        match tool {
            BUDGETS => self.budgets(read(arguments)?).await,
            INCIDENTS => self.incidents(read(arguments)?).await,
            EXPLAIN => self.explain(&read(arguments)?),
            GATE => self.gate(read(arguments)?).await,
            other => Err(format!("there is no tool `{other}`")),
        }
    }

    async fn budgets(&self, asked: BudgetsAsked) -> Result<Value, String> {
        let (observer, _) = self.prometheus.as_ref().ok_or("no Prometheus is configured")?;
        if let Some(slo) = &asked.slo {
            self.named(slo)?;
        }
        let kept = observer.overview().await;
        let is_old = |at: Timestamp| kept.trouble.is_some() && at.after(OLDEST) < now();
        let Some((overview, at)) = kept.value.filter(|(_, at)| !is_old(*at)) else {
            let why = kept.trouble.unwrap_or_else(|| "it has not answered yet".to_owned());
            return Err(format!("Prometheus: {why}; ask again"));
        };
        let mut warnings = overview.warnings.clone();
        warnings.extend(kept.trouble.map(|why| format!("these numbers are of {at}: {why}")));
        let is_asked = |row: &&Row| asked.slo.as_ref().is_none_or(|slo| *slo == row.name());
        let rows: Vec<&Row> = overview.rows.iter().filter(is_asked).collect();
        let slos: Vec<Value> = rows.iter().map(|row| row.to_json()).collect();
        let groups: Option<Vec<Value>> = match rows.as_slice() {
            [row] if asked.slo.is_some() && row.groups.len() > 1 => {
                let groups = row.groups.iter().take(MOST_GROUPS);
                Some(groups.map(|group| status_json(&row.service, row.slo(), group)).collect())
            }
            _ => None,
        };
        let mut answer = json!({"asked_at": at.to_string(), "warnings": warnings, "slos": slos});
        if let (Some(fields), Some(groups)) = (answer.as_object_mut(), groups) {
            fields.insert("groups".to_owned(), groups.into());
        }
        Ok(answer)
    }

    async fn incidents(&self, asked: IncidentsAsked) -> Result<Value, String> {
        let (store, redactor) = self.record.as_ref().ok_or("no record of incidents is configured")?;
        if let Some(id) = &asked.incident {
            if asked.open || asked.limit.is_some() {
                return Err("`incident` excludes `open` and `limit`".to_owned());
            }
            let found = incident(store.as_ref(), id).await.map_err(crate::serve::Refused::reason)?;
            return Ok(shown(&found, redactor));
        }
        let limit = asked.limit.unwrap_or(LIMIT);
        if !(1..=MOST).contains(&limit) {
            return Err(format!("`limit` is {limit}; give 1 to {MOST}"));
        }
        let query = Query { open: asked.open, after: None, limit };
        let episodes = listed(store.as_ref(), redactor, query).await.map_err(|error| error.to_string())?;
        Ok(json!({"episodes": episodes}))
    }

    fn explain(&self, asked: &ExplainAsked) -> Result<Value, String> {
        let name = &asked.slo;
        let service = self.named(name)?;
        let options = Options { now: Some(now()), ..Options::default() };
        let explained = explain(service, options).map_err(|error| error.to_string())?;
        let found = explained.iter().find(|one| format!("{}/{}", one.service, one.slo) == *name);
        found.map(explanation_json).ok_or_else(|| format!("{name} has no rules"))
    }

    async fn gate(&self, asked: GateAsked) -> Result<Value, String> {
        let (_, client) = self.prometheus.as_ref().ok_or("no Prometheus is configured")?;
        let compare = match (asked.old, &asked.before) {
            (Some(_), Some(_)) => return Err("`old` and `before` exclude each other".to_owned()),
            (Some(old), None) => Compare::Beside(old),
            (None, Some(before)) => Compare::Before(parsed::<Window>("before", before)?),
            (None, None) => Compare::Objective,
        };
        let at = now();
        let began = match asked.since.parse::<Window>() {
            Ok(ago) => at.before(ago),
            Err(_) => parsed::<Timestamp>("since", &asked.since)?,
        };
        if began > at {
            return Err(format!("`since`: {began} is in the future"));
        }
        let told = |error: slo_core::Error| match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        };
        let gate = Gate { slos: asked.slos, new: asked.new, compare, ..Gate::default() };
        gate.check().map_err(told)?;
        let judge = Judge::new(client, &self.services, &gate).map_err(told)?;
        let series = gate.series(&BTreeMap::new()).map_err(told)?;
        let counts = judge.look(&series, began, at).await.map_err(told)?;
        Ok(GateRun::default().look(&gate, &counts).map_err(told)?.to_json())
    }

    /// The service of an SLO.
    fn named(&self, name: &str) -> Result<&Service, String> {
        let paths = |service: &Service| -> Vec<String> {
            service.slos().iter().map(|slo| format!("{}/{}", service.name(), slo.name())).collect()
        };
        self.services.iter().find(|service| paths(service).iter().any(|path| path == name)).ok_or_else(|| {
            let all: Vec<String> = self.services.iter().flat_map(paths).collect();
            format!("there is no SLO `{name}`; there are {}", all.join(", "))
        })
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct BudgetsAsked {
    slo: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct IncidentsAsked {
    incident: Option<String>,
    #[serde(default)]
    open: bool,
    limit: Option<usize>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ExplainAsked {
    slo: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct GateAsked {
    since: String,
    #[serde(default)]
    slos: Vec<String>,
    new: Option<String>,
    old: Option<String>,
    before: Option<String>,
}

fn read<T: DeserializeOwned>(arguments: Map<String, Value>) -> Result<T, String> {
    serde_json::from_value(Value::Object(arguments))
        .map_err(|error| format!("the arguments are wrong: {error}"))
}

fn parsed<T: std::str::FromStr<Err = slo_core::Error>>(name: &str, text: &str) -> Result<T, String> {
    text.parse().map_err(|error: slo_core::Error| format!("`{name}`: {error}"))
}
