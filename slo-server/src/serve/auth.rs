//! Who may.

use crate::config::Credentials;
use axum::http::{HeaderMap, header};
use std::net::IpAddr;

/// Whether a request has the credentials. Without any, which a configuration allows on loopback only, programs of this
/// machine do, and pages in its browsers do not.
pub(super) fn may(headers: &HeaderMap, credentials: Option<&Credentials>) -> bool {
    let Some(credentials) = credentials else { return is_local(headers) };
    let Some((scheme, given)) = headers.get(header::AUTHORIZATION).and_then(|value| split(value.as_bytes()))
    else {
        return false;
    };
    match credentials {
        Credentials::Bearer(secret) => scheme.eq_ignore_ascii_case(b"bearer") && secret.is(given),
        Credentials::Basic(secret) => {
            scheme.eq_ignore_ascii_case(b"basic") && decoded(given).is_some_and(|given| secret.is(&given))
        }
    }
}

/// Whether it was sent to this machine by name, and not by a page of somebody else's, whose browser says where it is from.
fn is_local(headers: &HeaderMap) -> bool {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_loopback = name
        .trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .map_or_else(|_| name.eq_ignore_ascii_case("localhost"), |address| address.is_loopback());
    is_loopback && !headers.contains_key(header::ORIGIN)
}

fn split(value: &[u8]) -> Option<(&[u8], &[u8])> {
    let space = value.iter().position(|byte| *byte == b' ')?;
    let (scheme, rest) = value.split_at(space);
    Some((scheme, rest.trim_ascii()))
}

fn decoded(text: &[u8]) -> Option<Vec<u8>> {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    STANDARD.decode(text).ok()
}

/// Who asked, as the record tells it: the user of basic credentials, or the name of the role.
pub(super) fn who(headers: &HeaderMap, role: &str) -> String {
    let user = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, given) = split(value.as_bytes())?;
        let text =
            String::from_utf8(decoded(given)?).ok().filter(|_| scheme.eq_ignore_ascii_case(b"basic"))?;
        Some(text.split_once(':')?.0.to_owned())
    });
    slo_core::plain(&user.unwrap_or_else(|| role.to_owned())).into_owned()
}
