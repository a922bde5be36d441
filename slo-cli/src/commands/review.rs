//! `slo review`

use crate::{
    args::{Review, ReviewFormat},
    error::Error,
    load::{self, Texts},
    text, time, write,
};
use serde_json::json;
use slo_core::spec;
use slo_ops::{
    manifest::readable,
    review::{Assumptions, Finding, Severity, review, sarif, suggest},
};
use std::io::Write;

pub(super) fn run(args: &Review, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let mut texts = Texts::read(&args.files, &args.reading)?;
    let mut all = Vec::new();
    for file in &mut texts.files {
        let (found, left_out) = readable(&file.name, &file.content);
        if found.is_empty() && left_out.is_empty() && !spec::holds_specification(&file.content) {
            writeln!(talk, "warning: {}: no object of Kubernetes, node pool or spec in it", file.name)?;
        }
        all.extend(found);
        for error in left_out {
            writeln!(talk, "warning: left out: {}", slo_core::plain(&error.to_string()))?;
        }
        file.content = only_specifications(&file.content);
    }
    let defaults = args.reading.defaults();
    let specifications: Vec<(String, String)> = texts
        .files
        .iter()
        .filter(|file| spec::holds_specification(&file.content))
        .map(|file| (file.name.clone(), file.content.clone()))
        .collect();
    let loaded = texts.specs(|file| spec::holds_specification(&file.content), &defaults, talk)?;
    let services = load::joined(&loaded).map_err(Error::Input)?;
    if all.is_empty() {
        return Err(Error::Input("there is no object of Kubernetes in these files".to_owned()));
    }
    let assumptions = Assumptions { pod_availability: args.pod_availability };
    if args.suggest {
        let text = suggest(&all, &services, assumptions);
        if text.is_empty() {
            return Err(Error::Input(
                "no workload here has an SLO\n  hint: name the spec, too; its selectors must have a label of the workload, such as job or app".to_owned(),
            ));
        }
        return written(args, &text, out);
    }
    let mut findings = review(&all, &services, assumptions, time::now())?;
    for finding in findings.iter_mut().filter(|finding| finding.place.file.is_empty()) {
        locate(finding, &specifications);
    }
    let mut text = Vec::new();
    match args.format {
        ReviewFormat::Text => {
            for finding in &findings {
                writeln!(text, "{}", lines(finding))?;
            }
        }
        ReviewFormat::Json => text::json(&mut text, &json!({"findings": findings}))?,
        ReviewFormat::Sarif => text::json(&mut text, &sarif(&findings))?,
    }
    written(args, &String::from_utf8_lossy(&text), out)?;
    let counting = || findings.iter().filter(|finding| finding.accepted.is_none());
    let of = |severity: Severity| counting().filter(|finding| finding.severity == severity).count();
    let told = Severity::ALL.map(|severity| format!("{} {severity}", of(severity))).join(", ");
    let accepted = findings.len() - counting().count();
    let told = if accepted > 0 { format!("{told}, {accepted} accepted") } else { told };
    let slos: usize = services.iter().map(|service| service.slos().len()).sum();
    let told = format!(
        "{}, {}: {told}",
        text::counted(all.len() as u64, "object"),
        text::counted(slos as u64, "SLO")
    );
    if counting().any(|finding| finding.severity <= args.fail_on) {
        return Err(Error::Broken(told));
    }
    Ok(writeln!(talk, "{told}")?)
}

/// Where the SLO of a finding is: the line of a specification that names it.
fn locate(finding: &mut Finding, specifications: &[(String, String)]) {
    let name = finding.object.rsplit('/').next().unwrap_or_default();
    let names_it = |line: &str| {
        let mut words = line.split([' ', ',', '{', '}', '"', '\'', '\t']).filter(|word| !word.is_empty());
        words.any(|word| word == name)
    };
    let found =
        specifications.iter().find_map(|(file, text)| Some((file, text.lines().position(names_it)? + 1)));
    let found = found.or_else(|| specifications.first().map(|(file, _)| (file, 1)));
    if let Some((file, line)) = found {
        finding.place.file.clone_from(file);
        (finding.place.line, finding.place.column) = (line, 1);
    }
}

/// A finding, safe on a terminal.
fn lines(finding: &Finding) -> String {
    let text = finding.to_string();
    text.lines().map(slo_core::plain).collect::<Vec<_>>().join("\n")
}

fn written(args: &Review, text: &str, out: &mut dyn Write) -> Result<(), Error> {
    match &args.out {
        Some(path) => write::atomically(path, text),
        None => Ok(out.write_all(text.as_bytes())?),
    }
}

/// The documents of a text that are specifications. All others are empty lines, so that the lines keep their numbers.
fn only_specifications(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut document = String::new();
    for line in text.split_inclusive('\n') {
        if line.trim_end() == "---" {
            kept(&document, &mut out);
            document.clear();
        }
        document.push_str(line);
    }
    kept(&document, &mut out);
    out
}

fn kept(document: &str, out: &mut String) {
    if spec::holds_specification(document) {
        out.push_str(document);
    } else {
        out.extend(document.chars().filter(|c| *c == '\n'));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_keep_their_lines() {
        let manifest = "apiVersion: v1\nkind: Service\n";
        let slo = "---\nversion: slo/v1\nservice: a\n";
        let text = format!("{manifest}{slo}---\n{manifest}");
        assert_eq!(only_specifications(&text), format!("\n\n{slo}\n\n\n"));
    }
}
