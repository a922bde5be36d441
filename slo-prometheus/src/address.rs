//! The address of a server, and the user and password in it.

use crate::error::{Error, Kind};
use base64::{Engine, prelude::BASE64_STANDARD};
use percent_encoding::percent_decode_str;
use std::fmt;

/// The address of a server.
///
/// A user and a password in it are sent in a header, and never shown.
///
/// ```
/// use slo_prometheus::Address;
///
/// let address: Address = "https://me:p%40ss@host:9090/prometheus/".parse()?;
/// assert_eq!(address.to_string(), "https://host:9090/prometheus");
/// assert!(!format!("{address:?}").contains("p%40ss"));
/// # Ok::<(), slo_prometheus::Error>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    // Scheme, host and path, without a slash at the end.
    url: String,
    // The value of an `Authorization` header.
    authorization: Option<String>,
}

impl std::str::FromStr for Address {
    type Err = Error;

    /// # Errors
    /// The text is not an address. The error does not show it, since it may hold a password.
    fn from_str(text: &str) -> Result<Self, Error> {
        let text = text.trim().trim_end_matches('/');
        let (scheme, rest) = text.split_once("://").ok_or_else(|| refused("an address has no scheme"))?;
        let scheme = scheme.to_ascii_lowercase();
        if !matches!(scheme.as_str(), "http" | "https") {
            return Err(refused("an address is neither http nor https"));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        if rest.contains(['?', '#']) || path.contains('@') {
            return Err(refused(
                "an address has `?`, `#`, or `@` in its path: in a password, write them as %3F, %23 and %40, \
                 and `/` as %2F",
            ));
        }
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, authority),
        };
        check_host(host)?;
        if path.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err(refused("an address has a character in its path that must be percent-encoded"));
        }
        let authorization = user.map(authorization).transpose()?;
        Ok(Self { url: format!("{scheme}://{host}{path}"), authorization })
    }
}

fn refused(why: &str) -> Error {
    Error::new(Kind::Settings, why).with_hint("write it as http://127.0.0.1:9090")
}

/// Checks the name or IP address of a host, and its port.
fn check_host(host: &str) -> Result<(), Error> {
    let (name, port) = match host.rsplit_once(':') {
        // The colons of an IPv6 address are within brackets.
        Some((name, port)) if !port.ends_with(']') => (name, Some(port)),
        _ => (host, None),
    };
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let is_ipv6 = |byte: u8| byte.is_ascii_hexdigit() || b":.%".contains(&byte);
    let is_host = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(inner) => !inner.is_empty() && inner.bytes().all(is_ipv6),
        None => !name.is_empty() && name.bytes().all(is_name),
    };
    if !is_host {
        return Err(refused("an address has no host, or its host has an invalid character"));
    }
    match port.map(str::parse::<u16>) {
        None | Some(Ok(1..)) => Ok(()),
        Some(_) => Err(refused("an address has a port that is not a number from 1 to 65535")),
    }
}

/// The value of the `Authorization` header for a user.
fn authorization(user: &str) -> Result<String, Error> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let decoded = |text: &str| percent_decode_str(text).collect::<Vec<u8>>();
    let name = decoded(name);
    if name.contains(&b':') {
        return Err(refused(
            "an address has a user name with `:`, which basic authentication does not allow",
        ));
    }
    let both = [name, b":".to_vec(), decoded(password)].concat();
    Ok(format!("Basic {}", BASE64_STANDARD.encode(both)))
}

impl Address {
    /// The URL of `path` on the server.
    pub(crate) fn of(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }

    pub(crate) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.url)
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", self.url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_sent_and_not_shown() {
        for (address, shown, user) in [
            ("http://me:p%40ss@host:9090/a", "http://host:9090/a", "me:p@ss"),
            ("HTTPS://me:p@ss@host", "https://host", "me:p@ss"),
            ("http://token@host/x/", "http://host/x", "token:"),
            ("http://%C3%A9:%25@[::1]:80", "http://[::1]:80", "é:%"),
        ] {
            let read: Address = address.parse().unwrap();
            assert_eq!(read.to_string(), shown);
            let sent = read.authorization().unwrap().strip_prefix("Basic ").unwrap();
            assert_eq!(BASE64_STANDARD.decode(sent).unwrap(), user.as_bytes(), "{address}");
        }
        assert_eq!("http://host".parse::<Address>().unwrap().authorization(), None);
    }

    #[test]
    fn refuses_what_is_no_address_and_keeps_its_secrets() {
        for address in [
            "http://me:s3/cret@host",
            "http://host?token=s3cret",
            "ftp://me:s3cret@h",
            "host:9090",
            "http://",
            "http://s3cret@/",
            "http://me:s3cret@host:99999",
            "http://me:s3cret@host:0",
            "http://me:s3cret@host:",
            "http://me:s3cret@ho st",
            "http://me:s3cret@[",
            "http://a%3As3cret:b@host",
        ] {
            let error = address.parse::<Address>().unwrap_err();
            assert!(error.hint().is_some() && !error.to_string().contains("cret"), "{address}: {error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_was_a_secret_is_shown(user in "[a-z]{1,4}", secret in "[A-Z0-9@:%!]{6,12}") {
            let text = format!("http://{user}:{secret}@host:9090/p");
            if let Ok(address) = text.parse::<Address>() {
                assert_eq!(address.to_string(), "http://host:9090/p");
                assert!(!format!("{address:?}").contains(&secret));
            }
        }
    }
}
