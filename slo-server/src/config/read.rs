//! The configuration as people write it.

use super::{
    Access, Config, Credentials, Notify, PagerDutyConfig, PrometheusConfig, ProxyConfig, Secret, SlackConfig,
    SlackDoor, StoreConfig, SummaryConfig, TlsConfig, files::Files,
};
use axum::http::HeaderName;
use ipnet::IpNet;
use slo_core::{
    Diagnostics, Error,
    document::{Faults, Fields, Node, check_version, documents, items, one_document, text},
    model::{Calendar, CalendarUnit, Window},
};
use slo_ops::{
    Redactor,
    release::{Gates, read_gates},
    runbook::{self, Runbooks},
};
use std::{
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
};

const KNOWN: [&str; 15] = [
    "version",
    "listen",
    "tls",
    "base_path",
    "time_zone",
    "store",
    "specs",
    "prometheus",
    "intake",
    "access",
    "notify",
    "summary",
    "runbooks",
    "gates",
    "redact",
];
const VERSION: &str = "slo-server/v1";
const PAGERDUTY: &str = "https://events.pagerduty.com";
const SLACK: &str = "https://slack.com/api";
/// How long a model may take, by default and at most.
const SUMMARY_TIMEOUT: Window = Window::seconds(20);
const LONGEST_SUMMARY: Window = Window::minutes(1);

impl Config {
    /// A base path, without a slash at its end: `/slo`, or an empty text for the root.
    ///
    /// # Errors
    /// A text that is no path.
    pub fn checked_base_path(text: &str) -> Result<String, Error> {
        let path = text.trim_end_matches('/');
        let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~/".contains(&byte);
        let is_path = path.is_empty()
            || path.starts_with('/')
                && path.bytes().all(is_allowed)
                && !path.contains("//")
                && !path.contains("..");
        if is_path {
            return Ok(path.to_owned());
        }
        Err(Error::new(format!("`{text}` is not the path of a page")).with_hint("write /slo"))
    }

    /// Whether a text is a configuration, and not a specification of SLOs: by its `version`.
    ///
    /// ```
    /// use slo_server::config::Config;
    ///
    /// assert!(Config::is("version: slo-server/v1\nstore: sqlite:slo.db\n"));
    /// assert!(!Config::is("version: slo/v1\nservice: checkout\n"));
    /// ```
    #[must_use]
    pub fn is(text: &str) -> bool {
        match documents(text).as_deref() {
            Ok([node, ..]) => {
                node.scalar("version").is_some_and(|version| version.starts_with("slo-server/"))
            }
            Ok([]) => false,
            Err(_) => text.contains("version: slo-server/"),
        }
    }

    /// Reads the configuration in the file `path`, and the secrets that it names.
    ///
    /// Paths in it are relative to its folder.
    ///
    /// # Errors
    /// All faults of the file at once, including secrets that cannot be read.
    pub fn load(path: &Path) -> Result<Self, Diagnostics> {
        let folder = path.parent().unwrap_or(Path::new("."));
        let files = Files::new(folder);
        match Files::text(path) {
            Ok(text) => read(&text, &files),
            Err(error) => Err(Diagnostics::of_document(error)),
        }
    }

    /// Reads a configuration from text; paths in it are relative to `folder`.
    ///
    /// # Errors
    /// All faults of the text at once.
    pub fn parse(text: &str, folder: &Path) -> Result<Self, Diagnostics> {
        read(text, &Files::new(folder))
    }
}

fn read(text: &str, files: &Files) -> Result<Config, Diagnostics> {
    let mut reader = Reader { files, secrets: Vec::new(), faults: Faults::default() };
    let node = one_document(text, &mut reader.faults, format!("begin with `version: {VERSION}`"));
    let config = node.and_then(|node| reader.config(&node));
    reader.faults.into_result(config)
}

/// What has been read so far.
struct Reader<'a> {
    files: &'a Files,
    secrets: Vec<String>,
    faults: Faults,
}

