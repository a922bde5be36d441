//! The routes that arm faults from outside, such as for an experiment.

use super::{Fault, Faults};
use crate::{Class, Error};
use axum::{
    Extension, Json, Router,
    extract::{DefaultBodyLimit, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use slo_core::model::{Ratio, Window};
use std::sync::Arc;

/// The longest request, in bytes.
const LONGEST: usize = 4 << 10;

/// What to inject; lengths of time and shares as people write them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    latency: Option<String>,
    errors: Option<String>,
    share: Option<String>,
    #[serde(default)]
    seed: u64,
    lease: String,
}

/// Whether faults are armed, and for how much longer.
#[derive(Debug, Serialize)]
struct Armed {
    armed: bool,
    lease_seconds: Option<f64>,
}

struct App {
    faults: Faults,
    token: String,
}

impl Faults {
    /// The route `/faults`, with which `slo experiment` arms and disarms these faults from outside.
    ///
    /// | request | does |
    /// |---|---|
    /// | `GET /faults` | shows whether faults are armed: `{"armed": true, "lease_seconds": 28.5}` |
    /// | `PUT /faults` | arms faults, or renews their lease: `{"latency": "300ms", "share": "50%", "errors": "5%", "lease": "30s"}` |
    /// | `DELETE /faults` | disarms them |
    ///
    /// A service without this route cannot be told to inject faults. Each request needs the header
    /// `Authorization: Bearer TOKEN`. Requests to this route are not events of an SLO. Add it outside the fault layer, so that
    /// it gets no faults itself.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use slo_instrument::Service;
    ///
    /// # fn token() -> String { "0123456789abcdef".to_owned() }
    /// let service = Service::builder("checkout").availability("99.9%").install()?;
    /// let app: Router = Router::new()
    ///     .route("/pay", get(|| async { "paid" }))
    ///     .layer(service.fault_layer())
    ///     .layer(service.layer())
    ///     .merge(service.faults().routes(token())?);
    /// # Ok::<(), slo_instrument::Error>(())
    /// ```
    ///
    /// # Errors
    /// A token that is shorter than 16 characters.
    pub fn routes<S: Clone + Send + Sync + 'static>(
        &self,
        token: impl Into<String>,
    ) -> Result<Router<S>, Error> {
        let token = token.into();
        if token.len() < SHORTEST_TOKEN {
            let message = format!("the token is shorter than {SHORTEST_TOKEN} characters");
            return Err(Error::new("faults", message));
        }
        let app = Arc::new(App { faults: self.clone(), token });
        let routes = Router::new().route("/faults", get(show).put(arm).delete(disarm));
        Ok(routes.layer(DefaultBodyLimit::max(LONGEST)).with_state(app))
    }
}

/// Shorter ones can be guessed.
const SHORTEST_TOKEN: usize = 16;

/// A request that is refused.
struct Refused(StatusCode, String);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (self.0, Extension(Class::Ignored), format!("{}\n", self.1)).into_response()
    }
}

impl App {
    fn check(&self, headers: &HeaderMap) -> Result<(), Refused> {
        let given = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let given = given.and_then(|value| value.split_once(' '));
        let is_right = given.is_some_and(|(scheme, token)| {
            scheme.eq_ignore_ascii_case("bearer") && same(token.trim().as_bytes(), self.token.as_bytes())
        });
        if is_right {
            return Ok(());
        }
        Err(Refused(StatusCode::UNAUTHORIZED, "the token is missing or wrong".to_owned()))
    }

    fn shown(&self) -> Response {
        let lease = self.faults.lasts();
        let armed = Armed { armed: lease.is_some(), lease_seconds: lease.map(|left| left.as_secs_f64()) };
        (Extension(Class::Ignored), Json(armed)).into_response()
    }
}

/// Whether two texts are the same, in a time that does not tell where they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |all, (one, other)| all | (one ^ other)) == 0
}

async fn show(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Refused> {
    app.check(&headers)?;
    Ok(app.shown())
}

async fn arm(
    State(app): State<Arc<App>>,
    headers: HeaderMap,
    order: Result<Json<Order>, JsonRejection>,
) -> Result<Response, Refused> {
    app.check(&headers)?;
    let bad = |message: String| Refused(StatusCode::BAD_REQUEST, message);
    let Json(order) = order.map_err(|error| bad(error.body_text()))?;
    let (plan, lease) = order.read().map_err(|error| bad(error.to_string()))?;
    app.faults.arm(plan, order.seed, lease.as_duration()).map_err(|error| bad(error.to_string()))?;
    Ok(app.shown())
}

async fn disarm(State(app): State<Arc<App>>, headers: HeaderMap) -> Result<Response, Refused> {
    app.check(&headers)?;
    app.faults.disarm();
    Ok(app.shown())
}

impl Order {
    fn read(&self) -> Result<(Vec<Fault>, Window), Error> {
        let time = |name: &str, text: &str| text.parse::<Window>().map_err(Error::at(name));
        let mut plan = Vec::new();
        if let Some(errors) = &self.errors {
            plan.push(Fault::error(StatusCode::SERVICE_UNAVAILABLE).for_share(part("errors", errors)?));
        }
        if let Some(latency) = &self.latency {
            let share = self.share.as_deref().map_or(Ok(1.0), |share| part("share", share))?;
            plan.push(Fault::latency(time("latency", latency)?.as_duration()).for_share(share));
        }
        if plan.is_empty() {
            return Err(Error::new("faults", "there are none; write `latency` or `errors`"));
        }
        Ok((plan, time("lease", &self.lease)?))
    }
}

/// A share such as `5%`.
fn part(name: &str, text: &str) -> Result<f64, Error> {
    let percent = text.strip_suffix('%').and_then(|number| number.trim_end().parse::<Ratio>().ok());
    let share = percent.map(|percent| percent.to_f64() / 100.0).filter(|share| *share <= 1.0);
    share.ok_or_else(|| Error::new(name, format!("`{text}` is not a share; write 5%")))
}
