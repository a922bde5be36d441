//! Which callers are allowed, and who they are.

use super::refused::Refused;
use crate::config::{Access, Credentials, ProxyConfig};
use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, header, request::Parts},
};
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
};

/// What the record says of a caller without a name.
const NAMELESS: &str = "a responder";

/// The doors of people: who may look, and who may act.
#[derive(Debug)]
pub(super) struct Doors {
    access: Option<Access>,
    /// Signs forms.
    key: [u8; 32],
}

/// Somebody who may look.
#[derive(Debug, Clone)]
pub(super) struct Viewer {
    /// The name for the record.
    pub(super) who: String,
    /// Whether they may also act.
    pub(super) may_act: bool,
}

/// Somebody who may act.
#[derive(Debug, Clone)]
pub(super) struct Responder {
    /// The name for the record.
    pub(super) who: String,
}

impl Doors {
    /// # Errors
    /// A system without random numbers.
    pub(super) fn new(access: Option<Access>) -> Result<Self, &'static str> {
        let mut key = [0; 32];
        let random = rustls::crypto::ring::default_provider().secure_random;
        random.fill(&mut key).map_err(|_| "the system has no random numbers")?;
        Ok(Self { access, key })
    }

    /// Who sends a request from the address `peer`.
    fn viewer(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Result<Viewer, Refused> {
        let Some(access) = &self.access else {
            to_loopback(headers).map_err(Refused::unauthorized)?;
            refuse_embedding(headers)?;
            return Ok(Viewer { who: NAMELESS.to_owned(), may_act: true });
        };
        if let Some(viewer) = access.proxy.as_ref().and_then(|proxy| by_proxy(proxy, headers, peer)) {
            return Ok(viewer);
        }
        let may_act = access.responders.as_ref().is_some_and(|responders| has(headers, responders));
        if may_act || access.viewers.as_ref().is_some_and(|viewers| has(headers, viewers)) {
            let who = user(headers).unwrap_or_else(|| NAMELESS.to_owned());
            return Ok(Viewer { who: slo_core::plain(&who).into_owned(), may_act });
        }
        let has_basic = [&access.viewers, &access.responders]
            .into_iter()
            .any(|one| matches!(one, Some(Credentials::Basic(_))));
        let refused = Refused::unauthorized("the credentials of a viewer are missing or wrong".to_owned());
        Err(if has_basic { refused.with_basic() } else { refused })
    }

    /// A token for the forms of a viewer, without which they are refused: a page of another site cannot know it.
    pub(super) fn token(&self, who: &str) -> String {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        URL_SAFE_NO_PAD.encode(self.mac(who).finalize().into_bytes())
    }

    /// Checks the token of a form.
    pub(super) fn check_token(&self, who: &str, token: &str) -> Result<(), Refused> {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
        let given = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
        self.mac(who).verify_slice(&given).map_err(|_| {
            Refused::forbidden(
                "the form is not from this page, or the server was started again; reload the page".to_owned(),
            )
        })
    }

    fn mac(&self, who: &str) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).expect("a key of 32 bytes");
        mac.update(who.as_bytes());
        mac
    }
}

/// The user that a proxy names, if the request is from the proxy.
fn by_proxy(proxy: &ProxyConfig, headers: &HeaderMap, peer: Option<IpAddr>) -> Option<Viewer> {
    let peer = peer?.to_canonical();
    if !proxy.from.iter().any(|net| net.contains(&peer)) {
        return None;
    }
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    let who = text(&proxy.user_header).filter(|who| !who.is_empty())?;
    let groups = proxy.groups_header.as_ref().and_then(text).unwrap_or_default();
    let is_responder = proxy.users.iter().any(|name| name == who);
    let has_group = |one: &str| proxy.groups.iter().any(|name| name == one);
    let may_act = is_responder || groups.split(',').map(str::trim).any(has_group);
    Some(Viewer { who: slo_core::plain(who).into_owned(), may_act })
}

impl<S: Sync> FromRequestParts<S> for Viewer {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refused> {
        let doors = parts.extensions.get::<Arc<Doors>>();
        let doors = doors.ok_or_else(|| Refused::unauthorized("no doors".to_owned()))?;
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
        doors.viewer(&parts.headers, peer)
    }
}

impl<S: Sync> FromRequestParts<S> for Responder {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refused> {
        let viewer = Viewer::from_request_parts(parts, state).await?;
        if !viewer.may_act {
            return Err(Refused::forbidden("a viewer may only look; this needs a responder".to_owned()));
        }
        check_origin(&parts.headers)?;
        Ok(Self { who: viewer.who })
    }
}

/// Refuses what a page of another site loads in the background: it could make this server ask Prometheus. A link there works.
fn refuse_embedding(headers: &HeaderMap) -> Result<(), Refused> {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|one| one == value);
    if is("sec-fetch-site", "cross-site") && !is("sec-fetch-mode", "navigate") {
        return Err(Refused::forbidden("the request is from a page of another site".to_owned()));
    }
    Ok(())
}

/// Checks that a request is not from a page of another site. Programs send no such header.
fn check_origin(headers: &HeaderMap) -> Result<(), Refused> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if text("sec-fetch-site").is_some_and(|site| site == "same-origin" || site == "none") {
        return Ok(());
    }
    let Some(origin) = text("origin") else { return Ok(()) };
    let of_origin = origin.split_once("://").map(|(_, host)| host);
    if of_origin.is_some() && of_origin == text("host") {
        return Ok(());
    }
    Err(Refused::forbidden("the request is from a page of another site".to_owned()))
}

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
fn has(headers: &HeaderMap, credentials: &Credentials) -> bool {
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
    to_loopback(headers)?;
    if headers.contains_key(header::ORIGIN) {
        return Err(
            "without credentials, requests from web pages are refused; configure `intake` and `access`"
                .to_owned(),
        );
    }
    Ok(())
}

/// Checks that a request is for a loopback name: not for a name that a web page made point to this machine.
fn to_loopback(headers: &HeaderMap) -> Result<(), String> {
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

/// The user of basic credentials.
fn user(headers: &HeaderMap) -> Option<String> {
    let (scheme, given) = split(headers.get(header::AUTHORIZATION)?.as_bytes())?;
    let text = String::from_utf8(decoded(given)?).ok().filter(|_| scheme.eq_ignore_ascii_case(b"basic"))?;
    Some(text.split_once(':')?.0.to_owned())
}
