//! `slo experiment judge`

use super::{
    plan::laboratory,
    run::{concluded, show},
};
use crate::{args::Judged, error::Error};
use slo_ops::experiment::{Finding, Stop, ToolkitJournal};
use std::{fs, io::Write};

pub(super) async fn judge(judged: &Judged, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let path = &judged.journal;
    let text = fs::read_to_string(path).map_err(|error| Error::file(path, &error))?;
    let journal = ToolkitJournal::read(&text)
        .map_err(|error| Error::from(error).within(&path.display().to_string()))?;
    for failed in &journal.failed {
        writeln!(talk, "warning: {}", slo_core::plain(failed))?;
    }
    if !journal.rolled_back {
        writeln!(talk, "warning: no rollback ran, so the fault may still be in place")?;
    }
    let stop = match journal.failed.first() {
        Some(failed) => Stop::Failed { error: failed.clone() },
        None => Stop::Done,
    };
    let laboratory = laboratory(&judged.planned, talk)?;
    let run = laboratory.judge(journal.began, journal.ended, stop).await.map_err(Error::outside)?;
    let finding = Finding::of(&run)?;
    let shown = show(&finding, judged.planned.output.format, out);
    concluded(&finding)?;
    shown
}
