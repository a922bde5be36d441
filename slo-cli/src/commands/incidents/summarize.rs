//! `slo incidents summarize`

use super::record::Opened;
use crate::{
    args::{Format, Show},
    error::Error,
    text,
};
use serde_json::json;
use slo_core::plain;
use slo_ops::{
    incident::{Event, Written},
    summary::facts,
};
use slo_server::{Summarizer, config::Config};
use std::io::Write;

pub(super) async fn summarize(show: &Show, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let record = Opened::new(&show.record).await?;
    let id = record.find(&show.incident).await?;
    let (incident, entries) = record.incident(id).await?;
    let Some(episode) = incident.episodes().last() else {
        return Err(Error::Input(format!(
            "incident {id} has no episode: its alerts were resolved before they were seen"
        )));
    };
    let config = show.record.place.config.as_deref().map(Config::load).transpose();
    let config = config.map_err(|faults| Error::Input(faults.to_string()))?;
    let summarizer = Summarizer::new(config.as_ref().and_then(|config| config.summary.as_ref()))?;
    let event = summarizer.summarize(episode, &entries, &record.redactor).await;
    let Event::Summarized { text, model, refused } = event else { return Ok(()) };
    if show.output.format == Format::Json {
        let facts = facts(episode, &entries, &record.redactor);
        return text::json(out, &json!({"text": text, "model": model, "refused": refused, "facts": facts}));
    }
    writeln!(out, "{}", plain(&text))?;
    let written = Written::new(text, model, refused);
    writeln!(talk, "{}", plain(&written.by()))?;
    Ok(())
}
