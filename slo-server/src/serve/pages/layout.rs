//! What all pages have in common.

use super::{
    super::{auth::Viewer, refused::Refused, site::Site},
    assets::VERSION,
};
use crate::{clock::now, observe::Kept};
use askama::Template;
use axum::{
    extract::State,
    http::{HeaderName, StatusCode, Uri, header},
    response::{Html, IntoResponse, Response},
};
use slo_core::{artifact::local_time, model::Timestamp, page::duration};
use std::sync::Arc;

/// What all pages have in common.
pub(super) struct Layout {
    pub(super) base: String,
    pub(super) title: String,
    /// `slos`, `incidents` or `reports`.
    pub(super) tab: &'static str,
    /// The name of the icon.
    pub(super) icon: &'static str,
    pub(super) version: &'static str,
    pub(super) zone: String,
    pub(super) has_slos: bool,
    pub(super) has_incidents: bool,
}

impl Layout {
    pub(super) fn new(site: &Site, tab: &'static str, title: impl Into<String>) -> Self {
        Self {
            base: site.base.clone(),
            title: title.into(),
            tab,
            icon: "none",
            version: &VERSION,
            zone: site.zone.clone(),
            has_slos: site.observer.is_some(),
            has_incidents: site.record.is_some(),
        }
    }

    pub(super) const fn with_icon(mut self, icon: &'static str) -> Self {
        self.icon = icon;
        self
    }
}

/// A page that says why there is none.
#[derive(Template)]
#[template(path = "refused.html")]
struct RefusedPage {
    layout: Layout,
    status: u16,
    reason: String,
}

/// Why there is no page.
pub(in super::super) struct PageRefused {
    refused: Refused,
    layout: Layout,
}

impl PageRefused {
    pub(super) fn of(site: &Site) -> impl Fn(Refused) -> Self {
        |refused| Self { refused, layout: Layout::new(site, "", "Not found") }
    }
}

impl IntoResponse for PageRefused {
    fn into_response(self) -> Response {
        let Self { refused, mut layout } = self;
        refused.status.canonical_reason().unwrap_or("Refused").clone_into(&mut layout.title);
        let (status, challenge) = (refused.status, refused.challenge());
        let page = RefusedPage { layout, status: status.as_u16(), reason: refused.reason };
        let mut response = (status, html(&page)).into_response();
        if let Some(challenge) = challenge {
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, header::HeaderValue::from_static(challenge));
        }
        response
    }
}

/// Only files of this server; nothing in the page itself is run or applied.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A page.
pub(super) fn html(page: &impl Template) -> Response {
    let headers: [(HeaderName, &str); 4] = [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "same-origin"),
        (header::VARY, "Accept-Encoding, Cookie, Authorization"),
    ];
    match page.render() {
        Ok(text) => (headers, Html(text)).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

/// Any other address.
pub(in super::super) async fn missing(
    viewer: Result<Viewer, Refused>,
    State(site): State<Arc<Site>>,
    uri: Uri,
) -> Response {
    let is_api = uri.path().starts_with("/api/");
    let refused = match viewer {
        Err(error) => error,
        // Only a server with a record has them.
        Ok(_) if uri.path().starts_with("/api/v1/incidents") => match site.record() {
            Err(error) => error,
            Ok(_) => Refused::missing("there is no such incident".to_owned()),
        },
        Ok(_) => Refused::missing("there is no such page".to_owned()),
    };
    if is_api { refused.into_response() } else { PageRefused::of(&site)(refused).into_response() }
}

/// A warning that numbers are old; empty if they are not.
pub(super) fn stale<T>(kept: &Kept<T>, zone: &str) -> String {
    let Some(trouble) = &kept.trouble else { return String::new() };
    let trouble = slo_core::plain(trouble);
    match &kept.value {
        Some((_, at)) => format!(
            "Prometheus does not answer: {trouble}. These numbers are from {}, {} ago.",
            clock(*at, zone),
            duration(now().millis_since(*at) as f64 / 1_000.0)
        ),
        None => format!(
            "Prometheus does not answer: {trouble}. There are no numbers yet; this page tries again by itself."
        ),
    }
}

/// A time of the day.
pub(super) fn clock(time: Timestamp, zone: &str) -> String {
    format!("{} {zone}", local_time(time, zone, "%H:%M:%S"))
}

/// A day and a time.
pub(super) fn moment(time: Timestamp, zone: &str) -> String {
    local_time(time, zone, "%Y-%m-%d %H:%M:%S")
}

/// The query of an address, after `?`; empty without pairs.
pub(super) fn query<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = url::form_urlencoded::Serializer::new(String::new());
    text.extend_pairs(pairs);
    let text = text.finish();
    if text.is_empty() { text } else { format!("?{text}") }
}
