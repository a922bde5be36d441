//! The draft of a postmortem: facts from the record, and questions that people must answer.

use super::{Entry, Episode, Stage};
use crate::{Redactor, time_between};
use slo_core::plain;
use std::fmt::Write as _;

/// The draft of a postmortem of `episode`, in Markdown.
///
/// It has a summary, the stages, the findings and steps, the timeline from `record`, and headings for the
/// parts that people must write. Secrets are removed, and text from outside is escaped.
#[must_use]
pub fn postmortem(episode: &Episode, record: &[Entry], redactor: &Redactor) -> String {
    let draft = Draft { episode, record, redactor, text: String::new() };
    draft.written()
}

struct Draft<'a> {
    episode: &'a Episode,
    record: &'a [Entry],
    redactor: &'a Redactor,
    text: String,
}

/// Questions from the example of the SRE Book, ch. 15 and appendix D, which a record cannot answer.
const QUESTIONS: [(&str, &str); 5] = [
    ("Impact", "Which users were affected, how many, and what could they not do?"),
    ("Root causes", "Why did it happen, and why was it possible?"),
    ("What went well", ""),
    ("What went wrong, and where we got lucky", ""),
    ("Action items", "For each: action, owner, due date, and whether it prevents, detects or mitigates."),
];

impl Draft<'_> {
    fn written(mut self) -> String {
        let title = self.clean(&self.episode.title());
        self.line(&format!("# Postmortem: {title}\n"));
        self.line("*Draft, written from the record. Replace the text in italics.*\n");
        self.summary();
        self.stages();
        self.found();
        for (heading, question) in QUESTIONS {
            self.line(&format!("## {heading}\n"));
            if !question.is_empty() {
                self.line(&format!("*{question}*\n"));
            }
        }
        self.timeline();
        self.text
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    /// Text without secrets, escaped for Markdown.
    fn clean(&self, text: &str) -> String {
        let text = plain(&self.redactor.redact(text)).into_owned();
        text.chars().fold(String::new(), |mut out, character| {
            if "\\`*_{}[]<>()#+!|~&".contains(character) {
                out.push('\\');
            }
            out.push(character);
            out
        })
    }

    fn summary(&mut self) {
        let episode = self.episode;
        let mut rows = vec![
            ("severity", self.clean(episode.severity())),
            ("began", episode.id.began.to_string()),
            ("state", episode.state().name().to_owned()),
        ];
        if let Some(resolution) = episode.resolution {
            rows.push(("ended", resolution.ended.to_string()));
            rows.push(("lasted", time_between(episode.id.began, resolution.ended)));
        }
        for (slo, share) in &episode.spent {
            rows.push(("error budget spent", format!("{:.1} % of {}", share * 100.0, self.clean(slo))));
        }
        if let Some((who, _)) = &episode.acknowledged {
            rows.push(("acknowledged by", self.clean(who)));
        }
        if let Some(name) = episode.runbook_name() {
            rows.push(("runbook", self.clean(name)));
        }
        self.line("## Summary\n");
        if let Some(written) = &episode.written {
            self.line(&format!("{}\n\n*{}*\n", self.clean(&written.text), self.clean(&written.by())));
        }
        self.line("| | |\n|---|---|");
        for (name, value) in rows {
            self.line(&format!("| {name} | {value} |"));
        }
        self.line("");
    }

    fn stages(&mut self) {
        let moments = self.episode.moments();
        self.line("## Stages\n\n| stage | seconds |\n|---|---|");
        for stage in Stage::ALL {
            let told = moments.millis(stage).map_or_else(
                || "unknown".to_owned(),
                |millis| format!("{}.{:03}", millis / 1_000, millis % 1_000),
            );
            self.line(&format!("| {stage} | {told} |"));
        }
        self.line("");
    }

    fn found(&mut self) {
        self.line("## Findings and steps\n");
        let mut lines: Vec<String> = self
            .episode
            .findings()
            .into_iter()
            .map(|finding| format!("- found: {}", self.clean(finding)))
            .collect();
        for run in self.episode.steps() {
            lines.push(format!("- {} ({}): {}", self.clean(&run.info.name), run.info.kind, run.state.name()));
        }
        for (who, text, at) in &self.episode.notes {
            lines.push(format!("- {at}, {}: {}", self.clean(who), self.clean(text)));
        }
        if lines.is_empty() {
            lines.push("*Nothing is recorded.*".to_owned());
        }
        self.line(&lines.join("\n"));
        self.line("");
    }

    fn timeline(&mut self) {
        self.line("## Timeline\n\n| time | event |\n|---|---|");
        let began = self.episode.id.began;
        for entry in self.record.iter().filter(|entry| entry.episode.is_none_or(|own| own == began)) {
            let mut told = String::new();
            // Writing to a string cannot fail.
            let _ = write!(told, "{}", entry.event);
            let told = self.clean(&told);
            self.line(&format!("| {} | {told} |", entry.at));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        alert::{Alert, EpisodeId, IncidentId, Status},
        incident::Event,
    };
    use slo_core::model::Timestamp;

    #[test]
    fn hostile_text_makes_no_markup_and_no_secret() {
        let mut episode =
            Episode::new(EpisodeId::new(IncidentId::of_group("g"), Timestamp::EPOCH), Timestamp::EPOCH);
        let mut alert = Alert::new(Status::Firing, [].into(), Timestamp::EPOCH);
        alert.annotations.insert(
            "summary".to_owned(),
            "| a <script> [x](http://y) password=hunter22 \u{1b}[31m".to_owned(),
        );
        episode.alerts.push(alert);
        let note = Event::Note { who: "ann".to_owned(), text: "a\n| b".to_owned() };
        let record = [Entry::of(Timestamp::EPOCH, Timestamp::EPOCH, note)];
        let text = postmortem(&episode, &record, &Redactor::default());
        assert!(
            text.starts_with(
                "# Postmortem: \\| a \\<script\\> \\[x\\]\\(http://y\\) password=\\[redacted\\]"
            ),
            "{text}"
        );
        assert!(text.contains("| 1970-01-01T00:00:00Z | ann writes: a\u{fffd}\\| b |"), "{text}");
        assert!(!text.contains("hunter22") && !text.contains('\u{1b}'));
    }
}
