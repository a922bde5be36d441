//! Whether the facts have all that a model's answer says.

use super::Fact;
use serde::{Deserialize, Serialize};
use slo_core::{Error, plain};
use std::collections::BTreeSet;

/// The sentences of a model, each with the facts that it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Prose {
    /// The sentences, and the ids of the facts of each.
    pub sentences: Vec<(String, Vec<String>)>,
}

impl Prose {
    /// The sentences as a text.
    #[must_use]
    pub fn text(&self) -> String {
        self.sentences.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>().join(" ")
    }
}

#[derive(Deserialize)]
struct Answer {
    sentences: Vec<Sentence>,
}

#[derive(Deserialize)]
struct Sentence {
    text: String,
    facts: Vec<String>,
}

const MOST_SENTENCES: usize = 8;
const LONGEST_SENTENCE: usize = 400;
/// The share of the words of a sentence, as hundredths, that its facts must have.
const LEAST_SHARE: usize = 50;
/// The most of a fact's name that an answer may have in an error.
const SHOWN: usize = 60;

/// Checks the answer of a model: its sentences, if the facts have all that they say.
///
/// Each sentence names facts that there are. Each of its numbers, and each of its words with a digit, a dot, a slash or an underscore inside,
/// is in one of these facts, and so is at least half of its longer words. It says that the incident is over only if a
/// fact does. It has no link, no code, and no mention of people.
///
/// ```
/// use slo_ops::{Redactor, alert::{Delivery, Source}, incident::Incident, summary};
/// use slo_core::model::Timestamp;
///
/// let body = br#"{"version": "4", "groupKey": "g", "alerts": [
///     {"status": "firing", "labels": {"alertname": "Down"}, "startsAt": "2026-12-01T10:00:00Z"}]}"#;
/// let delivery = Delivery::parse(Source::Alertmanager, body)?;
/// let mut incident = Incident::new(delivery.incident());
/// incident.apply(&incident.receive(&delivery, Timestamp::from_seconds(1_796_119_205)));
/// let facts = summary::facts(&incident.episodes()[0], &[], &Redactor::default());
/// let wrong = r#"{"sentences": [{"text": "97 % of the requests failed.", "facts": ["f1"]}]}"#;
/// assert_eq!(summary::grounded(wrong, &facts).unwrap_err().message(), "the number 97 is in none of its facts");
/// # Ok::<(), slo_core::Error>(())
/// ```
///
/// # Errors
/// The first thing that the facts do not have.
pub fn grounded(answer: &str, facts: &[Fact]) -> Result<Prose, Error> {
    // Models like to put JSON in a block of code.
    let trimmed =
        answer.trim().trim_start_matches("```json").trim_start_matches("```").trim_end_matches("```").trim();
    let answer: Answer = serde_json::from_str(trimmed)
        .map_err(|_| Error::new("the answer is not the JSON that was asked for"))?;
    if answer.sentences.is_empty() || answer.sentences.len() > MOST_SENTENCES {
        return Err(Error::new(format!("the answer has {} sentences", answer.sentences.len())));
    }
    let mut sentences = Vec::new();
    for Sentence { text, facts: ids } in answer.sentences {
        let mut cited = Vec::new();
        for id in &ids {
            let fact = facts.iter().find(|fact| fact.id == *id);
            cited.push(fact.ok_or_else(|| Error::new(format!("there is no fact `{}`", shown(id))))?);
        }
        if cited.is_empty() {
            return Err(Error::new("a sentence names no fact"));
        }
        check(&text, &cited)?;
        sentences.push((text.trim().to_owned(), ids));
    }
    Ok(Prose { sentences })
}

fn shown(text: &str) -> String {
    crate::notify::cut(&plain(text), SHOWN).into_owned()
}

