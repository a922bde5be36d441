//! A request on a series that was seen before allocates nothing.

use axum::body::Body;
use http::{Request, Response};
use slo_instrument::Slo;
use std::{
    convert::Infallible,
    future::{Future, ready},
    pin::pin,
    task::{Context, Waker},
};
use tower::{Layer, Service, service_fn};

#[test]
fn counting_allocates_nothing() {
    let slo = Slo::builder("a").availability("99%").latency("300ms", "99%").install().unwrap();
    assert_eq!(allocations(&slo), 0);
}

/// A trace goes in one box, whether it is sampled or not.
#[test]
fn an_unsampled_trace_allocates_once() {
    let slo = Slo::builder("a").availability("99%").exemplars().install().unwrap();
    assert_eq!(allocations(&slo), 1_000);
}

/// The allocations of a thousand requests, beyond those of the service itself.
fn allocations(slo: &Slo) -> u64 {
    let inner = service_fn(|_: Request<()>| ready(Ok::<_, Infallible>(Response::new(Body::empty()))));
    let mut counted = slo.layer().layer(inner);
    let mut call = || {
        let future = pin!(counted.call(Request::new(())));
        assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    };
    // The first request makes its series.
    call();
    let ours = allocation_counter::measure(|| (0..1_000).for_each(|_| call()));
    let mut bare = inner;
    let without = allocation_counter::measure(|| {
        for _ in 0..1_000 {
            assert!(
                pin!(bare.call(Request::new(()))).poll(&mut Context::from_waker(Waker::noop())).is_ready()
            );
        }
    });
    ours.count_total - without.count_total
}
