//! `slo incidents postmortem` and `export`.

use super::record::Opened;
use crate::{
    args::{Export, Postmortem},
    error::Error,
    write,
};
use serde_json::json;
use slo_ops::incident::postmortem;
use std::io::Write;

pub(super) async fn write_postmortem(
    draft: &Postmortem,
    out: &mut dyn Write,
    talk: &mut dyn Write,
) -> Result<(), Error> {
    let record = Opened::new(&draft.record).await?;
    let id = record.find(&draft.incident).await?;
    let (incident, entries) = record.incident(id).await?;
    let Some(episode) = incident.episodes().last() else {
        return Err(Error::Input(format!(
            "incident {id} has no episode: its alerts were resolved before they were seen"
        )));
    };
    let text = postmortem(episode, &entries, &record.redactor);
    match &draft.out {
        Some(path) => {
            write::atomically(path, &text)?;
            writeln!(talk, "{}", path.display())?;
        }
        None => out.write_all(text.as_bytes())?,
    }
    Ok(())
}

/// Writes the records of all incidents, each from its first entry.
pub(super) async fn export(export: &Export, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let record = Opened::new(&export.record).await?;
    let Some(path) = &export.out else { return write_records(&record, out).await };
    let mut text = Vec::new();
    write_records(&record, &mut text).await?;
    write::atomically(path, &String::from_utf8_lossy(&text))?;
    writeln!(talk, "{}", path.display())?;
    Ok(())
}

async fn write_records(record: &Opened, out: &mut dyn Write) -> Result<(), Error> {
    for incident in record.ids().await? {
        for numbered in record.entries(incident).await? {
            let mut json = json!(numbered.entry);
            record.redactor.redact_json(&mut json);
            if let Some(fields) = json.as_object_mut() {
                fields.insert("incident".to_owned(), json!(incident));
                fields.insert("number".to_owned(), json!(numbered.number));
            }
            writeln!(out, "{json}")?;
        }
    }
    Ok(())
}
