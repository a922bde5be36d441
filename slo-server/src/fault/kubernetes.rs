//! Pods and nodes of Kubernetes, through its API.

use super::Journal;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::{
    Api, Client, Config, ResourceExt,
    api::{DeleteParams, EvictParams, ListParams},
};
use slo_ops::{Error, experiment::Undo};
use std::{fmt, time::Duration};
use tokio::time::{Instant, sleep, timeout};

/// How long the API may take to answer.
const TIMEOUT: Duration = Duration::from_secs(10);
/// How long a disruption budget may refuse the eviction of a pod from a node that is drained.
const TO_EVICT: Duration = Duration::from_secs(60);
/// How often to try again.
const AGAIN: Duration = Duration::from_secs(1);
/// What the API answers if a disruption budget refuses an eviction.
const TOO_MANY: u16 = 429;

/// The pods that are ready.
pub(super) async fn pods(namespace: &str, selector: &str) -> Result<Vec<String>, Error> {
    let what = format!("pods {selector} in {namespace}");
    let found = ready(&Api::namespaced(client(None).await?.0, namespace), selector, &what).await?;
    if found.is_empty() { Err(Error::new(format!("{what}: none is ready"))) } else { Ok(found) }
}

/// The nodes that take pods.
pub(super) async fn nodes(selector: &str) -> Result<Vec<String>, Error> {
    open(&Api::all(client(None).await?.0), selector).await
}

async fn open(nodes: &Api<Node>, selector: &str) -> Result<Vec<String>, Error> {
    let what = format!("nodes {selector}");
    let list = answer(&what, nodes.list(&ListParams::default().labels(selector))).await?;
    let takes_pods = |node: &Node| node.spec.as_ref().is_none_or(|spec| spec.unschedulable != Some(true));
    let found: Vec<String> =
        list.items.iter().filter(|node| takes_pods(node)).map(ResourceExt::name_any).collect();
    if found.is_empty() { Err(Error::new(format!("{what}: none takes pods"))) } else { Ok(found) }
}

/// Deletes or evicts at most `most` of the pods that `selector` selects.
pub(super) async fn hit_pods(
    namespace: &str,
    selector: &str,
    evict: bool,
    most: usize,
    journal: &mut Journal,
) -> Result<(), Error> {
    let (client, server) = client(None).await?;
    let pods: Api<Pod> = Api::namespaced(client, namespace);
    let what = format!("pods {selector} in {namespace}");
    let mut found = ready(&pods, selector, &what).await?;
    if found.is_empty() {
        return Err(Error::new(format!("{what}: none is ready")));
    }
    let (namespace, selector) = (namespace.to_owned(), selector.to_owned());
    journal.injecting(Undo::Ready { server, namespace, selector, before: found.len() })?;
    fastrand::shuffle(&mut found);
    for name in found.iter().take(most) {
        let what = format!("pod {name}");
        if evict {
            answer(&what, pods.evict(name, &EvictParams::default())).await?;
        } else {
            answer(&what, pods.delete(name, &DeleteParams::default())).await?;
        }
    }
    Ok(())
}

/// The names of the pods that are ready, and not being deleted.
async fn ready(pods: &Api<Pod>, selector: &str, what: &str) -> Result<Vec<String>, Error> {
    let list = answer(what, pods.list(&ListParams::default().labels(selector))).await?;
    let is_ready = |pod: &Pod| {
        let conditions = pod.status.as_ref().and_then(|status| status.conditions.as_ref());
        let mut conditions = conditions.into_iter().flatten();
        pod.metadata.deletion_timestamp.is_none()
            && conditions.any(|condition| condition.type_ == "Ready" && condition.status == "True")
    };
    Ok(list.items.iter().filter(|pod| is_ready(pod)).map(ResourceExt::name_any).collect())
}

/// Whether as many pods are ready as before.
pub(super) async fn are_ready(
    server: &str,
    namespace: &str,
    selector: &str,
    before: usize,
) -> Result<(), Error> {
    let pods: Api<Pod> = Api::namespaced(client(Some(server)).await?.0, namespace);
    let count = ready(&pods, selector, &format!("pods {selector} in {namespace}")).await?.len();
    if count >= before { Ok(()) } else { Err(Error::new(format!("{count} of {before} are ready"))) }
}

