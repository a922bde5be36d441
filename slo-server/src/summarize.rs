//! Summaries of episodes: by a language model if one is configured, checked, or else by the template.

use crate::{config::SummaryConfig, send::Poster};
use serde_json::{Value, json};
use slo_ops::{
    Error, Redactor,
    incident::{Entry, Episode, Event},
    summary::{Prompt, facts, grounded, template},
};
use tokio::time::timeout;

/// Writes summaries of episodes.
///
/// A model behind an OpenAI-compatible API may write them. If it is late, fails, or says anything that the record does not have, the
/// template writes them, and the event says why.
#[derive(Debug, Clone)]
pub struct Summarizer {
    model: Option<(SummaryConfig, Poster)>,
}

impl Summarizer {
    /// Summaries by the model of `config`; by the template without one.
    ///
    /// # Errors
    /// A system without certificates to trust.
    pub fn new(config: Option<&SummaryConfig>) -> Result<Self, Error> {
        let model = config
            .map(|config| Ok::<_, Error>((config.clone(), Poster::within(config.timeout)?)))
            .transpose()?;
        Ok(Self { model })
    }

    /// Whether a model is configured.
    #[must_use]
    pub const fn has_model(&self) -> bool {
        self.model.is_some()
    }

    /// The summary of an episode, as an event for its record.
    pub async fn summarize(&self, episode: &Episode, record: &[Entry], redactor: &Redactor) -> Event {
        let facts = facts(episode, record, redactor);
        let written = |refused| Event::Summarized { text: template(&facts), model: None, refused };
        let Some((config, poster)) = &self.model else { return written(None) };
        let prompt = match Prompt::of(&facts) {
            Ok(prompt) => prompt,
            Err(fact) => return written(Some(format!("{} reads like an instruction to a model", fact.id))),
        };
        match ask(config, poster, &prompt).await.and_then(|answer| grounded(&answer, &facts)) {
            Ok(prose) => {
                Event::Summarized { text: prose.text(), model: Some(config.model.clone()), refused: None }
            }
            Err(error) => written(Some(error.message().to_owned())),
        }
    }
}

async fn ask(config: &SummaryConfig, poster: &Poster, prompt: &Prompt) -> Result<String, Error> {
    let body = json!({
        "model": config.model,
        "response_format": {"type": "json_object"},
        "messages": [
            {"role": "system", "content": prompt.system},
            {"role": "user", "content": prompt.user},
        ],
    });
    let url = format!("{}/chat/completions", config.base_url.trim_end_matches('/'));
    let answered = timeout(config.timeout, poster.post(&url, config.key.as_ref(), &body)).await;
    let answered = answered
        .map_err(|_| late(config))?
        .map_err(|error| Error::new(format!("the model did not answer: {}", error.reason)))?;
    if !answered.status.is_success() {
        return Err(Error::new(format!("the model's server answered {}", answered.status)));
    }
    let answer: Value = serde_json::from_str(&answered.body).unwrap_or_default();
    let content = answer.pointer("/choices/0/message/content").and_then(Value::as_str);
    content.map(str::to_owned).ok_or_else(|| Error::new("the model's server did not answer as OpenAI's does"))
}

fn late(config: &SummaryConfig) -> Error {
    Error::new(format!("the model did not answer within {} s", config.timeout.as_secs()))
}
