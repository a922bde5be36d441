//! `slo top`

use super::status::{self, Row};
use crate::{args::Top, error::Error, load, prometheus::Prometheus, table, text, time};
use serde::Deserialize;
use slo_core::{
    model::{Service, Slo, Tier, Window},
    rules::names,
};
use std::{
    cmp::Ordering,
    collections::{BTreeMap, VecDeque},
    io::{IsTerminal, Write, stdout},
    thread,
    time::Duration,
};

/// Points of a sparkline.
const POINTS: usize = 24;

pub(super) fn run(asked: &Top, out: &mut dyn Write, talk: &mut dyn Write) -> Result<(), Error> {
    let mut source = Source::of(asked, talk)?;
    let mut history = source.history()?;
    // A pipe gets one table.
    let is_screen = !asked.once && stdout().is_terminal();
    let colored = is_screen && std::env::var_os("NO_COLOR").is_none();
    let mut lines = source.lines()?;
    remember(&mut history, &lines, time::unix_millis());
    let mut trouble = None;
    loop {
        let screen = draw(&worst_first(&lines), &history, colored);
        if !is_screen {
            out.write_all(screen.as_bytes())?;
            return Ok(());
        }
        // From the top left, over what is there.
        write!(
            out,
            "\x1b[H\x1b[2J{screen}\n{} · every {} s · Ctrl-C ends\n",
            source.name(),
            asked.every.as_seconds()
        )?;
        if let Some(error) = &trouble {
            writeln!(out, "\nnot new: {error}")?;
        }
        out.flush()?;
        thread::sleep(Duration::from_millis(asked.every.as_millis()));
        // Who watches wants to go on when the server does.
        match source.lines() {
            Ok(new) => {
                (lines, trouble) = (new, None);
                remember(&mut history, &lines, time::unix_millis());
            }
            Err(error) => trouble = Some(error),
        }
    }
}

/// What was left, by SLO and group.
type History = BTreeMap<String, BurnDown>;

/// What was left, at moments of the same distance; the last one is now.
#[derive(Default)]
struct BurnDown {
    points: VecDeque<f64>,
    /// Milliseconds between them; none of a service, whose past nobody knows: each look is one.
    step: i64,
    /// When the one before the last was, in milliseconds since the Unix epoch.
    last_kept: i64,
}

impl BurnDown {
    fn push(&mut self, left: f64, now: i64) {
        if self.points.is_empty() || now - self.last_kept >= self.step {
            self.last_kept = now;
        } else {
            self.points.pop_back();
        }
        self.points.push_back(left);
        while self.points.len() > POINTS {
            self.points.pop_front();
        }
    }
}

/// Puts what is left at the end of what was.
fn remember(history: &mut History, lines: &[Line], now: i64) {
    for line in lines {
        let past = history.entry(line.key.clone()).or_default();
        if let Some(left) = line.left {
            past.push(left, now);
        }
    }
}

/// What is shown of an SLO, or of the worst of its groups.
#[derive(Clone)]
struct Line {
    key: String,
    /// Of an SLO with groups, how many others there are.
    others: usize,
    objective: String,
    sli: Option<f64>,
    /// The share of the period's budget that is left.
    left: Option<f64>,
    /// Over the long window of the fastest alert, which is named.
    burn: Option<(String, f64)>,
    /// Seconds that the budget lasts at that rate, where that is less than the period.
    lasts: Option<f64>,
    period: String,
    /// The share of the period that was seen.
    seen: Option<f64>,
    state: String,
}

impl Line {
    /// The SLO, without its group: no name has a space.
    fn slo(&self) -> &str {
        self.key.split(' ').next().unwrap_or_default()
    }

    /// Those whose budget is gone soonest first; what is firing before what is not.
    fn by_urgency(&self, other: &Self) -> Ordering {
        let lasts = |line: &Self| line.lasts.unwrap_or(f64::INFINITY);
        let is_quiet = |line: &Self| line.state == "ok" || line.state == "no data";
        is_quiet(self)
            .cmp(&is_quiet(other))
            .then(lasts(self).total_cmp(&lasts(other)))
            .then_with(|| self.key.cmp(&other.key))
    }
}

/// Where the numbers come from.
enum Source {
    Prometheus { client: Prometheus, services: Vec<Service>, is_once: bool },
    Service { client: Prometheus },
}

#[derive(Deserialize)]
struct Live {
    slos: Vec<LiveSlo>,
}

#[derive(Deserialize)]
struct LiveSlo {
    service: String,
    slo: String,
    objective: String,
    sli: Option<f64>,
    projected_budget_remaining: Option<f64>,
    time_to_exhaustion: Option<f64>,
    period: String,
    period_seconds: f64,
    coverage: f64,
    state: String,
    windows: Vec<LiveWindow>,
    tiers: Vec<LiveTier>,
}

#[derive(Deserialize)]
struct LiveTier {
    long: String,
}

#[derive(Deserialize)]
struct LiveWindow {
    window: String,
    burn_rate: Option<f64>,
}

impl Source {
    fn of(asked: &Top, talk: &mut dyn Write) -> Result<Self, Error> {
        let headers = asked.headers.read()?;
        match (&asked.prometheus, &asked.service) {
            (Some(address), _) => Ok(Self::Prometheus {
                client: Prometheus::new(address, headers),
                services: load::services(&asked.files, asked.scale.time_scale, talk)?,
                is_once: asked.once,
            }),
            (None, Some(address)) => Ok(Self::Service { client: Prometheus::new(address, headers) }),
            (None, None) => Err(Error::Input(
                "nobody to ask\n  hint: give --prometheus and the specs, or --service and the address of a service".to_owned(),
            )),
        }
    }

