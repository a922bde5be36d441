//! The server that answers alerts, `slo serve`.

use crate::{Error, yaml::Yaml};

/// The server that answers alerts, `slo serve`.
///
/// Each receiver also notifies it, so that the server and `PagerDuty` get the same group of alerts with the
/// same key.
///
/// ```
/// use slo_core::artifact::Response;
///
/// let response = Response::new("http://slo:9099", "/etc/alertmanager/secrets")?;
/// assert_eq!(response.url(), "http://slo:9099/alerts/alertmanager");
/// assert_eq!(response.token_file(), Some("/etc/alertmanager/secrets/response-token"));
/// assert_eq!(Response::new("http://127.0.0.1:9099", "/s")?.token_file(), None);
/// # Ok::<(), slo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    url: String,
    token_file: Option<String>,
}

/// The path at which the server receives alerts.
const PATH: &str = "/alerts/alertmanager";
/// The file of the token, in the folder of secrets.
const TOKEN: &str = "response-token";

impl Response {
    /// The server at `url`, with or without a path. A server on another host needs a token, in the file
    /// `response-token` of the folder `secrets`.
    ///
    /// # Errors
    /// Text that is not a web address.
    pub fn new(url: &str, secrets: &str) -> Result<Self, Error> {
        let refused = || {
            Error::new(format!("`{url}` is not a web address"))
                .with_hint("write the address of `slo serve`, such as http://slo:9099")
        };
        let rest =
            url.strip_prefix("https://").or_else(|| url.strip_prefix("http://")).ok_or_else(refused)?;
        let (authority, path) =
            rest.split_once('/').map_or((rest, ""), |(authority, path)| (authority, path));
        if authority.is_empty() || !rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'@') {
            return Err(refused());
        }
        let url =
            if path.is_empty() { format!("{}{PATH}", url.trim_end_matches('/')) } else { url.to_owned() };
        let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
        let is_here = host == "localhost" || host == "[::1]" || host.starts_with("127.");
        let token_file = (!is_here).then(|| format!("{}/{TOKEN}", secrets.trim_end_matches('/')));
        Ok(Self { url, token_file })
    }

    /// The same, with the token in the file `path`.
    #[must_use]
    pub fn with_token_file(self, path: impl Into<String>) -> Self {
        Self { token_file: Some(path.into()), ..self }
    }

    /// Where alerts are posted.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The file with the token, as Alertmanager finds it.
    #[must_use]
    pub fn token_file(&self) -> Option<&str> {
        self.token_file.as_deref()
    }

    /// Its entry in `webhook_configs`.
    pub(super) fn write(&self, out: &mut Yaml) {
        out.item(|out| {
            out.entry("url", &self.url);
            out.bare("send_resolved", true);
            out.comment("Send all alerts: the server does not answer alerts that are left out.");
            out.bare("max_alerts", 0);
            if let Some(file) = &self.token_file {
                out.nested("http_config", |out| {
                    out.nested("authorization", |out| out.entry("credentials_file", file));
                });
            }
        });
    }
}
