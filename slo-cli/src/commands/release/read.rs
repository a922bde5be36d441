//! A release, from Helm and Kubernetes.

use super::found::Found;
use crate::{args::Release, error::Error};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use flate2::read::GzDecoder;
use serde_json::Value;
use slo_ops::release::{Manager, Rollout, helm_history, rollouts};
use std::{fs, io::Read, path::Path, process::Command};

/// The largest release, in bytes: a secret has at most 1 MiB, and text shrinks to a tenth.
const LARGEST: u64 = 64 << 20;

pub(super) fn read(args: &Release) -> Result<Found, Error> {
    let mut warnings = Vec::new();
    let objects = |required: bool, warnings: &mut Vec<String>| -> Result<Vec<Rollout>, Error> {
        let text = match (&args.objects, &args.history) {
            (Some(path), _) => file(path)?,
            (None, Some(_)) => return Ok(Vec::new()),
            (None, None) => {
                match output("kubectl", &["get", "deployments,replicasets", "--output", "json"], args) {
                    Ok(text) => text,
                    Err(error) if required => return Err(error),
                    Err(error) => {
                        // Helm tells enough.
                        warnings.push(format!("pods are not known: {error}"));
                        return Ok(Vec::new());
                    }
                }
            }
        };
        Ok(rollouts(&text)?)
    };
    if let Some(name) = args.name.strip_prefix("deployment/") {
        if args.history.is_some() || args.secrets.is_some() {
            return Err(Error::Usage(format!(
                "{}: --history and --secrets are of Helm\n  hint: give --objects",
                args.name
            )));
        }
        let all = objects(true, &mut warnings)?;
        let found = all.into_iter().find(|rollout| rollout.name == name);
        let rollout = found.ok_or_else(|| Error::Outside(format!("there is no {}", args.name)))?;
        if rollout.is_paused {
            return Err(Error::Broken(format!(
                "{} is paused: nothing rolls out, and nothing can be undone\n  hint: kubectl rollout resume {}",
                args.name, args.name
            )));
        }
        let pods = pods(std::slice::from_ref(&rollout));
        return Ok(Found {
            name: name.to_owned(),
            manager: Manager::Kubernetes,
            revisions: rollout.revisions,
            warnings,
            pods,
        });
    }
    let history = match &args.history {
        Some(path) => file(path)?,
        None => output("helm", &["history", &args.name, "--output", "json"], args)?,
    };
    let stored = match (&args.secrets, &args.history) {
        (Some(path), _) => stored(&file(path)?, &args.name)?,
        (None, Some(_)) => Vec::new(),
        (None, None) => {
            let selector = format!("owner=helm,name={}", args.name);
            match output("kubectl", &["get", "secrets", "--selector", &selector, "--output", "json"], args) {
                Ok(text) => stored(&text, &args.name)?,
                // Without them, nobody knows what a rollback would do, and the advice says so.
                Err(error) => {
                    warnings.push(format!("objects of the revisions are not known: {error}"));
                    Vec::new()
                }
            }
        }
    };
    let revisions = helm_history(&history, &stored)?;
    // Of all workloads of the namespace, those of this release.
    let names: Vec<String> =
        revisions.last().and_then(|revision| revision.objects.as_ref()).map_or_else(Vec::new, |objects| {
            let deployments = objects.manifest.iter().filter(|object| object.kind == "Deployment");
            deployments.map(|object| object.name.clone()).collect()
        });
    let own: Vec<Rollout> =
        objects(false, &mut warnings)?.into_iter().filter(|rollout| names.contains(&rollout.name)).collect();
    Ok(Found { name: args.name.clone(), manager: Manager::Helm, revisions, pods: pods(&own), warnings })
}

/// Deployment, images, ready pods, pods.
fn pods(rollouts: &[Rollout]) -> Vec<(String, String, u64, u64)> {
    let mut all = Vec::new();
    for rollout in rollouts {
        for (number, (ready, count)) in &rollout.pods {
            let revision = rollout.revisions.iter().find(|revision| revision.number == *number);
            let images = revision.map_or_else(String::new, |revision| revision.content.clone());
            all.push((format!("Deployment/{}", rollout.name), images, *ready, *count));
        }
    }
    all
}

fn file(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map_err(|error| Error::file(path, &error))
}

/// What a program prints.
fn output(program: &str, words: &[&str], args: &Release) -> Result<String, Error> {
    let mut command = Command::new(program);
    command.args(words);
    if let Some(namespace) = &args.namespace {
        command.args(["--namespace", namespace]);
    }
    // What Helm takes from the environment, kubectl must be told: both must look at the same release.
    if program == "kubectl" {
        let of_helm = [("HELM_NAMESPACE", "--namespace"), ("HELM_KUBECONTEXT", "--context")];
        for (variable, option) in of_helm {
            let is_given = option == "--namespace" && args.namespace.is_some();
            if let Ok(value) = std::env::var(variable)
                && !is_given
                && !args.name.starts_with("deployment/")
            {
                command.args([option, &value]);
            }
        }
    }
    let ran = command
        .output()
        .map_err(|error| Error::Outside(format!("{program}: {error}\n  hint: is it installed?")))?;
    if ran.status.success() {
        return Ok(String::from_utf8_lossy(&ran.stdout).into_owned());
    }
    let told = String::from_utf8_lossy(&ran.stderr);
    Err(Error::Outside(format!("{program} {}: {}", words.join(" "), slo_core::plain(told.trim()))))
}

/// The releases in a list of secrets: base64 of base64 of compressed JSON.
fn stored(text: &str, release: &str) -> Result<Vec<String>, Error> {
    let wrong = |what: &str| Error::Input(format!("the secrets of {release} cannot be read: {what}"));
    let list: Value = serde_json::from_str(text).map_err(|error| wrong(&error.to_string()))?;
    let items = list.get("items").and_then(Value::as_array).ok_or_else(|| wrong("no list of objects"))?;
    let is_own =
        |item: &&Value| item.pointer("/metadata/labels/name").and_then(Value::as_str) == Some(release);
    let mut found = Vec::new();
    for item in items.iter().filter(is_own) {
        let Some(data) = item.pointer("/data/release").and_then(Value::as_str) else { continue };
        let decode = |bytes: &[u8]| STANDARD.decode(bytes).map_err(|error| wrong(&error.to_string()));
        let bytes = decode(&decode(data.as_bytes())?)?;
        let mut json = String::new();
        // Old versions of Helm do not compress.
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let mut reader = GzDecoder::new(bytes.as_slice()).take(LARGEST);
            reader.read_to_string(&mut json).map_err(|error| wrong(&error.to_string()))?;
        } else {
            json = String::from_utf8(bytes).map_err(|error| wrong(&error.to_string()))?;
        }
        found.push(json);
    }
    Ok(found)
}
