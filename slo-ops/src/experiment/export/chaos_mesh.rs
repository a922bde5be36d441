//! Manifests of Chaos Mesh.

use super::pods::{Pods, duration, labels, merged, object_name, pods_of, whole_percent};
use crate::experiment::{Experiment, Fault, Pressure, Toxic};
use serde_json::{Map, Value, json};
use slo_core::{Error, model::Ratio};

pub(super) fn manifest(experiment: &Experiment, pods: Option<&Pods>) -> Result<Value, Error> {
    let cannot = |what: &str| Error::new(format!("Chaos Mesh cannot {what}"));
    let duration = duration(experiment.limits.duration);
    let at_most = experiment.blast_radius.targets;
    let fixed = json!({"mode": "fixed", "value": at_most.to_string()});
    let (kind, mut spec) = match &experiment.fault {
        Fault::Pods { evict: false, .. } | Fault::Kill { .. } => {
            ("PodChaos", merged(&fixed, json!({"action": "pod-kill"})))
        }
        Fault::Pods { .. } => return Err(cannot("evict pods").with_hint("write `evict: false`")),
        Fault::Stop(_) => {
            ("PodChaos", merged(&fixed, json!({"action": "pod-failure", "duration": duration})))
        }
        Fault::Proxy { toxic, .. } => {
            let share =
                json!({"mode": "fixed-percent", "value": whole_percent(experiment.blast_radius.share)?});
            let mode =
                if experiment.blast_radius.share == Ratio::ONE { json!({"mode": "all"}) } else { share };
            ("NetworkChaos", merged(&mode, merged(&json!({"duration": duration}), network(toxic)?)))
        }
        Fault::Pressure(pressure) => {
            let stressors = stressors(pressure)?;
            ("StressChaos", json!({"mode": "all", "duration": duration, "stressors": stressors}))
        }
        Fault::Service { .. } => return Err(cannot("arm the fault layer of slo-instrument")),
        Fault::Node(_) => return Err(cannot("take away a node that is a group of processes")),
        Fault::Drain { .. } => return Err(cannot("drain nodes")),
    };
    let pods = pods_of(experiment, pods)?;
    let selector = json!({"namespaces": [pods.namespace], "labelSelectors": labels(&pods.selector)?});
    if let Some(fields) = spec.as_object_mut() {
        fields.insert("selector".to_owned(), selector);
    }
    Ok(json!({
        "apiVersion": "chaos-mesh.org/v1alpha1",
        "kind": kind,
        "metadata": {"name": object_name(experiment), "namespace": pods.namespace},
        "spec": spec,
    }))
}

fn network(toxic: &Toxic) -> Result<Value, Error> {
    let both = |action: &str, more: Value| merged(&json!({"action": action, "direction": "to"}), more);
    if toxic.reset {
        return Err(Error::new("Chaos Mesh cannot reset connections").with_hint("write `black_hole: true`"));
    }
    if toxic.black_hole {
        return Ok(both("loss", json!({"loss": {"loss": "100"}})));
    }
    if toxic.latency.is_some() && toxic.bandwidth.is_some() {
        return Err(Error::new("Chaos Mesh has latency or bandwidth in one manifest, not both")
            .with_hint("write two experiments"));
    }
    if let Some(bytes) = toxic.bandwidth {
        // A buffer of a tenth of a second, and at least a packet.
        let buffer = (bytes / 10).clamp(1_600, u64::from(u32::MAX));
        let bandwidth = json!({"rate": format!("{bytes}bps"), "limit": buffer, "buffer": buffer});
        return Ok(both("bandwidth", json!({"bandwidth": bandwidth})));
    }
    let latency = toxic.latency.ok_or_else(|| Error::new("the proxy does nothing"))?;
    let mut delay = json!({"latency": duration(latency)});
    if let (Some(jitter), Some(fields)) = (toxic.jitter, delay.as_object_mut()) {
        fields.insert("jitter".to_owned(), json!(duration(jitter)));
    }
    Ok(both("delay", json!({"delay": delay})))
}

fn stressors(pressure: &Pressure) -> Result<Value, Error> {
    let Pressure { cpu, memory, disk, descriptors, cgroup: _ } = pressure;
    if disk.is_some() || descriptors.is_some() {
        return Err(Error::new("Chaos Mesh cannot fill disks or use up file descriptors")
            .with_hint("keep `cpu` and `memory`"));
    }
    let mut stressors = Map::new();
    if let Some(threads) = cpu {
        stressors.insert("cpu".to_owned(), json!({"workers": threads, "load": 100}));
    }
    if let Some(bytes) = memory {
        stressors.insert("memory".to_owned(), json!({"workers": 1, "size": format!("{bytes}B")}));
    }
    Ok(Value::Object(stressors))
}
