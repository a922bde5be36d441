//! Metric and label names that the instrumentation emits and the rules select.
//!
//! They follow OpenTelemetry's semantic conventions for HTTP and RPC, in Prometheus spelling.

/// Histogram of the durations of HTTP requests served, in seconds (`http.server.request.duration`).
pub const HTTP_SERVER_REQUEST_DURATION: &str = "http_server_request_duration_seconds";

/// Histogram of the durations of HTTP requests sent, in seconds (`http.client.request.duration`).
pub const HTTP_CLIENT_REQUEST_DURATION: &str = "http_client_request_duration_seconds";

/// Histogram of the durations of gRPC calls served, in seconds (`rpc.server.call.duration`).
pub const RPC_SERVER_CALL_DURATION: &str = "rpc_server_call_duration_seconds";

/// Histogram of the durations of gRPC calls made, in seconds (`rpc.client.call.duration`).
pub const RPC_CLIENT_CALL_DURATION: &str = "rpc_client_call_duration_seconds";

/// Histogram of the durations of other work, such as jobs and messages, in seconds; there is no convention
/// for it.
pub const OPERATION_DURATION: &str = "slo_operation_duration_seconds";

/// HTTP requests that are being served (`http.server.active_requests`).
pub const HTTP_SERVER_ACTIVE_REQUESTS: &str = "http_server_active_requests";

/// HTTP requests that were sent and not answered yet (`http.client.active_requests`).
pub const HTTP_CLIENT_ACTIVE_REQUESTS: &str = "http_client_active_requests";

/// Counter of events that no SLO counts, such as requests whose client soon disconnected.
pub const IGNORED_EVENTS: &str = "slo_ignored_events_total";

/// Request method (`http.request.method`).
pub const HTTP_REQUEST_METHOD: &str = "http_request_method";

/// Route template such as `/users/{id}` (`http.route`).
pub const HTTP_ROUTE: &str = "http_route";

/// Status code that was sent or received (`http.response.status_code`); absent if there was none.
pub const HTTP_RESPONSE_STATUS_CODE: &str = "http_response_status_code";

/// Method of a call, such as `shop.Cart/Add` (`rpc.method`).
pub const RPC_METHOD: &str = "rpc_method";

/// Status of a call, such as `OK` or `UNAVAILABLE` (`rpc.response.status_code`); absent if there was none.
pub const RPC_RESPONSE_STATUS_CODE: &str = "rpc_response_status_code";

/// The RPC system (`rpc.system.name`): `grpc`.
pub const RPC_SYSTEM_NAME: &str = "rpc_system_name";

/// The service that a client calls (`service.peer.name`).
pub const SERVICE_PEER_NAME: &str = "service_peer_name";

/// Kind of work that an operation does; there is no convention for it.
pub const OPERATION: &str = "operation";

/// Kind of error (`error.type`): a status, `cancelled`, `panic`, `transport_error`, `stream_error`, or a
/// custom value of the service; absent on success.
pub const ERROR_TYPE: &str = "error_type";
