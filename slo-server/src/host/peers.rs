//! Checks of other hosts, by name.

use slo_ops::host::Peer;
use std::{
    net::{TcpStream, ToSocketAddrs},
    sync::mpsc,
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

/// How long a name lookup may take, and then a connection.
const PATIENCE: Duration = Duration::from_millis(400);

/// Starts to check all of them at once.
pub(super) fn start(names: &[String]) -> Vec<JoinHandle<Peer>> {
    names.iter().cloned().map(|name| thread::spawn(move || ask(name))).collect()
}

fn ask(name: String) -> Peer {
    let begun = Instant::now();
    let millis = |since: Instant| u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
    let mut peer = Peer { name: name.clone(), resolved: None, connected: None, error: None };
    // The resolver has no time limit of its own.
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || drop(sender.send(name.to_socket_addrs().map(Iterator::collect::<Vec<_>>))));
    let addresses = match receiver.recv_timeout(PATIENCE) {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => return Peer { error: Some(error.to_string()), ..peer },
        Err(_) => {
            return Peer {
                error: Some(format!("its name was not resolved within {} ms", PATIENCE.as_millis())),
                ..peer
            };
        }
    };
    peer.resolved = Some(millis(begun));
    let mut error = "its name has no address".to_owned();
    for address in addresses {
        let begun = Instant::now();
        match TcpStream::connect_timeout(&address, PATIENCE) {
            Ok(_) => return Peer { connected: Some(millis(begun)), ..peer },
            Err(failed) => error = failed.to_string(),
        }
    }
    Peer { error: Some(error), ..peer }
}