impl Reader<'_> {
    fn config(&mut self, node: &Node) -> Option<Config> {
        let fields = Fields::of(node, "", &KNOWN, &mut self.faults)?;
        check_version(&fields, VERSION, &mut self.faults);
        let listen = self.listen(&fields);
        let tls = self.section(&fields, "tls", Self::tls);
        let base_path = self.base_path(&fields);
        let time_zone = self.time_zone(&fields);
        let store = self.store(&fields);
        let specs = self.specs(&fields);
        let prometheus = self.section(&fields, "prometheus", Self::prometheus);
        let intake = self.section(&fields, "intake", Self::credentials);
        let access = self.section(&fields, "access", Self::access);
        let notify = self.section(&fields, "notify", Self::notify).unwrap_or_default();
        let summary = self.section(&fields, "summary", Self::summary);
        let runbooks = match fields.optional("runbooks") {
            Some(node) => runbook::read(node, "runbooks", &mut self.faults),
            None => Runbooks::new(),
        };
        let gates = match fields.optional("gates") {
            Some(node) => read_gates(node, "gates", &mut self.faults),
            None => Gates::new(),
        };
        let redactor = self.redactor(&fields);
        if let Some(node) = fields.optional("gates")
            && (prometheus.is_none() || specs.is_empty())
        {
            let error = Error::new("`gates` needs `prometheus` and `specs`, to count events")
                .with_hint("write `prometheus: {url: http://127.0.0.1:9090}` and `specs: [slo.yaml]`");
            self.faults.add(node.position, "gates", error);
        }
        let receives = fields.optional("store").is_some();
        for name in ["intake", "notify", "summary", "runbooks"] {
            if !receives && let Some(node) = fields.optional(name) {
                let error = Error::new(format!(
                    "`{name}` needs `store`: a server without a record receives no alerts"
                ))
                .with_hint("write `store: sqlite:slo.db`");
                self.faults.add(node.position, name, error);
            }
        }
        if !receives && prometheus.is_none() {
            let error = Error::new("neither `store` nor `prometheus`: the server would have nothing to do")
                .with_hint(
                    "write `store: sqlite:slo.db` to receive alerts, and `prometheus: {url: …}` to show SLOs",
                );
            self.faults.add(fields.position(), "", error);
        }
        if !listen.ip().is_loopback() {
            for (name, is_there) in [("intake", intake.is_some() || !receives), ("access", access.is_some())]
            {
                if !is_there {
                    let error = Error::new(format!(
                        "`{name}` is missing: {listen} can be reached from other machines"
                    ))
                    .with_hint(format!("write `{name}: …`, or `listen: {}`", Config::LISTEN));
                    self.faults.add(fields.position(), "", error);
                }
            }
        }
        Some(Config {
            listen,
            tls,
            base_path,
            time_zone,
            store,
            specs,
            prometheus,
            intake,
            access,
            notify,
            summary,
            runbooks,
            gates,
            redactor,
        })
    }

    fn listen(&mut self, fields: &Fields<'_>) -> SocketAddr {
        let Some(node) = fields.optional("listen") else { return Config::LISTEN };
        let Some(address) = text(node, "listen", &mut self.faults) else { return Config::LISTEN };
        address.parse().unwrap_or_else(|_| {
            let error = Error::new(format!("`{address}` is not an address with a port"))
                .with_hint("write 127.0.0.1:9099, or 0.0.0.0:9099 for all interfaces");
            self.faults.add(node.position, "listen", error);
            Config::LISTEN
        })
    }

    fn tls(&mut self, node: &Node, place: &str) -> Option<TlsConfig> {
        let fields = Fields::of(node, place, &["certificate_file", "key_file"], &mut self.faults)?;
        let example = ["/run/secrets/tls.crt", "/run/secrets/tls.key"];
        let mut file = |name: &str, example: &str| {
            let node = fields.required(name, example, &mut self.faults)?;
            Some(self.files.path(text(node, &fields.path(name), &mut self.faults)?))
        };
        let (certificate, key) = (file("certificate_file", example[0]), file("key_file", example[1]));
        let tls = TlsConfig { certificate: certificate?, key: key? };
        if let Err(error) = tls.read() {
            self.faults.add(node.position, place, error);
        }
        Some(tls)
    }

    /// `/slo`, without a slash at its end.
    fn base_path(&mut self, fields: &Fields<'_>) -> String {
        let Some(node) = fields.optional("base_path") else { return String::new() };
        let Some(path) = text(node, "base_path", &mut self.faults) else { return String::new() };
        let checked = Config::checked_base_path(path);
        self.told(checked, node, "base_path").unwrap_or_default()
    }

    fn time_zone(&mut self, fields: &Fields<'_>) -> String {
        let zone = fields.optional("time_zone").and_then(|node| {
            let zone = text(node, "time_zone", &mut self.faults)?;
            let known = Calendar::new(CalendarUnit::Day, zone);
            self.told(known, node, "time_zone")?;
            Some(zone.to_owned())
        });
        zone.unwrap_or_else(|| Config::TIME_ZONE.to_owned())
    }

    /// `sqlite:slo.db`, `postgres://slo@db/slo`, or `{url: …, password_file: …}`.
    fn store(&mut self, fields: &Fields<'_>) -> Option<StoreConfig> {
        let node = fields.optional("store")?;
        let (url, password) = if matches!(node.value, slo_core::document::Value::Map(_)) {
            let fields = Fields::of(node, "store", &["url", "password_file"], &mut self.faults)?;
            let password = self.secret(&fields, "password_file");
            let node = fields.required("url", "postgres://slo@db/slo", &mut self.faults)?;
            (text(node, "store.url", &mut self.faults)?, password)
        } else {
            (text(node, "store", &mut self.faults)?, None)
        };
        if let Some(path) = url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
            return Some(StoreConfig::Sqlite(self.files.path(path)));
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let authority =
                url.split("://").nth(1).and_then(|rest| rest.split('/').next()).unwrap_or_default();
            if authority.split_once('@').is_some_and(|(user, _)| user.contains(':')) {
                let error = Error::new("the URL contains the password, where others can read it")
                    .with_hint("write `store: {url: postgres://user@host/database, password_file: …}`");
                self.faults.add(node.position, "store", error);
            }
            return Some(StoreConfig::Postgres { url: url.to_owned(), password });
        }
        let error = Error::new(format!("`{url}` is not the URL of a store"))
            .with_hint("write sqlite:slo.db, or postgres://user@host/database for several replicas");
        self.faults.add(node.position, "store", error);
        None
    }

    fn specs(&mut self, fields: &Fields<'_>) -> Vec<PathBuf> {
        let Some(node) = fields.optional("specs") else { return Vec::new() };
        let mut paths = Vec::new();
        for (place, item) in items(node, "specs", &mut self.faults) {
            let Some(name) = text(item, &place, &mut self.faults) else { continue };
            let path = self.files.path(name);
            if path.exists() {
                paths.push(path);
            } else {
                let error = Error::new(format!("{}: no such file or folder", path.display()));
                self.faults.add(item.position, &place, error);
            }
        }
        paths
    }

    /// Reads the field `name` with `read`, if it is there.
    fn section<T>(
        &mut self,
        fields: &Fields<'_>,
        name: &str,
        read: impl FnOnce(&mut Self, &Node, &str) -> Option<T>,
    ) -> Option<T> {
        read(self, fields.optional(name)?, &fields.path(name))
    }

    fn prometheus(&mut self, node: &Node, place: &str) -> Option<PrometheusConfig> {
        let fields = Fields::of(node, place, &["url", "headers_file", "ca_file", "link"], &mut self.faults)?;
        let headers = fields.optional("headers_file").and_then(|node| {
            let place = fields.path("headers_file");
            let name = text(node, &place, &mut self.faults)?;
            let read = Files::text(&self.files.path(name)).and_then(|text| headers(&text));
            self.told(read, node, &place)
        });
        let headers = headers.unwrap_or_default();
        // In `Bearer …`, the part after the word is the secret.
        let values = headers.iter().map(|(_, value)| value.expose());
        let parts = values.flat_map(|value| [Some(value), value.split_once(' ').map(|(_, rest)| rest)]);
        self.secrets.extend(parts.flatten().map(|part| part.trim().to_owned()));
        let roots = fields.optional("ca_file").and_then(|node| {
            let place = fields.path("ca_file");
            let name = text(node, &place, &mut self.faults)?;
            let read = Files::bytes(&self.files.path(name));
            self.told(read, node, &place)
        });
        let url = self.url(&fields, "url", Err("http://127.0.0.1:9090"))?;
        let link = fields
            .optional("link")
            .and_then(|_| self.url(&fields, "link", Err("https://prometheus.example.com")));
        Some(PrometheusConfig { url, headers, roots, link })
    }

    fn credentials(&mut self, node: &Node, place: &str) -> Option<Credentials> {
        let fields = Fields::of(node, place, &["bearer_file", "basic_file"], &mut self.faults)?;
        match (fields.optional("bearer_file"), fields.optional("basic_file")) {
            (Some(_), None) => self.secret(&fields, "bearer_file").map(Credentials::Bearer),
            (None, Some(node)) => {
                let secret = self.secret(&fields, "basic_file")?;
                if let Some((_, password)) = secret.expose().split_once(':') {
                    self.secrets.push(password.to_owned());
                } else {
                    let error = Error::new("the secret is not of the form `user:password`");
                    self.faults.add(node.position, &fields.path("basic_file"), error);
                }
                Some(Credentials::Basic(secret))
            }
            _ => {
                let error = Error::new("expected either `bearer_file` or `basic_file`")
                    .with_hint("write `{bearer_file: /run/secrets/alertmanager}`");
                self.faults.add(fields.position(), place, error);
                None
            }
        }
    }

    fn access(&mut self, node: &Node, place: &str) -> Option<Access> {
        let fields = Fields::of(node, place, &["viewers", "responders", "proxy"], &mut self.faults)?;
        let viewers = self.section(&fields, "viewers", Self::credentials);
        let responders = self.section(&fields, "responders", Self::credentials);
        let proxy = self.section(&fields, "proxy", Self::proxy);
        if ["viewers", "responders", "proxy"].iter().all(|name| fields.optional(name).is_none()) {
            let error = Error::new("nobody would be allowed in")
                .with_hint("write `responders: {basic_file: /run/secrets/responders}`");
            self.faults.add(fields.position(), place, error);
        }
        Some(Access { viewers, responders, proxy })
    }

    fn proxy(&mut self, node: &Node, place: &str) -> Option<ProxyConfig> {
        let known = ["from", "user_header", "groups_header", "responders"];
        let fields = Fields::of(node, place, &known, &mut self.faults)?;
        let mut from = Vec::new();
        if let Some(node) = fields.required("from", "[127.0.0.1]", &mut self.faults) {
            for (place, item) in items(node, &fields.path("from"), &mut self.faults) {
                let Some(net) = text(item, &place, &mut self.faults) else { continue };
                let read =
                    net.parse::<IpNet>().ok().or_else(|| Some(IpNet::from(net.parse::<IpAddr>().ok()?)));
                let read = read.ok_or_else(|| {
                    Error::new(format!("`{net}` is neither an IP address nor a network"))
                        .with_hint("write 127.0.0.1, or 10.0.0.0/8")
                });
                from.extend(self.told(read, item, &place));
            }
        }
        let user_header = fields
            .required("user_header", "X-Forwarded-User", &mut self.faults)
            .and_then(|node| self.header_name(node, &fields.path("user_header")));
        let groups_header = fields
            .optional("groups_header")
            .and_then(|node| self.header_name(node, &fields.path("groups_header")));
        let (mut users, mut groups) = (Vec::new(), Vec::new());
        if let Some(node) = fields.optional("responders") {
            let place = fields.path("responders");
            let fields = Fields::of(node, &place, &["users", "groups"], &mut self.faults)?;
            for (name, all) in [("users", &mut users), ("groups", &mut groups)] {
                let Some(node) = fields.optional(name) else { continue };
                for (place, item) in items(node, &fields.path(name), &mut self.faults) {
                    all.extend(text(item, &place, &mut self.faults).map(str::to_owned));
                }
            }
        }
        Some(ProxyConfig { from, user_header: user_header?, groups_header, users, groups })
    }

    fn header_name(&mut self, node: &Node, place: &str) -> Option<HeaderName> {
        let name = text(node, place, &mut self.faults)?;
        let read = name.parse::<HeaderName>().map_err(|_| {
            Error::new(format!("`{name}` is not the name of a header")).with_hint("write X-Forwarded-User")
        });
        self.told(read, node, place)
    }

    fn notify(&mut self, node: &Node, place: &str) -> Option<Notify> {
        let fields = Fields::of(node, place, &["pagerduty", "slack"], &mut self.faults)?;
        let pagerduty = self.section(&fields, "pagerduty", Self::pagerduty);
        let slack = self.section(&fields, "slack", Self::slack);
        Some(Notify { pagerduty, slack })
    }

    /// `{base_url: http://127.0.0.1:8080/v1, model: …, key_file: …, timeout: 20s}`
    fn summary(&mut self, node: &Node, place: &str) -> Option<SummaryConfig> {
        let fields =
            Fields::of(node, place, &["base_url", "model", "key_file", "timeout"], &mut self.faults)?;
        let base_url = self.url(&fields, "base_url", Err("https://api.openai.com/v1"));
        let model = fields.required("model", "gpt-5-mini", &mut self.faults);
        let model = model.and_then(|node| text(node, &fields.path("model"), &mut self.faults));
        let key = self.secret(&fields, "key_file");
        let timeout: Option<Window> = fields.parsed("timeout", "20s", &mut self.faults);
        let timeout = timeout.unwrap_or(SUMMARY_TIMEOUT);
        if timeout > LONGEST_SUMMARY {
            let error = Error::new(format!("{timeout} is longer than {LONGEST_SUMMARY}"))
                .with_hint("the last message about an episode waits for its summary");
            self.faults.add(fields.position(), &fields.path("timeout"), error);
        }
        Some(SummaryConfig {
            base_url: base_url?,
            model: model?.to_owned(),
            key,
            timeout: timeout.as_duration(),
        })
    }

    fn pagerduty(&mut self, node: &Node, place: &str) -> Option<PagerDutyConfig> {
        let known = ["routing_key_file", "url", "signing_secret_file"];
        let fields = Fields::of(node, place, &known, &mut self.faults)?;
        fields.required("routing_key_file", "/run/secrets/pagerduty", &mut self.faults);
        let routing_key = self.secret(&fields, "routing_key_file");
        let url = self.url(&fields, "url", Ok(PAGERDUTY));
        let signing_secret = self.secret(&fields, "signing_secret_file");
        Some(PagerDutyConfig { routing_key: routing_key?, url: url?, signing_secret })
    }

    fn slack(&mut self, node: &Node, place: &str) -> Option<SlackConfig> {
        let known = ["webhook_file", "token_file", "channel", "url", "signing_secret_file"];
        let fields = Fields::of(node, place, &known, &mut self.faults)?;
        let signing_secret = self.secret(&fields, "signing_secret_file");
        let door = match (fields.optional("webhook_file"), fields.optional("token_file")) {
            (Some(node), None) => {
                for name in ["channel", "url"] {
                    if let Some(node) = fields.optional(name) {
                        let error = Error::new(format!("`{name}` cannot be set for a webhook"))
                            .with_hint("remove it");
                        self.faults.add(node.position, &fields.path(name), error);
                    }
                }
                let webhook = self.secret(&fields, "webhook_file")?;
                if !is_url(webhook.expose()) {
                    let error = Error::new("the file contains no web address");
                    self.faults.add(node.position, &fields.path("webhook_file"), error);
                }
                SlackDoor::Webhook(webhook)
            }
            (None, Some(_)) => {
                let token = self.secret(&fields, "token_file");
                let url = self.url(&fields, "url", Ok(SLACK));
                let channel = fields.required("channel", "\"#incidents\"", &mut self.faults);
                let channel = channel.and_then(|node| text(node, &fields.path("channel"), &mut self.faults));
                SlackDoor::Bot { token: token?, channel: channel?.to_owned(), url: url? }
            }
            _ => {
                let error = Error::new("expected either `webhook_file` or `token_file`")
                    .with_hint("write `{webhook_file: /run/secrets/slack}`");
                self.faults.add(fields.position(), place, error);
                return None;
            }
        };
        Some(SlackConfig { door, signing_secret })
    }

    fn redactor(&mut self, fields: &Fields<'_>) -> Redactor {
        let mut patterns = Vec::new();
        if let Some(node) = fields.optional("redact") {
            for (place, item) in items(node, "redact", &mut self.faults) {
                let Some(pattern) = text(item, &place, &mut self.faults) else { continue };
                let alone = Redactor::new([""; 0], [pattern]);
                if self.told(alone, item, &place).is_some() {
                    patterns.push(pattern.to_owned());
                }
            }
        }
        let redactor = Redactor::new(std::mem::take(&mut self.secrets), patterns);
        redactor.unwrap_or_default()
    }

    /// The secret in the file that the field `name` names.
    fn secret(&mut self, fields: &Fields<'_>, name: &str) -> Option<Secret> {
        let node = fields.optional(name)?;
        let place = fields.path(name);
        let file = text(node, &place, &mut self.faults)?;
        let read = self.files.secret(file);
        let secret = self.told(read, node, &place)?;
        self.secrets.push(secret.expose().to_owned());
        Some(secret)
    }

    /// A web address. `otherwise` is its default, or an example if it is required.
    fn url(&mut self, fields: &Fields<'_>, name: &str, otherwise: Result<&str, &str>) -> Option<String> {
        let node = match otherwise {
            Ok(otherwise) => match fields.optional(name) {
                Some(node) => node,
                None => return Some(otherwise.to_owned()),
            },
            Err(example) => fields.required(name, example, &mut self.faults)?,
        };
        let place = fields.path(name);
        let url = text(node, &place, &mut self.faults)?;
        if !is_url(url) {
            let error = Error::new(format!("`{url}` is not a web address"))
                .with_hint("begin with http:// or https://");
            self.faults.add(node.position, &place, error);
            return None;
        }
        Some(url.trim_end_matches('/').to_owned())
    }

    /// The value, or `None` and a fault.
    fn told<T>(&mut self, result: Result<T, Error>, node: &Node, place: &str) -> Option<T> {
        result.map_err(|error| self.faults.add(node.position, place, error)).ok()
    }
}

fn is_url(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()))
}

/// The headers of a file, a line each.
fn headers(text: &str) -> Result<Vec<(String, Secret)>, Error> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let headers = lines.map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        let (name, value) = (name.trim(), value.trim());
        (!name.is_empty() && name.bytes().all(is_name)).then(|| (name.to_owned(), Secret::new(value)))
    });
    headers.collect::<Option<_>>().ok_or_else(|| {
        // Without the text, which is a secret.
        Error::new("a line is not a header").with_hint("write it as `Name: value`")
    })
}
