//! The kinds of objects that hold SLOs.

use std::fmt;

/// A kind of Kubernetes object that holds SLOs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Kind {
    /// `SLO` of `slo.dev/v1`: a native document.
    Slo,
    /// Sloth's `PrometheusServiceLevel` of `sloth.slok.dev/v1`.
    Sloth,
    /// Pyrra's `ServiceLevelObjective` of `pyrra.dev/v1alpha1`.
    Pyrra,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::Slo, Self::Sloth, Self::Pyrra];

    /// The group of its API.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Slo => "slo.dev",
            Self::Sloth => "sloth.slok.dev",
            Self::Pyrra => "pyrra.dev",
        }
    }

    /// The version of its API.
    #[must_use]
    pub const fn version(self) -> &'static str {
        match self {
            Self::Slo | Self::Sloth => "v1",
            Self::Pyrra => "v1alpha1",
        }
    }

    /// Its name, as objects say it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slo => "SLO",
            Self::Sloth => "PrometheusServiceLevel",
            Self::Pyrra => "ServiceLevelObjective",
        }
    }

    /// Its name in addresses.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Slo => "slos",
            Self::Sloth => "prometheusservicelevels",
            Self::Pyrra => "servicelevelobjectives",
        }
    }

    /// `apiVersion` of its objects.
    ///
    /// ```
    /// assert_eq!(slo_ops::controller::Kind::Pyrra.api_version(), "pyrra.dev/v1alpha1");
    /// ```
    #[must_use]
    pub fn api_version(self) -> String {
        format!("{}/{}", self.group(), self.version())
    }

    /// The tool whose rules are taken over; `None` for our own kind.
    #[must_use]
    pub const fn tool(self) -> Option<&'static str> {
        match self {
            Self::Slo => None,
            Self::Sloth => Some("Sloth"),
            Self::Pyrra => Some("Pyrra"),
        }
    }

    /// The name of the `PrometheusRule` of an object: `slo-NAME`, `slo-sloth-NAME`, `slo-pyrra-NAME`.
    ///
    /// Sloth and Pyrra give theirs the name of the object, so both may be there at once.
    ///
    /// ```
    /// assert_eq!(slo_ops::controller::Kind::Sloth.rule_name("checkout"), "slo-sloth-checkout");
    /// ```
    #[must_use]
    pub fn rule_name(self, object: &str) -> String {
        match self {
            Self::Slo => format!("slo-{object}"),
            Self::Sloth => format!("slo-sloth-{object}"),
            Self::Pyrra => format!("slo-pyrra-{object}"),
        }
    }

    /// Whether the tool gives its rules for an object this name: that of the object, and Pyrra also others that begin with it.
    ///
    /// ```
    /// use slo_ops::controller::Kind;
    ///
    /// assert!(Kind::Pyrra.is_rule_of_tool("checkout", "checkout-generic"));
    /// assert!(!Kind::Sloth.is_rule_of_tool("checkout", "checkout-generic"));
    /// ```
    #[must_use]
    pub fn is_rule_of_tool(self, object: &str, rule: &str) -> bool {
        match (self, rule.strip_prefix(object)) {
            (Self::Sloth, Some(rest)) => rest.is_empty(),
            (Self::Pyrra, Some(rest)) => ["", "-generic", "-short", "-long", "-increase"].contains(&rest),
            _ => false,
        }
    }

    /// The name of the object of this kind whose `PrometheusRule` would have this name.
    ///
    /// ```
    /// use slo_ops::controller::Kind;
    ///
    /// assert_eq!(Kind::Sloth.object_name("slo-sloth-checkout"), Some("checkout"));
    /// assert_eq!(Kind::Sloth.object_name("slo-checkout"), None);
    /// ```
    #[must_use]
    pub fn object_name(self, rule: &str) -> Option<&str> {
        rule.strip_prefix(self.rule_name("").as_str()).filter(|name| !name.is_empty())
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