/// Cordons and drains at most `most` of the nodes that `selector` selects.
pub(super) async fn drain(selector: &str, most: usize, journal: &mut Journal) -> Result<(), Error> {
    let (client, server) = client(None).await?;
    let nodes: Api<Node> = Api::all(client.clone());
    let mut found = open(&nodes, selector).await?;
    fastrand::shuffle(&mut found);
    found.truncate(most);
    for node in &found {
        journal.injecting(Undo::Uncordon { server: server.clone(), node: node.clone() })?;
        answer(&format!("node {node}"), nodes.cordon(node)).await?;
    }
    for node in &found {
        empty(&client, node).await?;
    }
    Ok(())
}

/// Evicts the pods of a node. Those of daemon sets, and those that the node runs by itself, stay.
async fn empty(client: &Client, node: &str) -> Result<(), Error> {
    let what = format!("pods of the node {node}");
    let pods: Api<Pod> = Api::all(client.clone());
    let list =
        answer(&what, pods.list(&ListParams::default().fields(&format!("spec.nodeName={node}")))).await?;
    let deadline = Instant::now() + TO_EVICT;
    for pod in list.items.iter().filter(|pod| may_leave(pod)) {
        let (name, namespace) = (pod.name_any(), pod.namespace().unwrap_or_default());
        let own: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        loop {
            let evicted = timeout(TIMEOUT, own.evict(&name, &EvictParams::default())).await;
            match evicted {
                Ok(Err(kube::Error::Api(status))) if status.code == TOO_MANY && Instant::now() < deadline => {
                    sleep(AGAIN).await;
                }
                // It is gone already.
                Ok(Err(kube::Error::Api(status))) if status.code == 404 => break,
                Ok(Ok(_)) => break,
                Ok(Err(error)) => return Err(told(&format!("pod {name}"), &error)),
                Err(_) => return Err(late(&format!("pod {name}"))),
            }
        }
    }
    Ok(())
}

fn may_leave(pod: &Pod) -> bool {
    let is_daemon = pod.owner_references().iter().any(|owner| owner.kind == "DaemonSet");
    let is_of_node = pod.annotations().contains_key("kubernetes.io/config.mirror");
    !is_daemon && !is_of_node && pod.metadata.deletion_timestamp.is_none()
}

/// Lets a node take pods again, and looks whether it does. A node that is gone needs nothing.
pub(super) async fn uncordon(server: &str, node: &str) -> Result<(), Error> {
    let nodes: Api<Node> = Api::all(client(Some(server)).await?.0);
    let what = format!("node {node}");
    let Some(found) = answer(&what, nodes.get_opt(node)).await? else { return Ok(()) };
    let is_cordoned = |node: &Node| node.spec.as_ref().is_some_and(|spec| spec.unschedulable == Some(true));
    if !is_cordoned(&found) {
        return Ok(());
    }
    let after = answer(&what, nodes.uncordon(node)).await?;
    if is_cordoned(&after) { Err(Error::new(format!("{what}: it takes no pods"))) } else { Ok(()) }
}

/// A client with the settings of `kubectl`, or with those of the pod that this runs in, and the address of its API server. It is an
/// error if that is not `server`.
async fn client(server: Option<&str>) -> Result<(Client, String), Error> {
    let failed = |error: &dyn fmt::Display| {
        Error::new(format!("Kubernetes: {error}")).with_hint("set KUBECONFIG, or run it in the cluster")
    };
    let mut config = Config::infer().await.map_err(|error| failed(&error))?;
    let address = config.cluster_url.to_string();
    if let Some(server) = server.filter(|server| *server != address) {
        return Err(failed(&format!("the settings are now for {address}, and the fault is in {server}")));
    }
    // An answer such as "a disruption budget forbids it" is for whoever asks.
    config.default_retry = false;
    Ok((Client::try_from(config).map_err(|error| failed(&error))?, address))
}

async fn answer<T>(what: &str, call: impl Future<Output = Result<T, kube::Error>>) -> Result<T, Error> {
    timeout(TIMEOUT, call).await.map_err(|_| late(what))?.map_err(|error| told(what, &error))
}

fn late(what: &str) -> Error {
    Error::new(format!("{what}: Kubernetes did not answer within {} s", TIMEOUT.as_secs()))
}

fn told(what: &str, error: &dyn fmt::Display) -> Error {
    Error::new(format!("{what}: {}", slo_core::plain(&error.to_string())))
}
