//! What is counted, in the formats that are asked for.

mod accept;
mod collector;
mod families;
#[cfg(feature = "native-histograms")]
mod protobuf;
mod text;

pub(crate) use accept::Format;
pub use collector::Collector;
pub(crate) use families::{Family, Sample, Type};
pub(crate) use text::render;

use crate::{SloStatus, count::Store, fault::Faults, trace::Spans};
use arc_swap::ArcSwap;
use slo_core::model::Service;
use std::{sync::Arc, time::SystemTime};

/// Everything that a service exposes.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) service: Service,
    pub(crate) store: Arc<Store>,
    pub(crate) statuses: Arc<ArcSwap<Vec<SloStatus>>>,
    pub(crate) spans: Option<Spans>,
    pub(crate) faults: Faults,
    #[cfg(feature = "otlp")]
    pub(crate) failures: Arc<crate::otlp::Failures>,
    pub(crate) created: SystemTime,
}

impl Source {
    /// The metrics in `format`.
    pub(crate) fn encode(&self, format: Format) -> Vec<u8> {
        match format {
            Format::Text | Format::OpenMetrics => text::encode(self, format).into_bytes(),
            #[cfg(feature = "native-histograms")]
            Format::Protobuf => protobuf::encode(self),
        }
    }
}
