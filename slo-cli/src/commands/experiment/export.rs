//! `slo experiment export`

use super::plan::experiment;
use crate::{args::Exported, error::Error, write};
use slo_ops::experiment::{ExportTarget, Pods, chaos_toolkit, manifest};
use std::io::Write;

pub(super) fn export(exported: &Exported, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let (_, experiment) = experiment(&exported.experiment)?;
    let text = if exported.target == ExportTarget::ChaosToolkit {
        let files = std::iter::once(&exported.experiment).chain(&exported.files);
        let files = files.map(|path| path.display().to_string());
        let prometheus = exported.prometheus.iter().flat_map(|url| ["--prometheus".to_owned(), url.clone()]);
        chaos_toolkit(&experiment, &files.chain(prometheus).collect::<Vec<_>>())
    } else {
        let pods = exported.namespace.clone().zip(exported.selector.clone());
        let pods = pods.map(|(namespace, selector)| Pods { namespace, selector });
        manifest(&experiment, exported.target, pods.as_ref())?
    };
    match &exported.out {
        Some(path) => {
            write::atomically(path, &text)?;
            writeln!(talk, "{}", path.display())?;
        }
        None => out.write_all(text.as_bytes())?,
    }
    Ok(())
}
