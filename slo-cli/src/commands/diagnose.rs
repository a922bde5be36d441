//! `slo diagnose`

use crate::{
    args::{Diagnose, Format},
    error::Error,
    table, text,
};
use serde_json::json;
use slo_ops::host::findings;
use slo_server::host::look;
use std::io::Write;

pub(super) fn run(diagnose: &Diagnose, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let facts = look(&diagnose.peers);
    let found = findings(&facts);
    if diagnose.output.format == Format::Json {
        return text::json(out, &json!({"findings": found, "facts": facts}));
    }
    if found.is_empty() {
        writeln!(out, "no problems found")?;
    } else {
        let mut table = table::new(&["level", "check", "problem", "threshold", "source"]);
        for finding in found {
            table.add_row([
                finding.level.to_string(),
                finding.check,
                finding.text,
                finding.threshold,
                finding.source,
            ]);
        }
        write!(out, "{}", table::lines(&table))?;
    }
    for unseen in &facts.unseen {
        writeln!(talk, "not checked: {unseen}")?;
    }
    Ok(())
}