    fn name(&self) -> &str {
        match self {
            Self::Prometheus { client, .. } | Self::Service { client } => client.name(),
        }
    }

    /// What was left before, as Prometheus has recorded it.
    fn history(&self) -> Result<History, Error> {
        let mut found = BTreeMap::new();
        let Self::Prometheus { client, services, .. } = self else { return Ok(found) };
        for service in services {
            for slo in service.slos() {
                let step = slo.period().length().as_millis() / POINTS as u64;
                let step = Window::from_millis(step.max(1_000)).map_err(Error::from)?;
                let millis =
                    |number: usize| i64::try_from(step.as_millis() * number as u64).unwrap_or(i64::MAX);
                let now = time::unix_millis();
                let query = format!(
                    "{}{{service=\"{}\",slo=\"{}\"}}",
                    names::BUDGET_PROJECTED,
                    service.name(),
                    slo.name()
                );
                let past = client.range(&query, now.saturating_sub(millis(POINTS)), step, POINTS)?;
                for (labels, points) in past {
                    let group = status::group_of(slo, &labels);
                    let points = points.into_iter().flatten().collect();
                    found.insert(
                        status::name(service.name().as_str(), slo.name().as_str(), &group),
                        BurnDown { points, step: millis(1), last_kept: now },
                    );
                }
            }
        }
        Ok(found)
    }

    fn lines(&mut self) -> Result<Vec<Line>, Error> {
        match self {
            Self::Prometheus { client, services, is_once } => {
                let rows = status::rows(client, services)?;
                // Who goes on watching may wait for the rules.
                if *is_once {
                    status::check_recorded(client, &rows)?;
                }
                Ok(rows.into_iter().map(|(row, slo)| recorded(row, slo)).collect())
            }
            Self::Service { client } => {
                let live: Live = client.get("/slo.json")?;
                Ok(live.slos.into_iter().map(LiveSlo::line).collect())
            }
        }
    }
}

fn recorded(row: Row, slo: &Slo) -> Line {
    let long = slo.policy().tiers().first().map(Tier::long);
    let period = row.length.as_seconds().to_f64();
    let state = match (row.firing.as_slice(), row.projected_budget_remaining) {
        ([], None) => "no data".to_owned(),
        ([], Some(left)) if left <= 0.0 => "overspent".to_owned(),
        ([], Some(_)) => "ok".to_owned(),
        (_, _) => row.alerts(),
    };
    Line {
        key: row.name(),
        others: 0,
        burn: long.and_then(|long| Some((long.to_string(), row.burn_over(long)?))),
        objective: row.objective,
        sli: row.sli,
        left: row.projected_budget_remaining,
        lasts: row.time_to_exhaustion.filter(|seconds| *seconds < period),
        period: row.period,
        seen: row.coverage,
        state,
    }
}

impl LiveSlo {
    fn line(self) -> Line {
        let long =
            self.tiers.first().and_then(|tier| self.windows.iter().find(|window| window.window == tier.long));
        Line {
            key: format!("{}/{}", self.service, self.slo),
            others: 0,
            burn: long.and_then(|long| Some((long.window.clone(), long.burn_rate?))),
            objective: self.objective,
            sli: self.sli,
            left: self.projected_budget_remaining,
            lasts: self.time_to_exhaustion.filter(|seconds| *seconds < self.period_seconds),
            period: self.period,
            seen: Some(self.coverage),
            state: self.state.replace('_', " "),
        }
    }
}

/// Those that are most urgent first; of an SLO with groups, the worst one.
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
        "SLI",
        "burn rate",
        "budget left",
        "lasts",
        "seen",
        "burn-down",
        "state",
    ]);
    for line in lines {
        let past = history.get(&line.key).map(|past| sparkline(&past.points)).unwrap_or_default();
        table.add_row([
            if line.others == 0 {
                line.key.clone()
            } else {
                format!("{} (and {} better)", line.key, line.others)
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

/// What was left, from nothing to all of it, in eighths.
fn sparkline(past: &VecDeque<f64>) -> String {
    const EIGHTHS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let eighth = |left: &f64| {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "from 0 to 7")]
        let index = (left.clamp(0.0, 1.0) * 7.0).round() as usize;
        EIGHTHS.get(index).copied().unwrap_or('▁')
    };
    past.iter().map(eighth).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let past = VecDeque::from([1.0, 0.5, 0.0, -3.0]);
        assert_eq!(sparkline(&past), "█▅▁▁");
        let past = BurnDown { points: past, step: 1_000, last_kept: 0 };
        let mut history = History::from([("a/b".to_owned(), past)]);
        let screen = draw(&[line("a/b", Some(60.0), "page")], &history, true);
        assert!(screen.contains("█▅▁▁") && screen.contains("\x1b[31m"), "{screen}");
        assert!(!draw(&[line("a/b", None, "ok")], &history, false).contains('\x1b'));
        // However often one looks, a moment is a moment.
        let points = |history: &History| history["a/b"].points.iter().copied().collect::<Vec<_>>();
        remember(&mut history, &[line("a/b", None, "ok")], 999);
        assert_eq!(points(&history), [1.0, 0.5, 0.0, 0.5]);
        remember(&mut history, &[line("a/b", None, "ok")], 1_000);
        assert_eq!(points(&history), [1.0, 0.5, 0.0, 0.5, 0.5]);
    }
}
