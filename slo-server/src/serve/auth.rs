//! Which callers are allowed.

use super::refused::Refused;
use crate::config::Credentials;
use axum::http::{HeaderMap, header};
use std::net::IpAddr;

/// Checks that a request has the credentials of `role`. If none are configured, which is possible on loopback
/// only, programs on this machine are allowed, and web pages in its browsers are not.
pub(crate) fn check(
    headers: &HeaderMap,
    credentials: Option<&Credentials>,
    role: &str,
) -> Result<(), Refused> {
    let Some(credentials) = credentials else { return local(headers).map_err(Refused::unauthorized) };
    if has(headers, credentials) {
        return Ok(());
    }
    Err(Refused::unauthorized(format!("the credentials of {role} are missing or wrong")))
}

/// Whether a request has the credentials.
pub(super) fn has(headers: &HeaderMap, credentials: &Credentials) -> bool {
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

/// Checks that a request is for a loopback name and not from a web page, for which a browser sends `Origin`.
fn local(headers: &HeaderMap) -> Result<(), String> {
    let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let is_loopback = name
        .trim_matches(['[', ']'])
        .parse::<IpAddr>()
        .map_or_else(|_| name.eq_ignore_ascii_case("localhost"), |address| address.is_loopback());
    if !is_loopback {
        return Err(format!(
            "without credentials, only requests to localhost are allowed, and this one is to `{}`; \
             configure `intake` and `access`",
            slo_core::plain(host)
        ));
    }
    if headers.contains_key(header::ORIGIN) {
        return Err(
            "without credentials, requests from web pages are refused; configure `intake` and `access`"
                .to_owned(),
        );
    }
    Ok(())
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

/// The name of the caller for the record: the user of basic credentials, or the role.
pub(super) fn who(headers: &HeaderMap, role: &str) -> String {
    let user = headers.get(header::AUTHORIZATION).and_then(|value| {
        let (scheme, given) = split(value.as_bytes())?;
        let text =
            String::from_utf8(decoded(given)?).ok().filter(|_| scheme.eq_ignore_ascii_case(b"basic"))?;
        Some(text.split_once(':')?.0.to_owned())
    });
    slo_core::plain(&user.unwrap_or_else(|| role.to_owned())).into_owned()
}
