//! `slo controller`

use crate::{args::Controlled, error::Error};
use std::io::Write;

#[cfg(not(feature = "kubernetes"))]
pub(super) fn run(_controlled: &Controlled, _talk: &mut dyn Write) -> Result<(), Error> {
    Err(Error::Usage(
        "this build cannot talk to Kubernetes\n  hint: build it with the feature `kubernetes`, or use the image".to_owned(),
    ))
}

#[cfg(feature = "kubernetes")]
pub(super) fn run(controlled: &Controlled, talk: &mut dyn Write) -> Result<(), Error> {
    use super::serve::{outside, runtime, told_to_end};
    use crate::{args::Naming, time};
    use slo_core::{
        artifact::{ObjectMeta, Target},
        rules::{Backend, Options},
        spec::Defaults,
    };
    use slo_ops::controller::Writer;
    use slo_server::controller::{Controller, ControllerConfig};
    use tokio::sync::mpsc;

    let labels: std::collections::BTreeMap<_, _> = controlled.object_labels.iter().cloned().collect();
    for namespace in &controlled.namespaces {
        ObjectMeta::new(Some(namespace.clone()), labels.clone())
            .map_err(|error| Error::Usage(format!("--namespace: {}", Error::from(error))))?;
    }
    let backend = if controlled.anchored { Backend::PrometheusAnchored } else { Target::Operator.backend() };
    let config = ControllerConfig {
        namespaces: controlled.namespaces.clone(),
        listen: controlled.listen,
        lease_namespace: controlled.lease_namespace.clone(),
        writer: Writer { options: Options { backend, naming: controlled.naming.into(), now: None }, labels },
        defaults: Defaults {
            sloth_names: controlled.naming == Naming::Sloth,
            ..controlled.assumed.defaults()
        },
        takes_over: controlled.take_over,
    };
    runtime()?.block_on(async {
        let controller = Controller::open(config).await.map_err(outside)?;
        writeln!(talk, "listening on http://{}", controller.address().map_err(outside)?)?;
        talk.flush()?;
        let (say, mut said) = mpsc::unbounded_channel::<String>();
        let tell = move |line: &str| {
            // Nobody listens any more once it has ended.
            let _ = say.send(format!("{} {line}", time::now()));
        };
        let running = tokio::spawn(controller.run(told_to_end(), tell));
        // It ends when the controller has ended.
        while let Some(line) = said.recv().await {
            // A terminal that was closed is no reason to stop.
            let _ = writeln!(talk, "{line}").and_then(|()| talk.flush());
        }
        running.await.map_err(outside)?.map_err(outside)
    })
}
