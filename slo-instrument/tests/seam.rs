//! The rules that are generated from a service's spec select what the service emits: all of it, and nothing else.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use axum::body::Body;
use http::{HeaderValue, Request, Response, StatusCode};
use promql_parser::{
    parser::{Expr, VectorSelector, parse},
    util::{ExprVisitor, walk_expr},
};
use slo_core::{rules, spec};
use slo_instrument::{Events, Service};
use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    time::Duration,
};
use tower::{Layer, ServiceExt, service_fn};

/// One SLO of availability and one of latency for everything that can be counted.
fn slo() -> Service {
    [
        Events::http(),
        Events::grpc(),
        Events::http_to("payments"),
        Events::grpc_to("stock"),
        Events::operation("reindex"),
    ]
    .into_iter()
    .fold(Service::builder("shop"), |builder, events| {
        builder.counting(events).availability("99.9%").latency("200ms", "99%")
    })
    .time_scale(60)
    .install()
    .unwrap()
}

/// Answers with the HTTP status and the gRPC status of the path, and takes its time where that says so.
async fn answer(request: Request<Body>) -> Result<Response<Body>, Infallible> {
    let path = request.uri().path();
    if path.contains("slow") {
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    let is_broken = path.contains("broken");
    let status = if is_broken { StatusCode::BAD_GATEWAY } else { StatusCode::OK };
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    let code = HeaderValue::from_static(if is_broken { "14" } else { "0" });
    response.headers_mut().insert("grpc-status", code);
    Ok(response)
}

/// Two that are well, one that fails, one that is slow, of everything.
async fn traffic(slo: &Service) {
    let layers =
        [slo.layer(), slo.grpc_layer(), slo.client_layer("payments"), slo.grpc_client_layer("stock")];
    for layer in layers {
        for path in ["/a/ok", "/b/ok", "/a/broken", "/a/slow"] {
            let request = Request::builder().uri(path).body(Body::empty()).unwrap();
            layer.clone().layer(service_fn(answer)).oneshot(request).await.unwrap();
        }
    }
    for (result, wait) in [(Ok(()), 0), (Ok(()), 0), (Err(()), 0), (Ok(()), 300)] {
        let work = async {
            tokio::time::sleep(Duration::from_millis(wait)).await;
            result
        };
        assert_eq!(slo.track("reindex", work).await, result);
    }
}

type Labels = BTreeMap<String, String>;

/// What Prometheus keeps of `/metrics` when it scrapes the service as `job`.
fn scraped(slo: &Service, job: &str) -> Vec<(String, Labels, f64)> {
    let line = |line: &str| {
        let (series, value) = line.rsplit_once(' ').unwrap();
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let pair = |pair: &str| {
            let (label, value) = pair.split_once("=\"").unwrap();
            (label.to_owned(), value.trim_end_matches('"').to_owned())
        };
        // No value here holds a comma.
        let labels = labels.trim_end_matches('}').split(',').filter(|pair| !pair.is_empty()).map(pair);
        let scrape = [("job".to_owned(), job.to_owned()), ("instance".to_owned(), "a:1".to_owned())];
        (name.to_owned(), labels.chain(scrape).collect(), value.parse().unwrap())
    };
    slo.metrics().lines().filter(|line| !line.starts_with('#')).map(line).collect()
}

/// The selectors of an expression that read what services emit, not what rules recorded.
struct Raw(Vec<VectorSelector>);

impl ExprVisitor for Raw {
    type Error = ();

    fn pre_visit(&mut self, expr: &Expr) -> Result<bool, ()> {
        let selector = match expr {
            Expr::VectorSelector(selector) => selector,
            Expr::MatrixSelector(range) => &range.vs,
            _ => return Ok(true),
        };
        let name = selector.name.as_deref().unwrap_or_default();
        if !name.starts_with("slo:") && !matches!(name, "up" | "ALERTS") {
            self.0.push(selector.clone());
        }
        Ok(true)
    }
}

fn selects(selector: &VectorSelector, name: &str, labels: &Labels) -> bool {
    let holds = |matcher: &promql_parser::label::Matcher| {
        matcher.is_match(labels.get(&matcher.name).map_or("", String::as_str))
    };
    selector.name.as_deref() == Some(name) && selector.matchers.matchers.iter().all(holds)
}

#[tokio::test]
async fn the_rules_select_exactly_what_is_emitted() {
    let slo = slo();
    traffic(&slo).await;
    let service = spec::parse(&slo.spec()).unwrap().remove(0);
    assert_eq!(&service, slo.model(), "the spec says all that was declared");
    let mut raw = Raw(Vec::new());
    for rule in rules::generate(&service).unwrap().iter().flat_map(|group| &group.rules) {
        walk_expr(&mut raw, &parse(&rule.expr().to_string()).unwrap()).unwrap();
    }
    let emitted = scraped(&slo, "shop");
    let mut selected = BTreeSet::new();
    for selector in &raw.0 {
        let found: Vec<_> =
            emitted.iter().filter(|(name, labels, _)| selects(selector, name, labels)).collect();
        assert!(!found.is_empty(), "{selector} selects nothing");
        selected.extend(found.iter().map(|(name, labels, _)| (name, labels)));
    }
    // Every histogram is read, by its count; of its buckets, those at the threshold.
    let is_read = |name: &str, labels: &Labels| {
        name.ends_with("_duration_seconds_count")
            || (name.ends_with("_duration_seconds_bucket")
                && labels["le"] == "0.2"
                && !labels.contains_key("error_type"))
    };
    let wanted: BTreeSet<_> = emitted
        .iter()
        .filter(|(name, labels, _)| is_read(name, labels))
        .map(|(name, labels, _)| (name, labels))
        .collect();
    assert_eq!(selected, wanted);
    assert_eq!(emitted.iter().filter(|(name, ..)| name.ends_with("_seconds_count")).count(), 14);
    let elsewhere = scraped(&slo, "other");
    assert!(elsewhere.iter().all(|(name, labels, _)| raw.0.iter().all(|one| !selects(one, name, labels))));
}

#[tokio::test]
async fn every_slo_counts_its_own() {
    let slo = slo();
    traffic(&slo).await;
    let metrics = slo.metrics();
    for prefix in ["", "grpc-", "payments-", "stock-", "reindex-"] {
        for (name, total, bad) in [("availability", 4, 1), ("latency", 3, 1)] {
            for (counter, value) in [("slo_events_total", total), ("slo_bad_events_total", bad)] {
                let line = format!("{counter}{{service=\"shop\",slo=\"{prefix}{name}\"}} {value}\n");
                assert!(metrics.contains(&line), "{line}{metrics}");
            }
        }
    }
}
