//! The stylesheet, the script and the icons.

use super::super::etag::digest;
use axum::{
    extract::Path,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use slo_core::page::STYLE;
use std::sync::LazyLock;

const OWN_STYLE: &str = include_str!("pages.css");
const SCRIPT: &str = include_str!("pages.js");

/// The version of the assets, in their addresses: browsers may keep them for ever.
pub(super) static VERSION: LazyLock<String> =
    LazyLock::new(|| digest(&[STYLE, OWN_STYLE, SCRIPT].map(str::as_bytes)));

/// `GET /assets/{name}`
pub(in super::super) async fn asset(Path(name): Path<String>) -> Response {
    let forever = (header::CACHE_CONTROL, "public, max-age=31536000, immutable");
    let answer = |kind: &'static str, body: String| {
        ([(header::CONTENT_TYPE, kind), forever, (header::X_CONTENT_TYPE_OPTIONS, "nosniff")], body)
            .into_response()
    };
    match name.as_str() {
        "pages.css" => answer("text/css; charset=utf-8", [STYLE, OWN_STYLE].concat()),
        "pages.js" => answer("text/javascript; charset=utf-8", SCRIPT.to_owned()),
        // The colour of the tab says the state.
        "ok.svg" => answer("image/svg+xml", icon("#1a6b3a")),
        "page.svg" => answer("image/svg+xml", icon("#b3261e")),
        "ticket.svg" => answer("image/svg+xml", icon("#b57a00")),
        "none.svg" => answer("image/svg+xml", icon("#888888")),
        _ => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
    }
}

fn icon(color: &str) -> String {
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 16 16\"><circle cx=\"8\" cy=\"8\" r=\"7\" fill=\"{color}\"/></svg>"
    )
}
