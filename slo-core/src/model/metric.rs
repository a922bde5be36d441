//! Metric and label names that the instrumentation emits and the rules select.
//!
//! They follow OpenTelemetry's semantic conventions for HTTP servers, in Prometheus spelling.

/// Histogram of request durations in seconds (`http.server.request.duration`).
pub const HTTP_SERVER_REQUEST_DURATION: &str = "http_server_request_duration_seconds";

/// Request method (`http.request.method`).
pub const HTTP_REQUEST_METHOD: &str = "http_request_method";

/// Route template such as `/users/{id}` (`http.route`).
pub const HTTP_ROUTE: &str = "http_route";

/// Status code that was sent (`http.response.status_code`); absent where none was.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http_response_status_code";

/// What went wrong (`error.type`): the 5xx code, `cancelled`, `panic` or `transport_error`; absent on success.
pub const ERROR_TYPE: &str = "error_type";
