//! The live table.

use comfy_table::{CellAlignment, Table, presets};
use slo_core::model::Window;
use slo_instrument::{Service, SloStatus, State};
use std::{
    io::{self, IsTerminal, Write},
    time::Duration,
};

/// Shows the table until it is dropped: in place on a terminal, else every five seconds.
pub(crate) async fn show(slos: &[Service]) {
    let terminal = io::stdout().is_terminal();
    let mut interval = tokio::time::interval(Duration::from_secs(if terminal { 1 } else { 5 }));
    // The first tick is at once, before there is anything to show.
    interval.tick().await;
    let mut lines = 0;
    loop {
        interval.tick().await;
        let text = render(slos);
        let up = if terminal && lines > 0 { format!("\x1b[{lines}A\x1b[J") } else { String::new() };
        lines = text.lines().count() + 1;
        // A closed terminal is no reason to stop serving.
        let _closed = writeln!(io::stdout(), "{up}{text}");
    }
}

/// Prints the table once.
pub(crate) fn print(slos: &[Service]) -> io::Result<()> {
    writeln!(io::stdout(), "{}", render(slos))
}

const HEADER: [&str; 8] =
    ["SLO", "objective", "SLI so far", "burn 5m", "burn 1h", "period's budget left", "budget lasts", "state"];

fn render(slos: &[Service]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(HEADER);
    for slo in slos {
        for status in slo.statuses().iter() {
            table.add_row(row(status));
        }
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 3));
        if index > 0 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}

fn row(status: &SloStatus) -> [String; 8] {
    let percent = |share: Option<f64>, digits: usize| match share {
        Some(share) => format!("{:.digits$}%", share * 100.0),
        None => "-".to_owned(),
    };
    let burn = |window| status.burn_rate(window).map_or_else(|| "-".to_owned(), |rate| format!("{rate:.2}"));
    [
        format!("{}/{}", status.service, status.slo),
        status.objective.clone(),
        percent(status.sli, 3),
        burn(Window::minutes(5)),
        burn(Window::hours(1)),
        percent(status.projected_budget_remaining, 1),
        lasts(status),
        state(status.state).to_owned(),
    ]
}

fn lasts(status: &SloStatus) -> String {
    match status.time_to_exhaustion {
        _ if status.total == 0 => "-".to_owned(),
        Some(seconds) if seconds <= 0.0 => "spent".to_owned(),
        Some(seconds) if seconds < 7_200.0 => format!("{:.0}m", seconds / 60.0),
        Some(seconds) if seconds < 172_800.0 => format!("{:.0}h", seconds / 3_600.0),
        Some(seconds) if seconds < status.period_seconds => format!("{:.0}d", seconds / 86_400.0),
        _ => format!("> {}", status.period),
    }
}

const fn state(state: State) -> &'static str {
    match state {
        State::Page => "PAGE",
        State::Exhausted => "SPENT",
        State::Ticket => "ticket",
        State::Invalid => "INVALID",
        State::Ok => "ok",
        _ => "no data",
    }
}
