//! `slo dashboards`

use crate::{args::Dashboards, error::Error, load, write};
use slo_core::artifact;
use std::{collections::BTreeMap, io::Write};

pub(super) fn run(asked: &Dashboards, talk: &mut dyn Write) -> Result<(), Error> {
    let services = load::services(&asked.specs.files, &asked.specs.reading, asked.scale.time_scale, talk)?;
    let dashboards = artifact::dashboards(&services)?;
    let mut files = BTreeMap::new();
    for dashboard in dashboards {
        let mut text = serde_json::to_string_pretty(&dashboard.json)
            .map_err(|error| Error::Outside(format!("{}: {error}", dashboard.file)))?;
        text.push('\n');
        if files.insert(dashboard.file.clone(), text).is_some() {
            return Err(Error::Input(format!(
                "two SLOs have the same dashboard file {}\n  hint: rename one of them",
                dashboard.file
            )));
        }
    }
    for (file, text) in &files {
        let path = asked.out.join("dashboards").join(file);
        write::atomically(&path, text)?;
        writeln!(talk, "{}", path.display())?;
    }
    Ok(())
}
