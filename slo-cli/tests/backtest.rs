//! `slo backtest` on files: what would have fired, and what is refused.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use parquet::{
    basic::{LogicalType, Repetition, TimeUnit, Type as Physical},
    column::writer::ColumnWriter,
    data_type::ByteArray,
    file::writer::SerializedFileWriter,
    schema::types::Type,
};
use slo_cli::Exit;
use std::{
    fmt::Write,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::Arc,
};
use tempfile::TempDir;

const SPEC: &str = "\
version: slo/v1
service: shop
slos:
  - name: checkout
    objective: 99.9%
    window: 30d
    sli: {events: {total: requests_total, bad: errors_total}}
";
const GROUPED: &str = "\
version: slo/v1
service: shop
slos:
  - name: routes
    objective: 99.9%
    window: 30d
    by: [route]
    sli: {events: {total: requests_total, bad: errors_total}}
";
/// 2026-11-01T00:00:00Z
const START: i64 = 1_793_491_200;
const DAY: i64 = 1_440;

struct Ran {
    exit: Exit,
    out: String,
    talk: String,
}

fn slo(args: &[&str]) -> Ran {
    let (mut out, mut talk) = (Vec::new(), Vec::new());
    let exit = slo_cli::run(["slo"].iter().chain(args), &mut out, &mut talk);
    Ran { exit, out: String::from_utf8(out).unwrap(), talk: String::from_utf8(talk).unwrap() }
}

fn written(folder: &TempDir, name: &str, text: &str) -> PathBuf {
    let path = folder.path().join(name);
    fs::write(&path, text).unwrap();
    path
}

fn backtest(spec: &Path, history: &Path, more: &[&str]) -> Ran {
    let mut args = vec!["backtest", spec.to_str().unwrap(), "--history", history.to_str().unwrap()];
    args.extend(more);
    slo(&args)
}

/// All events and the bad ones of each minute of five days; on the fourth, 5 % fail for three quarters of an hour.
fn minutes() -> impl Iterator<Item = (i64, u64, u64)> {
    let outage = 3 * DAY + 600..3 * DAY + 645;
    (0..5 * DAY).map(move |minute| (START + 60 * minute, 600, if outage.contains(&minute) { 30 } else { 0 }))
}

fn csv(time: impl Fn(i64) -> String) -> String {
    let mut text = String::from("time,total,bad\n");
    for (at, total, bad) in minutes() {
        writeln!(text, "{},{total},{bad}", time(at)).unwrap();
    }
    text
}

fn json(ran: &Ran) -> serde_json::Value {
    assert_eq!(ran.exit, Exit::Done, "{}", ran.talk);
    serde_json::from_str(&ran.out).unwrap()
}

#[test]
fn says_what_would_have_fired_and_when() {
    let folder = TempDir::new().unwrap();
    let spec = written(&folder, "slo.yaml", SPEC);
    let history = written(&folder, "history.csv", &csv(|at| at.to_string()));
    let page = json(&backtest(&spec, &history, &["--format", "json"]));
    let one = &page["slos"][0];
    assert_eq!((&one["total"], &one["bad"]), (&4_320_000.into(), &1_350.into()));
    assert_eq!((&one["pages"], &one["false_pages"], &one["recall"]), (&1.into(), &0.into(), &1.0.into()));
    // 5 % of an hour's requests are above 1.44 % after 18 of its minutes: 17.28 and the rest of the last one.
    let began = (START + 60 * (3 * DAY + 600)) * 1_000;
    assert_eq!(one["incidents"][0]["start"], began);
    assert_eq!(one["incidents"][0]["paged_after_seconds"], 1_080.0);
    let fast = one["alerts"].as_array().unwrap().iter().find(|alert| alert["burn_tier"] == "fast").unwrap();
    assert_eq!(fast["start"], began + 1_080_000);
    let text = backtest(&spec, &history, &[]);
    assert_eq!(text.exit, Exit::Done);
    assert!(text.out.contains("1 page, none false; 0 tickets; 1 incident, 1 of them paged"), "{}", text.out);
    assert!(text.out.contains("fast        page  2026-11-04 10:18"), "{}", text.out);
    let page = backtest(&spec, &history, &["--format", "html"]).out;
    assert!(
        page.contains("<svg ")
            && page.contains("class=\"incident\"")
            && !page.contains("http://www.w3.org/1999")
    );
}

