//! A network namespace that loses every packet, as a machine without a network does.

use slo_ops::Error;
use std::{path::Path, process::Stdio, time::Duration};
use tokio::{io::AsyncWriteExt, process::Command, time::timeout};

/// Where `ip netns` keeps namespaces.
const FOLDER: &str = "/run/netns";
/// The table of nftables that drops packets.
const TABLE: &str = "slo_experiment";
/// How long a program may take.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Whether there is such a namespace.
pub(super) fn exists(namespace: &str) -> bool {
    Path::new(FOLDER).join(namespace).exists()
}

/// Drops all packets of a namespace, except those that it sends to itself.
pub(super) async fn cut_off(namespace: &str) -> Result<(), Error> {
    let rules = format!(
        "table inet {TABLE} {{
            chain input {{ type filter hook input priority -300; policy drop; iifname \"lo\" accept; }}
            chain output {{ type filter hook output priority -300; policy drop; oifname \"lo\" accept; }}
            chain forward {{ type filter hook forward priority -300; policy drop; }}
        }}"
    );
    nft(namespace, &["-f", "-"], &rules).await
}

/// Lets packets pass again, and looks whether they do.
pub(super) async fn connect(namespace: &str) -> Result<(), Error> {
    if !exists(namespace) {
        return Ok(());
    }
    // Both at once; adding it first makes deleting it right where it is gone.
    nft(namespace, &["-f", "-"], &format!("add table inet {TABLE}\ndelete table inet {TABLE}\n")).await?;
    match nft(namespace, &["list", "table", "inet", TABLE], "").await {
        Err(_) => Ok(()),
        Ok(()) => Err(Error::new(format!("{namespace}: packets are still dropped"))),
    }
}

async fn nft(namespace: &str, args: &[&str], stdin: &str) -> Result<(), Error> {
    let failed = |why: &dyn std::fmt::Display| {
        Error::new(format!("network namespace {namespace}: {why}"))
            .with_hint("it needs root, and the programs `ip` and `nft`")
    };
    let mut child = Command::new("ip")
        .args(["netns", "exec", namespace, "nft"])
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(&format!("ip: {error}")))?;
    if let Some(mut pipe) = child.stdin.take() {
        // A program that has failed says why.
        let _ended = pipe.write_all(stdin.as_bytes()).await;
    }
    let output = timeout(TIMEOUT, child.wait_with_output()).await;
    let output = output.map_err(|_| failed(&"nft does not end"))?.map_err(|error| failed(&error))?;
    if output.status.success() {
        return Ok(());
    }
    let told = String::from_utf8_lossy(&output.stderr);
    Err(failed(&slo_core::plain(told.lines().next().unwrap_or("nft failed"))))
}
