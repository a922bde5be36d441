//! A summary of an episode in prose, from its record.

/// A summary in prose.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Written {
    /// The text.
    pub text: String,
    /// The model that wrote it; `None` for the template.
    pub model: Option<String>,
    /// Why a model did not write it, although one is configured.
    pub refused: Option<String>,
}

impl Written {
    /// A text, the model that wrote it, and why another did not.
    #[must_use]
    pub const fn new(text: String, model: Option<String>, refused: Option<String>) -> Self {
        Self { text, model, refused }
    }

    /// Who wrote it, in a sentence.
    #[must_use]
    pub fn by(&self) -> String {
        match (&self.model, &self.refused) {
            (Some(model), _) => {
                format!("Written by {model} from the record, which has all of its numbers.")
            }
            (None, Some(refused)) => {
                format!("Written by the template. The model's text was not used: {refused}.")
            }
            (None, None) => "Written by the template.".to_owned(),
        }
    }
}