/// The same events, however they are written, are the same.
#[test]
fn reads_what_tables_have() {
    let folder = TempDir::new().unwrap();
    let spec = written(&folder, "slo.yaml", SPEC);
    let clock = |at: i64| {
        let (day, minute) = ((at - START) / 86_400 + 1, (at - START) / 60 % DAY);
        format!("2026-11-{day:02} {:02}:{:02}", minute / 60, minute % 60)
    };
    let seconds = written(&folder, "seconds.csv", &csv(|at| at.to_string()));
    let expected = json(&backtest(&spec, &seconds, &["--format", "json"]));
    let zoned = csv(|at| format!("{}:00+00:00", clock(at)));
    let naive = csv(clock);
    let mut good = String::from("\u{feff}good, time ,total\n");
    for (at, total, bad) in minutes() {
        writeln!(good, "{}, {at} ,{total}.0", total - bad).unwrap();
    }
    let ends = csv(|at| (at + 60).to_string());
    for (name, text, more) in [
        ("zoned.csv", zoned, &["--time-zone", "UTC"][..]),
        ("naive.csv", naive, &[]),
        ("good.csv", good, &[]),
        ("ends.csv", ends, &["--label", "end"]),
    ] {
        let history = written(&folder, name, &text);
        let found = json(&backtest(&spec, &history, &[&["--format", "json"][..], more].concat()));
        assert_eq!(found["slos"], expected["slos"], "{name}");
    }
    for unit in [TimeUnit::MILLIS, TimeUnit::MICROS, TimeUnit::NANOS] {
        let path = folder.path().join("history.parquet");
        parquet(&path, unit, ("note", Some(LogicalType::String), "x"));
        let found = json(&backtest(&spec, &path, &["--format", "json"]));
        assert_eq!(found["slos"], expected["slos"], "{unit:?}");
    }
}

/// A table as data frames are written, with a column that nobody asks for.
fn parquet(path: &Path, unit: TimeUnit, (name, kind, value): (&str, Option<LogicalType>, &str)) {
    let scale = match unit {
        TimeUnit::MILLIS => 1_000,
        TimeUnit::MICROS => 1_000_000,
        TimeUnit::NANOS => 1_000_000_000,
    };
    let field = |name: &str, physical, logical| {
        let field = Type::primitive_type_builder(name, physical).with_repetition(Repetition::REQUIRED);
        Arc::new(field.with_logical_type(logical).build().unwrap())
    };
    let times = LogicalType::timestamp(true, unit);
    let fields = vec![
        field(name, Physical::BYTE_ARRAY, kind),
        field("bad", Physical::INT64, None),
        field("time", Physical::INT64, Some(times)),
        field("total", Physical::INT64, None),
    ];
    let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build().unwrap());
    let mut writer = SerializedFileWriter::new(File::create(path).unwrap(), schema, Arc::default()).unwrap();
    let mut group = writer.next_row_group().unwrap();
    let whole = |number: u64| i64::try_from(number).unwrap();
    for column in 0.. {
        let Some(mut open) = group.next_column().unwrap() else { break };
        match open.untyped() {
            ColumnWriter::ByteArrayColumnWriter(typed) => {
                let notes: Vec<ByteArray> = minutes().map(|_| ByteArray::from(value)).collect();
                typed.write_batch(&notes, None, None).unwrap();
            }
            ColumnWriter::Int64ColumnWriter(typed) => {
                let values: Vec<i64> = minutes()
                    .map(|(at, total, bad)| match column {
                        1 => whole(bad),
                        2 => at * scale,
                        _ => whole(total),
                    })
                    .collect();
                typed.write_batch(&values, None, None).unwrap();
            }
            _ => unreachable!(),
        }
        open.close().unwrap();
    }
    group.close().unwrap();
    writer.close().unwrap();
}

#[test]
fn each_group_has_a_budget_of_its_own() {
    let folder = TempDir::new().unwrap();
    let spec = written(&folder, "slo.yaml", GROUPED);
    let mut text = String::from("time,slo,route,total,bad\n");
    for (at, total, bad) in minutes() {
        writeln!(
            text,
            "{at},routes,/pay,{total},{bad}\n{at},routes,/search,{},0\n{at},other,/pay,9,9",
            100 * total
        )
        .unwrap();
    }
    let history = written(&folder, "history.csv", &text);
    let page = json(&backtest(&spec, &history, &["--format", "json"]));
    let found: Vec<_> =
        page["slos"].as_array().unwrap().iter().map(|one| (&one["group"]["route"], &one["pages"])).collect();
    assert_eq!(found, [(&"/pay".into(), &1.into()), (&"/search".into(), &0.into())]);
    // Without the column, it is not known whose a row is.
    let history = written(&folder, "sum.csv", &csv(|at| at.to_string()));
    let refused = backtest(&spec, &history, &[]);
    assert_eq!(refused.exit, Exit::Input);
    assert!(refused.talk.contains("no column `route`"), "{}", refused.talk);
}

#[test]
fn rows_are_of_one_slo_or_say_of_which() {
    let folder = TempDir::new().unwrap();
    let more =
        "  - {name: search, objective: 99%, window: 30d, sli: {events: {total: t_total, bad: b_total}}}\n";
    let spec = written(&folder, "slo.yaml", &format!("{SPEC}{more}"));
    let history = written(&folder, "history.csv", &csv(|at| at.to_string()));
    let ran = backtest(&spec, &history, &[]);
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Input, ""));
    assert!(ran.talk.contains("no column `slo`, but there are several SLOs"), "{}", ran.talk);
    assert_eq!(backtest(&spec, &history, &["--slo", "shop/checkout"]).exit, Exit::Done);

    let named = csv(|at| at.to_string()).replace("time,total,bad", "time,total,bad,slo");
    let named: String = named
        .lines()
        .enumerate()
        .map(|(row, line)| match row {
            0 => format!("{line}\n"),
            7 | 8 => format!("{line},serach\n"),
            _ => format!("{line},checkout\n"),
        })
        .collect();
    let ran = backtest(&spec, &written(&folder, "named.csv", &named), &[]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.talk);
    assert!(ran.talk.contains("2 rows belong to none of these SLOs"), "{}", ran.talk);
}

