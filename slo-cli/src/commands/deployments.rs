//! `slo deployments`

use super::{
    incidents::{open, user},
    serve::{outside, runtime},
};
use crate::{
    args::{Deployed, Deployments, DeploymentsVerb, Format, Recorded},
    error::Error,
    table, text, time,
};
use serde_json::json;
use slo_ops::Deployment;
use std::io::Write;

pub(super) fn run(deployments: &Deployments, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    match &deployments.verb {
        DeploymentsVerb::Record(recorded) => runtime()?.block_on(record(recorded, talk)),
        DeploymentsVerb::List(deployed) => runtime()?.block_on(list(deployed, out)),
    }
}

async fn record(recorded: &Recorded, talk: &mut dyn Write) -> Result<(), Error> {
    let at = recorded.at.unwrap_or_else(time::now);
    let who = recorded.who.clone().unwrap_or_else(user);
    let mut deployment = Deployment::new(&recorded.service, &recorded.version, at)?.by(&who);
    if let Some(committed) = recorded.committed_at {
        deployment = deployment.committed_at(committed)?;
    }
    if let Some(url) = &recorded.url {
        deployment = deployment.with_url(url)?;
    }
    let (store, _) = open(&recorded.record.place).await?;
    let is_new = store.keep_deployment(deployment.clone()).await.map_err(outside)?;
    let known = if is_new { "" } else { "; it was recorded before" };
    Ok(writeln!(talk, "{}{known}", slo_core::plain(&deployment.to_string()))?)
}

async fn list(deployed: &Deployed, out: &mut dyn Write) -> Result<(), Error> {
    let (store, _) = open(&deployed.record.place).await?;
    let now = time::now();
    let all = store.deployments(now.before(deployed.last), now).await.map_err(outside)?;
    if deployed.output.format == Format::Json {
        let shown = |one: &Deployment| {
            json!({
                "service": one.service,
                "version": one.version,
                "at": one.at.to_string(),
                "committed_at": one.committed.map(|committed| committed.to_string()),
                "url": one.url,
                "who": one.who,
            })
        };
        return text::json(out, &all.iter().map(shown).collect::<Vec<_>>());
    }
    let mut table = table::new(&["service", "version", "went live", "by"]);
    for one in &all {
        let plain = |text: &str| slo_core::plain(text).into_owned();
        table.add_row([
            one.service.clone(),
            plain(&one.version),
            one.at.to_string(),
            one.who.as_deref().map_or_else(|| "-".to_owned(), plain),
        ]);
    }
    Ok(write!(out, "{}", table::lines(&table))?)
}
