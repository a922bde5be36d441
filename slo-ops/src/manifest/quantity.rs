//! Quantities of Kubernetes.

/// Cores of a CPU quantity such as `250m`, `2` or `1.5`.
///
/// ```
/// use slo_ops::manifest::cores;
///
/// assert_eq!([cores("250m"), cores("2"), cores("lots")], [Some(0.25), Some(2.0), None]);
/// ```
#[must_use]
pub fn cores(text: &str) -> Option<f64> {
    amount(text)
}

/// Bytes of a memory quantity such as `512Mi` or `1G`.
///
/// ```
/// use slo_ops::manifest::memory;
///
/// assert_eq!([memory("1Ki"), memory("1k"), memory("1e3"), memory("-")], [Some(1_024.0), Some(1_000.0), Some(1_000.0), None]);
/// ```
#[must_use]
pub fn memory(text: &str) -> Option<f64> {
    amount(text)
}

/// Suffixes and their factors (Kubernetes API, `resource.Quantity`).
const SUFFIXES: [(&str, f64); 16] = [
    ("Ki", 1_024.0),
    ("Mi", 1_048_576.0),
    ("Gi", 1_073_741_824.0),
    ("Ti", 1_099_511_627_776.0),
    ("Pi", 1_125_899_906_842_624.0),
    ("Ei", 1_152_921_504_606_846_976.0),
    ("n", 1e-9),
    ("u", 1e-6),
    ("m", 1e-3),
    ("k", 1e3),
    ("M", 1e6),
    ("G", 1e9),
    ("T", 1e12),
    ("P", 1e15),
    ("E", 1e18),
    ("", 1.0),
];

fn amount(text: &str) -> Option<f64> {
    let text = text.trim();
    let (number, factor) = SUFFIXES.iter().find_map(|(suffix, factor)| {
        let number: f64 = text.strip_suffix(suffix)?.parse().ok()?;
        Some((number, factor))
    })?;
    let is_number = text.starts_with(|c: char| c.is_ascii_digit() || c == '.' || c == '+');
    Some(number * factor).filter(|amount| is_number && amount.is_finite())
}