/// Older writers do not say that bytes are text; what no column of a history can be is refused.
#[test]
fn reads_the_text_of_older_parquet_files() {
    let folder = TempDir::new().unwrap();
    let spec = written(&folder, "slo.yaml", SPEC);
    let path = folder.path().join("bytes.parquet");
    parquet(&path, TimeUnit::MILLIS, ("slo", None, "checkout"));
    let page = json(&backtest(&spec, &path, &["--format", "json"]));
    assert_eq!(page["slos"][0]["bad"], 1_350);

    let of = |name: &str, kind, length| {
        let field = Type::primitive_type_builder(name, kind).with_repetition(Repetition::REQUIRED);
        Arc::new(field.with_length(length).build().unwrap())
    };
    let fields = vec![
        of("time", Physical::INT64, 0),
        of("total", Physical::FIXED_LEN_BYTE_ARRAY, 12),
        of("bad", Physical::INT64, 0),
    ];
    let schema = Arc::new(Type::group_type_builder("schema").with_fields(fields).build().unwrap());
    let path = folder.path().join("fixed.parquet");
    let writer = SerializedFileWriter::new(File::create(&path).unwrap(), schema, Arc::default()).unwrap();
    writer.close().unwrap();
    let ran = backtest(&spec, &path, &[]);
    assert_eq!((ran.exit, ran.out.as_str()), (Exit::Input, ""));
    assert!(
        ran.talk.contains("the column `total` has a type that is not a time, a number or text"),
        "{}",
        ran.talk
    );
}

#[test]
fn says_which_row_is_wrong() {
    let folder = TempDir::new().unwrap();
    let spec = written(&folder, "slo.yaml", SPEC);
    for (text, told) in [
        ("time,total\n0,1\n", "no column `bad`"),
        (
            "time,total,bad\n0,1,0\n60,2,3\n",
            "history.csv:3: 2 as `total` and 3 as `bad` contradict each other",
        ),
        ("time,total,bad\n0,1,0\n60,many,0\n", "history.csv:3: `total` is `many`"),
        ("time,total,bad\n0,1,0\n60,,0\n", "history.csv:3: `total` is missing"),
        ("time,total,bad\n0,1,0\n60,1.5,0\n", "history.csv:3: `total` is 1.5"),
        ("time,total,bad\n0,1,0\n60,1,0\n60,1,0\n", "history.csv:4: the time is a duplicate"),
        ("time,total,bad\n0,1,0\nsoon,1,0\n", "history.csv:3: `time` is `soon`, which is not a time"),
        (
            "time,total,bad\n1793491200000,1,0\n",
            "history.csv:2: `time` is 1793491200000, out of range for seconds",
        ),
        ("time,total,bad\n20261101,1,0\n20261102,1,0\n", "look like dates, not like seconds"),
        ("time,total,bad\n0,1,0\n1970-01-01,1,0\n", "some times are numbers, others are not"),
        ("time,total,bad\n1970-01-01,1,0\n1970-01-02T00:00Z,1,0\n", "some times have a time zone"),
        ("time,total,bad\n0,1,0\n", "one row does not define a step"),
        ("time,total,bad\n0,1,0\n60,1\n", "history.csv: CSV error"),
    ] {
        let history = written(&folder, "history.csv", text);
        let ran = backtest(&spec, &history, &[]);
        assert_eq!((ran.exit, ran.out.as_str()), (Exit::Input, ""), "{text}");
        assert!(ran.talk.contains(told), "{text}{}", ran.talk);
    }
    let gone = backtest(&spec, Path::new("/nowhere.csv"), &[]);
    assert_eq!(gone.exit, Exit::Outside);
    assert_eq!(slo(&["backtest", spec.to_str().unwrap()]).exit, Exit::Usage);
}

#[test]
fn windows_are_fitted_to_coarse_steps_and_told() {
    let folder = TempDir::new().unwrap();
    let spec = written(&folder, "slo.yaml", SPEC);
    let mut text = String::from("time,total,bad\n");
    for hour in 0..200 {
        writeln!(text, "{},36000,{}", START + 3_600 * hour, if hour == 150 { 3_000 } else { 0 }).unwrap();
    }
    let history = written(&folder, "hours.csv", &text);
    let ran = backtest(&spec, &history, &["--format", "json"]);
    assert!(ran.talk.contains("the windows are rounded to steps of 1h: fast over 2h and 1h"), "{}", ran.talk);
    assert_eq!(json(&ran)["slos"][0]["pages"], 1);
}
