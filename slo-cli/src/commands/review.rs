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
        all.extend(found);
        for error in left_out {
            writeln!(talk, "warning: left out: {}", slo_core::plain(&error.to_string()))?;
        }
        file.content = only_specifications(&file.content);
    }
    let defaults = args.reading.defaults();
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
    let findings = review(&all, &services, assumptions, time::now())?;
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
    let told = format!("{} objects, {slos} SLOs: {told}", all.len());
    if counting().any(|finding| finding.severity <= args.fail_on) {
        return Err(Error::Broken(told));
    }
    Ok(writeln!(talk, "{told}")?)
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
