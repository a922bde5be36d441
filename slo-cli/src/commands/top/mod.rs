//! `slo top`

mod burn_down;
mod line;
mod source;

use crate::{args::Top, error::Error, table, text, time};
use burn_down::{BurnDown, History, remember};
use line::Line;
use slo_core::plain;
use source::Source;
use std::{
    io::{IsTerminal, Write, stdout},
    thread,
    time::Duration,
};

pub(super) fn run(asked: &Top, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    // A pipe gets one table.
    let is_screen = !asked.once && stdout().is_terminal();
    let source = Source::of(asked, !is_screen, talk)?;
    let mut history = source.history()?;
    let colored = is_screen && std::env::var_os("NO_COLOR").is_none();
    let (mut lines, mut warnings) = source.lines()?;
    remember(&mut history, &lines, time::now());
    let mut trouble = None;
    loop {
        let screen = draw(&worst_first(&lines), &history, colored);
        if !is_screen {
            for warning in &warnings {
                writeln!(talk, "warning: {} says: {warning}", source.name())?;
            }
            out.write_all(screen.as_bytes())?;
            return Ok(());
        }
        // Redraws the screen from the top left.
        write!(
            out,
            "\x1b[H\x1b[2J{screen}\n{} · refreshed every {} s · Ctrl-C to quit\n",
            source.name(),
            asked.every.as_seconds()
        )?;
        for warning in &warnings {
            writeln!(out, "\nwarning: {}", plain(warning))?;
        }
        if let Some(error) = &trouble {
            writeln!(out, "\nnot refreshed: {error}")?;
        }
        out.flush()?;
        thread::sleep(Duration::from_millis(asked.every.as_millis()));
        // Keeps going after an error: the server may come back.
        match source.lines() {
            Ok(new) => {
                ((lines, warnings), trouble) = (new, None);
                remember(&mut history, &lines, time::now());
            }
            Err(error) => trouble = Some(error),
        }
    }
}

/// The most urgent lines first; for an SLO with groups, only its worst group.
fn worst_first(lines: &[Line]) -> Vec<Line> {
    let mut sorted: Vec<&Line> = lines.iter().collect();
    sorted.sort_by(|one, other| one.by_urgency(other));
    let mut shown: Vec<Line> = Vec::new();
    for line in sorted {
        match shown.iter_mut().find(|one| one.slo() == line.slo()) {
            Some(worse) => worse.others += 1,
            None => shown.push(line.clone()),
        }
    }
    shown
}

fn draw(lines: &[Line], history: &History, colored: bool) -> String {
    let mut table = table::new(&[
        "SLO",
        "objective",
        "SLI so far",
        "burn rate",
        "period's budget left",
        "budget lasts",
        "coverage",
        "burn-down",
        "state",
    ]);
    for line in lines {
        let past = history.get(&line.key).map(BurnDown::sparkline).unwrap_or_default();
        table.add_row([
            if line.others == 0 {
                line.key.clone()
            } else {
                format!("{} (better groups: {})", line.key, line.others)
            },
            line.objective.clone(),
            text::percent(line.sli, 4),
            line.burn.as_ref().map_or_else(|| "-".to_owned(), |(window, rate)| format!("{window} {rate:.2}")),
            text::percent(line.left, 1),
            match (line.lasts, line.left) {
                (Some(seconds), _) => text::seconds(seconds),
                (None, Some(_)) => text::longer_than(&line.period),
                (None, None) => "-".to_owned(),
            },
            text::percent(line.seen, 1),
            past,
            line.state.clone(),
        ]);
    }
    let text = table::lines(&table);
    if !colored {
        return text;
    }
    let mut rows = text.lines();
    let mut screen = format!("\x1b[1m{}\x1b[0m\n", rows.next().unwrap_or_default());
    for (row, line) in rows.zip(lines) {
        let color = match line.state.as_str() {
            "ok" => "\x1b[32m",
            "no data" => "\x1b[2m",
            _ => "\x1b[31m",
        };
        screen.push_str(color);
        screen.push_str(row);
        screen.push_str("\x1b[0m\n");
    }
    screen
}

#[cfg(test)]
mod tests {
    use super::*;
    use slo_core::model::{Timestamp, Window};

    fn line(key: &str, lasts: Option<f64>, state: &str) -> Line {
        let (objective, state) = ("99%".to_owned(), state.to_owned());
        let (period, burn) = ("30d".to_owned(), Some(("1h".to_owned(), 2.0)));
        Line {
            key: key.to_owned(),
            others: 0,
            objective,
            sli: Some(0.99),
            left: Some(0.5),
            burn,
            lasts,
            period,
            seen: Some(1.0),
            state,
        }
    }

    #[test]
    fn what_is_most_urgent_comes_first() {
        let lines = [
            line("calm group=a", Some(7.0), "ok"),
            line("calm group=b", Some(6.0), "ok"),
            line("fine", None, "ok"),
            line("soon", Some(60.0), "ok"),
            line("later", Some(900.0), "page"),
            line("none", None, "no data"),
        ];
        let shown = worst_first(&lines);
        let shown: Vec<_> = shown.iter().map(|line| (line.key.as_str(), line.others)).collect();
        assert_eq!(shown, [("later", 0), ("calm group=b", 1), ("soon", 0), ("fine", 0), ("none", 0)]);
    }

    #[test]
    fn draws_what_was_left() {
        let past = BurnDown::of([1.0, 0.5, 0.0, -3.0].into(), Window::seconds(1), Timestamp::EPOCH);
        let mut history = History::from([("a/b".to_owned(), past)]);
        let screen = draw(&[line("a/b", Some(60.0), "page")], &history, true);
        assert!(screen.contains("█▅▁▁") && screen.contains("\x1b[31m"), "{screen}");
        assert!(!draw(&[line("a/b", None, "ok")], &history, false).contains('\x1b'));
        // A refresh within one step replaces the last point.
        remember(&mut history, &[line("a/b", None, "ok")], Timestamp::from_millis(999));
        assert_eq!(history["a/b"].sparkline(), "█▅▁▅");
        remember(&mut history, &[line("a/b", None, "ok")], Timestamp::from_millis(1_000));
        assert_eq!(history["a/b"].sparkline(), "█▅▁▅▅");
    }
}
