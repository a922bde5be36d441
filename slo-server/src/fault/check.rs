//! What a fault would hit, without hitting it.

#[cfg(feature = "kubernetes")]
use super::kubernetes;
use super::{
    namespace,
    remote::{self, Remote},
    targets::{command_line, find},
};
use slo_core::model::Window;
use slo_ops::{
    Error,
    experiment::{Experiment, Fault, Part, Processes},
};
use std::path::Path;

/// What the fault of `experiment` would hit, in words.
///
/// # Errors
/// There is nothing that it could hit.
pub(crate) async fn targets(experiment: &Experiment) -> Result<Vec<String>, Error> {
    match &experiment.fault {
        Fault::Kill { processes, .. } | Fault::Stop(processes) => named(processes),
        Fault::Node(parts) => {
            let mut found = Vec::new();
            for part in parts {
                match part {
                    Part::Processes(processes) => found.extend(named(processes)?),
                    Part::NetworkNamespace(name) if namespace::exists(name) => found.push(part.to_string()),
                    Part::NetworkNamespace(name) => {
                        return Err(Error::new(format!("there is no network namespace {name}"))
                            .with_hint("see `ip netns`"));
                    }
                    _ => return Err(Error::new("this build of slo does not know a part of the node")),
                }
            }
            Ok(found)
        }
        Fault::Pressure(pressure) => {
            let disk = pressure.disk.as_ref().map(|disk| disk.folder.clone());
            let cgroup = pressure.cgroup.as_ref().map(|folder| format!("{folder}/cgroup.procs"));
            for path in disk.iter().chain(&cgroup) {
                if !Path::new(path).exists() {
                    return Err(Error::new(format!("{path}: there is no such file or folder")));
                }
            }
            Ok(vec![
                pressure
                    .cgroup
                    .as_ref()
                    .map_or_else(|| "this machine".to_owned(), |folder| format!("the cgroup {folder}")),
            ])
        }
        #[cfg(feature = "kubernetes")]
        Fault::Pods { namespace, selector, .. } => kubernetes::pods(namespace, selector).await,
        #[cfg(feature = "kubernetes")]
        Fault::Drain { selector } => kubernetes::nodes(selector).await,
        fault => {
            let Some(remote) = Remote::of(fault, "100%", Window::seconds(1)) else {
                return Err(Error::new(format!("this build of slo cannot inject `{}`", fault.kind()))
                    .with_hint("build it with the feature `kubernetes`"));
            };
            remote::answers(&remote.url, remote.token_file.as_deref()).await?;
            Ok(vec![remote.url])
        }
    }
}

fn named(processes: &Processes) -> Result<Vec<String>, Error> {
    let found = find(processes)?;
    if found.is_empty() {
        return Err(Error::new(format!("{processes}: no such process is running")));
    }
    Ok(found
        .iter()
        .map(|process| format!("process {}: {}", process.pid, command_line(process.pid)))
        .collect())
}
