//! However requests, cancellations, failures and panics interleave: what was started is counted or still on its way.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use axum::body::{Body, HttpBody};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode};
use http_body::Frame;
use proptest::prelude::*;
use slo_instrument::{Class, CountedBody, Latency, RequestFuture, Service};
use std::{
    convert::Infallible,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    task::{Context, Poll, Waker},
};
use tower::{Layer, Service as _, service_fn};

/// What a request's service does, a poll at a time.
#[derive(Debug, Clone)]
struct Script {
    polls_until_head: u8,
    head: Head,
    frames: u8,
    end: End,
}

#[derive(Debug, Clone, Copy)]
enum Head {
    Answers(u16),
    Fails,
    Panics,
    Excluded,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Done,
    /// With trailers, which a gRPC call ends with.
    Trailers,
    Fails,
    Panics,
}

/// What is done next: another request is begun, one of those on their way goes a step on, or is given up.
#[derive(Debug, Clone)]
enum Step {
    Begin(Script),
    Poll(prop::sample::Index),
    Drop(prop::sample::Index),
}

struct Answer {
    script: Script,
}

impl Future for Answer {
    type Output = Result<Response<Frames>, &'static str>;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        if self.script.polls_until_head > 0 {
            self.script.polls_until_head -= 1;
            return Poll::Pending;
        }
        let body = Frames { left: self.script.frames, end: self.script.end };
        let response = |status: u16| Response::builder().status(status);
        Poll::Ready(match self.script.head {
            Head::Answers(status) => Ok(response(status).body(body).unwrap()),
            Head::Excluded => Ok(response(200).extension(Class::Ignored).body(body).unwrap()),
            Head::Fails => Err("no connection"),
            Head::Panics => panic!("on purpose"),
        })
    }
}

struct Frames {
    left: u8,
    end: End,
}

impl HttpBody for Frames {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        if self.left > 0 {
            self.left -= 1;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(b"frame")))));
        }
        match self.end {
            End::Done => Poll::Ready(None),
            End::Trailers => {
                self.end = End::Done;
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", HeaderValue::from_static("13"));
                Poll::Ready(Some(Ok(Frame::trailers(trailers))))
            }
            End::Fails => Poll::Ready(Some(Err("disk"))),
            End::Panics => panic!("on purpose"),
        }
    }
}

enum OnItsWay {
    Waiting(Pin<Box<RequestFuture<Answer>>>),
    Reading(Pin<Box<CountedBody<Frames>>>),
}

impl OnItsWay {
    /// A step on; `None` once it is over.
    fn step(self) -> Option<Self> {
        let mut context = Context::from_waker(Waker::noop());
        match self {
            Self::Waiting(mut future) => match future.as_mut().poll(&mut context) {
                Poll::Pending => Some(Self::Waiting(future)),
                Poll::Ready(Ok(response)) => Some(Self::Reading(Box::pin(response.into_body()))),
                Poll::Ready(Err(_)) => None,
            },
            Self::Reading(mut body) => match body.as_mut().poll_frame(&mut context) {
                Poll::Ready(Some(Ok(_))) | Poll::Pending => Some(Self::Reading(body)),
                Poll::Ready(_) => None,
            },
        }
    }
}

fn script() -> impl Strategy<Value = Script> {
    let head = prop_oneof![
        6 => prop::sample::select(vec![200, 204, 304, 404, 500, 503]).prop_map(Head::Answers),
        1 => Just(Head::Fails),
        1 => Just(Head::Panics),
        1 => Just(Head::Excluded),
    ];
    let end = prop_oneof![4 => Just(End::Done), 2 => Just(End::Trailers), 1 => Just(End::Fails), 1 => Just(End::Panics)];
    (0..3_u8, head, 0..3_u8, end).prop_map(|(polls_until_head, head, frames, end)| Script {
        polls_until_head,
        head,
        frames,
        end,
    })
}

/// Requests that have been counted: good, bad (they have an `error_type`), ignored.
fn counted(slo: &Service) -> (u64, u64, u64) {
    let (mut good, mut bad, mut ignored) = (0, 0, 0);
    for line in slo.metrics().lines() {
        let Some((series, count)) = line.rsplit_once(' ') else { continue };
        let count = || count.parse::<u64>().unwrap();
        if series.starts_with("slo_ignored_events_total") {
            ignored += count();
        } else if series.contains("_duration_seconds_count{") {
            if series.contains("error_type=") { bad += count() } else { good += count() }
        }
    }
    (good, bad, ignored)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn started_is_good_bad_ignored_or_on_its_way(
        steps in prop::collection::vec(
            prop_oneof![
                2 => script().prop_map(Step::Begin),
                6 => any::<prop::sample::Index>().prop_map(Step::Poll),
                1 => any::<prop::sample::Index>().prop_map(Step::Drop),
            ],
            1..80,
        ),
        patient in any::<bool>(),
        until_end in any::<bool>(),
        which_layer in 0..4_u8,
    ) {
        std::panic::set_hook(Box::new(|_| {}));
        let slo = Service::builder("a").availability("99%");
        let slo = if patient { slo.latency("10s", "99%") } else { slo };
        let slo = if until_end { slo.measure_until(Latency::End) } else { slo };
        let slo = slo.install().unwrap();
        let layer = match which_layer {
            0 => slo.layer(),
            1 => slo.grpc_layer(),
            2 => slo.client_layer("peer"),
            _ => slo.grpc_client_layer("peer"),
        };
        let mut service = layer.layer(service_fn(|script: Request<Script>| Answer { script: script.into_body() }));
        let mut started = 0_u64;
        let mut running: Vec<OnItsWay> = Vec::new();
        for step in steps {
            match step {
                Step::Begin(script) => {
                    started += 1;
                    running.push(OnItsWay::Waiting(Box::pin(service.call(Request::new(script)))));
                }
                Step::Poll(which) if !running.is_empty() => {
                    let request = running.swap_remove(which.index(running.len()));
                    let next = catch_unwind(AssertUnwindSafe(|| request.step())).ok().flatten();
                    running.extend(next);
                }
                Step::Drop(which) if !running.is_empty() => {
                    running.swap_remove(which.index(running.len()));
                }
                Step::Poll(_) | Step::Drop(_) => {}
            }
            let (good, bad, ignored) = counted(&slo);
            prop_assert_eq!(good + bad + ignored + slo.in_flight(), started);
            // A response without a body is counted at its head, and may still be held by somebody.
            prop_assert!(slo.in_flight() <= u64::try_from(running.len()).unwrap());
        }
        running.clear();
        let (good, bad, ignored) = counted(&slo);
        prop_assert_eq!((good + bad + ignored, slo.in_flight()), (started, 0));
        let _ = std::panic::take_hook();
    }
}

#[test]
fn an_answer_is_good_and_a_failure_is_bad() {
    let slo = Service::builder("a").availability("99%").install().unwrap();
    let mut service = slo.layer().layer(service_fn(|status: Request<StatusCode>| {
        std::future::ready(Ok::<_, Infallible>(
            Response::builder().status(status.into_body()).body(Body::empty()).unwrap(),
        ))
    }));
    for status in [StatusCode::OK, StatusCode::NOT_FOUND, StatusCode::BAD_GATEWAY] {
        let mut future = Box::pin(service.call(Request::new(status)));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
    assert_eq!(counted(&slo), (2, 1, 0));
}