fn check(text: &str, facts: &[&Fact]) -> Result<(), Error> {
    if text.trim().is_empty() || text.chars().count() > LONGEST_SENTENCE {
        return Err(Error::new("a sentence is empty or too long"));
    }
    if text.chars().any(|character| character.is_numeric() && !character.is_ascii_digit()) {
        return Err(Error::new("a sentence has digits that are not of ASCII"));
    }
    if text.chars().any(|character| character.is_control() || "`<>{}[]|\\".contains(character))
        || text.contains("://")
        || text.contains('@')
    {
        return Err(Error::new("a sentence has a link, code, or a mention"));
    }
    let of_facts: BTreeSet<String> = facts.iter().flat_map(|fact| words(&fact.text)).collect();
    // A time is one name: its parts are no numbers.
    let numbers: BTreeSet<String> =
        facts.iter().flat_map(|fact| numbers(&without_times(&fact.text))).collect();
    if let Some(number) =
        self::numbers(&without_times(text)).into_iter().find(|number| !numbers.contains(number))
    {
        return Err(Error::new(format!("the number {number} is in none of its facts")));
    }
    let own: Vec<String> = words(text).collect();
    let is_name = |word: &&String| {
        word.chars().any(|character| character.is_ascii_digit() || "/_.".contains(character))
    };
    if let Some(name) =
        own.iter().filter(is_name).find(|word| !of_facts.contains(*word) && numbers_only(word).is_none())
    {
        return Err(Error::new(format!("the name {} is in none of its facts", shown(name))));
    }
    // Numbers written as words.
    if let Some(word) = own.iter().find(|word| COUNTS.contains(&word.as_str()) && !of_facts.contains(*word)) {
        return Err(Error::new(format!("the count {word} is in none of its facts")));
    }
    if let Some(word) = own.iter().find(|word| OVER.contains(&word.as_str()))
        && !facts.iter().any(|fact| !fact.quoted && OVER_IN_FACTS.iter().any(|over| fact.text.contains(over)))
    {
        return Err(Error::new(format!("none of its facts says that it is {word}")));
    }
    if let Some(word) =
        own.iter().find(|word| NEGATIONS.contains(&word.as_str()) && !of_facts.contains(*word))
    {
        return Err(Error::new(format!("none of its facts says `{word}`")));
    }
    let long: Vec<&String> =
        own.iter().filter(|word| word.chars().count() >= 4 && !COMMON.contains(&word.as_str())).collect();
    let stem = |word: &str| word.chars().take(5).collect::<String>();
    let stems: BTreeSet<String> = of_facts.iter().map(|word| stem(word)).collect();
    let known = long.iter().filter(|word| stems.contains(&stem(word))).count();
    if known == 0 || known * 100 < long.len() * LEAST_SHARE {
        return Err(Error::new(format!(
            "only {known} of {} words of a sentence are in its facts",
            long.len()
        )));
    }
    Ok(())
}

/// Counts that are written as words.
const COUNTS: [&str; 36] = [
    "zero",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "twenty",
    "thirty",
    "forty",
    "fifty",
    "sixty",
    "seventy",
    "eighty",
    "ninety",
    "hundred",
    "hundreds",
    "thousand",
    "thousands",
    "million",
    "millions",
    "billion",
    "half",
    "third",
    "quarter",
    "twice",
    "dozens",
];
/// Words that turn a fact into its contrary.
const NEGATIONS: [&str; 12] = [
    "not", "no", "never", "none", "without", "longer", "anymore", "stopped", "normal", "nobody", "nothing",
    "isn't",
];
/// Words that say that an incident is over.
const OVER: [&str; 12] = [
    "resolved",
    "fixed",
    "mitigated",
    "recovered",
    "restored",
    "healthy",
    "ended",
    "over",
    "solved",
    "repaired",
    "closed",
    "fine",
];
/// What facts say of that.
const OVER_IN_FACTS: [&str; 3] = ["it ended at ", "no longer affected", "closed the episode"];
/// Words that join others and say nothing themselves.
const COMMON: [&str; 40] = [
    "that", "this", "with", "from", "were", "when", "then", "than", "have", "been", "which", "while",
    "after", "before", "during", "about", "into", "also", "their", "there", "incident", "episode", "service",
    "began", "started", "lasted", "until", "some", "more", "most", "only", "both", "caused", "because",
    "showed", "reported", "found", "shows", "time", "alert",
];

/// Words in lower case, without what is around them.
fn words(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| character.is_whitespace() || ",;()\"'=".contains(character))
        .map(|word| word.trim_matches(|character: char| !character.is_alphanumeric()).to_lowercase())
        .filter(|word| !word.is_empty())
}

/// A text without its times, such as `2026-12-01T10:00:00Z`.
fn without_times(text: &str) -> String {
    let is_time = |word: &&str| {
        let bytes = word.trim_matches(|character: char| !character.is_ascii_alphanumeric()).as_bytes();
        bytes.len() >= 16
            && bytes.get(4) == Some(&b'-')
            && matches!(bytes.get(10), Some(b'T' | b't'))
            && bytes.get(13) == Some(&b':')
    };
    text.split_whitespace().filter(|word| !is_time(word)).collect::<Vec<_>>().join(" ")
}

