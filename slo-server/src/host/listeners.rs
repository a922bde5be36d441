//! Listening sockets, from the kernel's `sock_diag`, which alone has the sizes of accept queues.

use rustix::{
    io::Errno,
    net::{
        AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, netlink, recv, send, socket_with,
        sockopt::set_socket_timeout,
    },
};
use slo_ops::host::Listener;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    time::Duration,
};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
/// A request that is answered with all of them.
const REQUEST_DUMP: u16 = 0x301;
const TCP: u8 = 6;
/// The bit of the state LISTEN.
const LISTENING: u32 = 1 << 10;
const INET: u8 = 2;
const INET6: u8 = 10;
const HEADER: usize = 16;

pub(super) fn listeners() -> Result<Vec<Listener>, Errno> {
    let mut found = Vec::new();
    for family in [INET, INET6] {
        of_family(family, &mut found)?;
    }
    Ok(found)
}

fn of_family(family: u8, found: &mut Vec<Listener>) -> Result<(), Errno> {
    let socket = socket_with(
        AddressFamily::NETLINK,
        SocketType::DGRAM,
        SocketFlags::CLOEXEC,
        Some(netlink::SOCK_DIAG),
    )?;
    set_socket_timeout(&socket, rustix::net::sockopt::Timeout::Recv, Some(Duration::from_millis(200)))?;
    send(&socket, &request(family), SendFlags::empty())?;
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let (length, _) = recv(&socket, buffer.as_mut_slice(), RecvFlags::empty())?;
        let mut rest = buffer.get(..length).unwrap_or_default();
        while let (Some(size), Some(kind)) = (u32_at(rest, 0), u16_at(rest, 4)) {
            if [NLMSG_ERROR, NLMSG_DONE].contains(&kind) {
                return Ok(());
            }
            let size = size as usize;
            let Some(message) = rest.get(HEADER..size) else { return Ok(()) };
            found.extend(listener(message));
            // Messages begin at multiples of four.
            rest = rest.get(size.next_multiple_of(4)..).unwrap_or_default();
        }
    }
}

/// `nlmsghdr` and `inet_diag_req_v2` for the listening TCP sockets of a family.
fn request(family: u8) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(72);
    bytes.extend(72_u32.to_ne_bytes());
    bytes.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    bytes.extend(REQUEST_DUMP.to_ne_bytes());
    bytes.extend([0; 8]);
    bytes.extend([family, TCP, 0, 0]);
    bytes.extend(LISTENING.to_ne_bytes());
    // No particular socket.
    bytes.extend([0; 48]);
    bytes
}

/// An `inet_diag_msg`. Of a listening socket, its queues are the waiting connections and the queue's size.
fn listener(message: &[u8]) -> Option<Listener> {
    let port = message.get(4..6).and_then(|bytes| bytes.try_into().ok()).map(u16::from_be_bytes)?;
    let ip: IpAddr = if *message.first()? == INET {
        let bytes: [u8; 4] = message.get(8..12)?.try_into().ok()?;
        Ipv4Addr::from(bytes).into()
    } else {
        let bytes: [u8; 16] = message.get(8..24)?.try_into().ok()?;
        Ipv6Addr::from(bytes).into()
    };
    let (waiting, most) = (u32_at(message, 56)?, u32_at(message, 60)?);
    Some(Listener {
        address: SocketAddr::new(ip, port).to_string(),
        waiting: waiting.into(),
        most: most.into(),
    })
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..at + 4)?.try_into().ok().map(u32::from_ne_bytes)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..at + 2)?.try_into().ok().map(u16::from_ne_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn sees_its_own_socket() {
        let own = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = own.local_addr().unwrap().to_string();
        let found = listeners().unwrap();
        let listener = found.iter().find(|listener| listener.address == address).unwrap();
        assert_eq!(listener.waiting, 0);
        assert!(listener.most > 0);
    }
}
