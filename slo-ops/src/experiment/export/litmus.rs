//! Engines of Litmus.

use super::pods::{Pods, merged, object_name, pods_of, whole_percent};
use crate::experiment::{Disk, Experiment, Fault, Pressure, Toxic};
use serde_json::{Value, json};
use slo_core::{Error, model::Window};

pub(super) fn manifest(experiment: &Experiment, pods: Option<&Pods>) -> Result<Value, Error> {
    let cannot = |what: &str| Error::new(format!("Litmus cannot {what}"));
    let seconds = experiment.limits.duration.as_millis().div_ceil(1_000);
    let share = whole_percent(experiment.blast_radius.share)?;
    let millis = |window: Window| window.as_millis().to_string();
    let mut env: Vec<(&str, String)> = vec![("TOTAL_CHAOS_DURATION", seconds.to_string())];
    let name = match &experiment.fault {
        Fault::Pods { evict: false, .. } | Fault::Kill { .. } => {
            if experiment.blast_radius.targets > 1 {
                return Err(cannot("delete a number of pods").with_hint("write `targets: 1`"));
            }
            // Once, as the experiment does.
            env.push(("CHAOS_INTERVAL", seconds.to_string()));
            env.push(("FORCE", matches!(experiment.fault, Fault::Kill { .. }).to_string()));
            "pod-delete"
        }
        Fault::Pods { .. } => return Err(cannot("evict pods").with_hint("write `evict: false`")),
        Fault::Proxy { toxic, .. } => match toxic {
            Toxic { latency: Some(latency), bandwidth: None, reset: false, black_hole: false, .. } => {
                env.push(("NETWORK_LATENCY", millis(*latency)));
                env.push(("JITTER", toxic.jitter.map_or_else(|| "0".to_owned(), millis)));
                env.push(("PODS_AFFECTED_PERC", share));
                "pod-network-latency"
            }
            Toxic { latency: None, bandwidth: None, reset: false, black_hole: true, .. } => {
                env.push(("NETWORK_PACKET_LOSS_PERCENTAGE", "100".to_owned()));
                env.push(("PODS_AFFECTED_PERC", share));
                "pod-network-loss"
            }
            _ => return Err(cannot("limit the bandwidth or reset connections, or do two things at once")),
        },
        Fault::Pressure(Pressure {
            cpu: Some(threads), memory: None, disk: None, descriptors: None, ..
        }) => {
            env.push(("CPU_CORES", threads.to_string()));
            "pod-cpu-hog"
        }
        Fault::Pressure(Pressure {
            cpu: None, memory: Some(bytes), disk: None, descriptors: None, ..
        }) => {
            env.push(("MEMORY_CONSUMPTION", bytes.div_ceil(1_000_000).to_string()));
            "pod-memory-hog"
        }
        Fault::Pressure(Pressure {
            cpu: None,
            memory: None,
            disk: Some(Disk { bytes, .. }),
            descriptors: None,
            ..
        }) => {
            env.push(("EPHEMERAL_STORAGE_MEBIBYTES", bytes.div_ceil(1 << 20).to_string()));
            "disk-fill"
        }
        Fault::Pressure(_) => return Err(cannot("use up two things at once, or file descriptors")),
        Fault::Drain { selector } => {
            env.push(("NODE_LABEL", selector.clone()));
            "node-drain"
        }
        Fault::Stop(_) => return Err(cannot("stop processes")),
        Fault::Service { .. } => return Err(cannot("arm the fault layer of slo-instrument")),
        Fault::Node(_) => return Err(cannot("take away a node that is a group of processes")),
    };
    let is_of_pods = name != "node-drain";
    let namespace;
    let mut spec = json!({"engineState": "active", "chaosServiceAccount": "litmus-admin"});
    if is_of_pods {
        let pods = pods_of(experiment, pods)?;
        let info = json!({"appns": pods.namespace, "applabel": pods.selector, "appkind": "deployment"});
        spec = merged(&spec, json!({"appinfo": info}));
        namespace = pods.namespace;
    } else {
        namespace = pods.map_or_else(|| "litmus".to_owned(), |pods| pods.namespace.clone());
    }
    let env: Vec<Value> =
        env.into_iter().map(|(name, value)| json!({"name": name, "value": value})).collect();
    let experiments = json!([{"name": name, "spec": {"components": {"env": env}}}]);
    Ok(json!({
        "apiVersion": "litmuschaos.io/v1alpha1",
        "kind": "ChaosEngine",
        "metadata": {"name": object_name(experiment), "namespace": namespace},
        "spec": merged(&spec, json!({"experiments": experiments})),
    }))
}