/// Numbers, as they are written, without signs of thousands.
fn numbers(text: &str) -> Vec<String> {
    let (mut found, mut number) = (Vec::new(), String::new());
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        let is_inside = !number.is_empty() && characters.peek().is_some_and(char::is_ascii_digit);
        match character {
            digit if digit.is_ascii_digit() => number.push(digit),
            '.' if is_inside => number.push('.'),
            ',' | '\u{202f}' | '_' if is_inside => {}
            _ if !number.is_empty() => found.push(std::mem::take(&mut number)),
            _ => {}
        }
    }
    if !number.is_empty() {
        found.push(number);
    }
    // 4.0 and 4 are the same, and so are 06 and 6.
    let short = |number: String| {
        let number =
            if number.contains('.') { number.trim_end_matches('0').trim_end_matches('.') } else { &number };
        let short = number.trim_start_matches('0');
        if short.is_empty() || short.starts_with('.') { format!("0{short}") } else { short.to_owned() }
    };
    found.into_iter().map(short).collect()
}

/// A number and a unit, such as `12.5%` or `300ms`, whose number is checked by itself.
fn numbers_only(word: &str) -> Option<()> {
    let unit =
        word.trim_start_matches(|character: char| character.is_ascii_digit() || ".,:%".contains(character));
    let begins = word.starts_with(|character: char| character.is_ascii_digit());
    (begins && ["", "%", "ms", "s", "m", "min", "h", "d", "kb", "mb", "gb", "x"].contains(&unit))
        .then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Vec<Fact> {
        let texts = [
            "checkout/availability (page) began at 2026-12-01T10:00:00Z",
            "the episode has cost checkout/availability 12.5 % of its error budget",
            "db-check found: pool orders-1 has 0 of 40 connections left",
            "it is firing",
        ];
        (1..)
            .zip(texts)
            .map(|(number, text)| Fact { id: format!("f{number}"), text: text.to_owned(), quoted: false })
            .collect()
    }

    #[track_caller]
    fn check(text: &str, ids: &[&str], expected: Result<(), &str>) {
        let answer = serde_json::json!({"sentences": [{"text": text, "facts": ids}]}).to_string();
        let found = grounded(&answer, &facts());
        assert_eq!(found.as_ref().map(|_| ()).map_err(Error::message), expected, "{text}");
    }

    #[test]
    fn what_the_facts_say_is_kept() {
        check(
            "checkout/availability began to burn its error budget at 2026-12-01T10:00:00Z.",
            &["f1", "f2"],
            Ok(()),
        );
        check("The episode has cost 12.5% of the error budget of checkout/availability.", &["f2"], Ok(()));
        check("db-check found that the pool orders-1 has 0 of 40 connections left.", &["f3"], Ok(()));
        let block = "```json\n{\"sentences\": [{\"text\": \"It is firing.\", \"facts\": [\"f4\"]}]}\n```";
        assert_eq!(grounded(block, &facts()).unwrap().text(), "It is firing.");
    }

    #[test]
    fn what_they_do_not_say_is_refused() {
        check(
            "It has cost 13 % of the error budget of checkout.",
            &["f2"],
            Err("the number 13 is in none of its facts"),
        );
        check(
            "It has cost 12.5 % of the error budget.",
            &["f1"],
            Err("the number 12.5 is in none of its facts"),
        );
        check("It is firing.", &["f9"], Err("there is no fact `f9`"));
        check("It is firing.", &[], Err("a sentence names no fact"));
        check(
            "The pool orders-2 has 0 connections left.",
            &["f3"],
            Err("the number 2 is in none of its facts"),
        );
        check(
            "The pool payments.db has no connections left.",
            &["f3"],
            Err("the name payments.db is in none of its facts"),
        );
        check(
            "Three pools have no connections left.",
            &["f3"],
            Err("the count three is in none of its facts"),
        );
        check(
            "The episode is resolved, and it is not firing.",
            &["f4"],
            Err("none of its facts says that it is resolved"),
        );
        check(
            "A junior developer deployed broken code carelessly.",
            &["f1"],
            Err("only 0 of 6 words of a sentence are in its facts"),
        );
        check(
            "See https://example.com for the pool.",
            &["f3"],
            Err("a sentence has a link, code, or a mention"),
        );
        check("<!channel> it is firing", &["f4"], Err("a sentence has a link, code, or a mention"));
    }

    #[test]
    fn answers_of_another_form_are_refused() {
        for answer in
            ["", "It is firing.", "{}", "{\"sentences\": 5}", "[]", "{\"sentences\": [{\"text\": \"x\"}]}"]
        {
            assert_eq!(
                grounded(answer, &facts()).unwrap_err().message(),
                "the answer is not the JSON that was asked for"
            );
        }
        assert_eq!(
            grounded("{\"sentences\": []}", &facts()).unwrap_err().message(),
            "the answer has 0 sentences"
        );
    }

    proptest::proptest! {
        #[test]
        fn any_answer(answer in ".{0,200}", text in ".{0,80}") {
            let _refused = grounded(&answer, &facts());
            let answer = serde_json::json!({"sentences": [{"text": text, "facts": ["f1"]}]}).to_string();
            let _checked = grounded(&answer, &facts());
        }
    }
}
