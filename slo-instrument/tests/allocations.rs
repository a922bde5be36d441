//! A request on a series that was seen before allocates nothing.

use axum::body::Body;
use http::{HeaderValue, Request, Response};
use slo_instrument::{Events, Service, SloLayer};
use std::{
    convert::Infallible,
    future::{Future, ready},
    pin::pin,
    task::{Context, Waker},
};
use tower::{Layer, Service as _, service_fn};

#[test]
fn counting_allocates_nothing() {
    let slo = Service::builder("a").availability("99%").latency("300ms", "99%").install().unwrap();
    assert_eq!(allocations(&slo.layer(), || Request::new(()), Body::empty), 0);
}

#[test]
fn reading_a_body_allocates_nothing() {
    let slo = Service::builder("a").availability("99%").install().unwrap();
    assert_eq!(allocations(&slo.layer(), || Request::new(()), || Body::from("some of it")), 0);
}

/// Many routes, which a thread has no place of its own for each.
#[test]
fn finding_a_route_allocates_nothing() {
    let slo = Service::builder("a").counting(Events::grpc()).availability("99%").install().unwrap();
    let uris: Vec<http::Uri> =
        (0..200).map(|number| format!("/shop.Cart/Add{number}").parse().unwrap()).collect();
    let next = std::cell::Cell::new(0);
    let request = || {
        next.set((next.get() + 1) % uris.len());
        let mut request = Request::new(());
        request.uri_mut().clone_from(&uris[next.get()]);
        request
    };
    assert_eq!(allocations(&slo.grpc_layer(), request, Body::empty), 0);
}

/// A trace goes in one box, whether it is sampled or not. With a collector built in, so does what OpenTelemetry's own API
/// is told of it.
#[test]
fn an_unsampled_trace_allocates_once() {
    let slo = Service::builder("a").availability("99%").exemplars().install().unwrap();
    let parent = HeaderValue::from_static("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00");
    let request = || {
        let mut request = Request::new(());
        request.headers_mut().insert("traceparent", parent.clone());
        request
    };
    let boxes = if cfg!(feature = "otlp") { 2 } else { 1 };
    assert_eq!(allocations(&slo.layer(), request, Body::empty), boxes * REQUESTS);
    assert_eq!(allocations(&slo.layer(), || Request::new(()), Body::empty), 0, "no trace");
}

const REQUESTS: u64 = 1_000;

/// The allocations of a thousand requests whose bodies are read, beyond those of the service itself.
fn allocations(layer: &SloLayer, request: impl Fn() -> Request<()>, body: impl Fn() -> Body + Copy) -> u64 {
    let inner = service_fn(move |_: Request<()>| {
        let mut response = Response::new(body());
        response.headers_mut().insert("grpc-status", HeaderValue::from_static("0"));
        ready(Ok::<_, Infallible>(response))
    });
    let count = |mut call: Box<dyn FnMut() + '_>| {
        // The first requests make their series.
        (0..REQUESTS).for_each(|_| call());
        allocation_counter::measure(|| (0..REQUESTS).for_each(|_| call())).count_total
    };
    let (mut counted, mut bare) = (layer.layer(inner), inner);
    let ours = count(Box::new(|| read(counted.call(request()))));
    ours - count(Box::new(|| read(bare.call(request()))))
}

fn read<B: http_body::Body>(future: impl Future<Output = Result<Response<B>, Infallible>>) {
    let mut context = Context::from_waker(Waker::noop());
    let std::task::Poll::Ready(Ok(response)) = pin!(future).poll(&mut context) else { unreachable!() };
    let mut body = pin!(response.into_body());
    while !body.is_end_stream() {
        assert!(body.as_mut().poll_frame(&mut context).is_ready());
    }
}
