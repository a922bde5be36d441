//! HTTP methods, as label values.

/// An HTTP method that has a label value of its own, or the one for all others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Method(u8);

/// The label values of methods.
pub(crate) const METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "CONNECT", "_OTHER"];

impl Method {
    pub(crate) const HEAD: Self = Self(5);
    pub(crate) const OPTIONS: Self = Self(6);
    /// For events without a method.
    pub(crate) const NONE: Self = Self(9);

    /// The method whose label value this is.
    pub(crate) fn named(name: &str) -> Option<Self> {
        let position = METHODS.iter().position(|known| *known == name)?;
        u8::try_from(position).ok().map(Self)
    }

    pub(crate) fn of(method: &http::Method) -> Self {
        Self(match *method {
            http::Method::GET => 0,
            http::Method::POST => 1,
            http::Method::PUT => 2,
            http::Method::DELETE => 3,
            http::Method::PATCH => 4,
            http::Method::HEAD => 5,
            http::Method::OPTIONS => 6,
            http::Method::TRACE => 7,
            http::Method::CONNECT => 8,
            _ => 9,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        METHODS.get(self.index()).copied().unwrap_or("_OTHER")
    }

    pub(crate) fn index(self) -> usize {
        self.0.into()
    }
}
