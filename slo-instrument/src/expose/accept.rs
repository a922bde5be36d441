//! The formats of `/metrics`, and which one a scraper asks for.

/// A format of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus' text format 0.0.4.
    Text,
    /// OpenMetrics 1.0, with exemplars and creation times.
    OpenMetrics,
    /// Prometheus' protobuf format, which has native histograms too.
    #[cfg(feature = "native-histograms")]
    Protobuf,
}

impl Format {
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            #[cfg(feature = "native-histograms")]
            Self::Protobuf => {
                "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
            }
        }
    }

    /// The format that the header `Accept` prefers; the text format if it names none.
    pub(crate) fn of<'a>(accept: impl IntoIterator<Item = &'a str>) -> Self {
        let ranges = accept.into_iter().flat_map(|value| value.split(',')).filter_map(|range| {
            let mut parts = range.split(';').map(str::trim);
            let media = parts.next()?.to_ascii_lowercase();
            let parameters: Vec<(&str, &str)> = parts.filter_map(|part| part.split_once('=')).collect();
            let value = |name: &str| {
                let found = parameters.iter().find(|(key, _)| key.trim().eq_ignore_ascii_case(name));
                found.map(|(_, value)| value.trim().trim_matches('"'))
            };
            let quality: f64 = value("q").and_then(|quality| quality.parse().ok()).unwrap_or(1.0);
            let quality = if quality.is_nan() { 0.0 } else { quality.min(1.0) };
            let format = match media.as_str() {
                "application/openmetrics-text" if value("version") != Some("0.0.1") => Self::OpenMetrics,
                "text/plain" | "text/*" | "*/*" => Self::Text,
                #[cfg(feature = "native-histograms")]
                "application/vnd.google.protobuf"
                    if value("proto") == Some("io.prometheus.client.MetricFamily")
                        && value("encoding") == Some("delimited") =>
                {
                    Self::Protobuf
                }
                _ => return None,
            };
            (quality > 0.0).then_some((quality, format))
        });
        // The first of equals, as they were written.
        let best = ranges.fold(None, |best: Option<(f64, Self)>, range| match best {
            Some(best) if best.0 >= range.0 => Some(best),
            _ => Some(range),
        });
        best.map_or(Self::Text, |(_, format)| format)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_is_preferred() {
        // As Prometheus 2.53 and 3.5, curl and browsers ask.
        let prometheus = "application/openmetrics-text;version=1.0.0;q=0.5,\
            application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        for (accept, format) in [
            (prometheus, Format::OpenMetrics),
            ("*/*", Format::Text),
            ("text/html, */*;q=0.8", Format::Text),
            ("application/openmetrics-text;version=1.0.0;q=0, text/plain", Format::Text),
            ("text/plain;q=0.9, application/openmetrics-text; version=1.0.0; q=0.8", Format::Text),
            ("image/png", Format::Text),
            // Names have no case, values may be quoted, and nothing is more than wanted.
            ("Application/OpenMetrics-Text; Version=\"1.0.0\"; Q=1, */*;q=0.1", Format::OpenMetrics),
            ("text/plain, application/openmetrics-text;q=7", Format::Text),
            ("text/plain;q=0.5, application/openmetrics-text;q=nan", Format::Text),
        ] {
            assert_eq!(Format::of([accept]), format, "{accept}");
        }
        assert_eq!(Format::of([]), Format::Text);
    }
}
