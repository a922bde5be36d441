//! Everything that a service exposes.

use crate::{count::Store, fault::Faults, live::Ticker, trace::Spans};
use slo_core::model::Service;
use std::{
    sync::{Arc, atomic::AtomicUsize},
    time::SystemTime,
};

/// Everything that a service exposes.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) service: Service,
    pub(crate) store: Arc<Store>,
    pub(crate) ticker: Ticker,
    pub(crate) spans: Option<Spans>,
    pub(crate) faults: Faults,
    #[cfg(feature = "otlp")]
    pub(crate) failures: Option<Arc<crate::failures::Failures>>,
    pub(crate) created: SystemTime,
    /// How long the last text was.
    pub(crate) length: AtomicUsize,
}
