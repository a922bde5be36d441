//! Which files the command reads, and what it does to those it writes.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use slo_cli::Exit;
use std::{
    fs,
    io::Read,
    os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    thread,
};
use tempfile::TempDir;

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

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

const SPEC: &str = "{version: slo/v1, service: shop, slos: [{name: a, objective: 99%, window: 30d,
    sli: {events: {total: t_total, bad: b_total}}}]}";

fn write(path: PathBuf, content: &str) -> PathBuf {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, content).unwrap();
    path
}

#[test]
fn a_config_map_is_read_once() {
    let folder = folder();
    let root = folder.path();
    write(root.join("..2026_01/slo.yaml"), SPEC);
    symlink("..2026_01", root.join("..data")).unwrap();
    symlink("..data/slo.yaml", root.join("slo.yaml")).unwrap();
    let ran = slo(&["validate", text(root)]);
    assert_eq!((ran.exit, ran.talk.as_str()), (Exit::Done, ""));
    assert_eq!(ran.out.matches(": ok").count(), 1, "{}", ran.out);
}

#[test]
fn links_in_circles_have_an_end() {
    let folder = folder();
    let root = folder.path();
    write(root.join("a/slo.yaml"), SPEC);
    for (target, link) in [(".", "x"), (".", "y"), ("..", "a/up"), ("a", "same")] {
        symlink(target, root.join(link)).unwrap();
    }
    let ran = slo(&["validate", text(root)]);
    assert_eq!((ran.exit, ran.out.matches(": ok").count()), (Exit::Done, 1), "{}", ran.talk);
}

#[test]
fn only_regular_files_of_a_folder_are_read() {
    let folder = folder();
    let root = folder.path();
    write(root.join("slo.yaml"), SPEC);
    write(root.join(".git/hidden.yaml"), "not: [yaml");
    symlink("/dev/zero", root.join("zero.yaml")).unwrap();
    assert!(Command::new("mkfifo").arg(root.join("pipe.yaml")).status().unwrap().success());
    let ran = slo(&["validate", text(root)]);
    assert_eq!((ran.exit, ran.out.matches(": ok").count()), (Exit::Done, 1), "{}", ran.talk);
    // One that is named is read as far as anybody could have written it.
    let ran = slo(&["validate", "/dev/zero"]);
    assert_eq!(ran.exit, Exit::Input);
    assert!(ran.talk.contains("/dev/zero: more than 64 MiB"), "{}", ran.talk);
}

#[test]
fn other_files_of_a_folder_are_skipped_and_counted() {
    let folder = folder();
    let root = folder.path();
    write(root.join("slo.yaml"), SPEC);
    write(root.join("kustomization.yaml"), "resources: [slo.yaml]\n");
    write(root.join("values.yaml"), "image: {tag: 1}\n");
    write(root.join("templates/x.yaml"), "name: {{ .Values.name }}\n");
    write(root.join("deploy/rules/shop.yaml"), &slo(&["generate", text(&root.join("slo.yaml"))]).out);
    let ran = slo(&["validate", text(root)]);
    assert_eq!((ran.exit, ran.talk.as_str()), (Exit::Done, "skipped 4 files that hold no SLO\n"));
    // Not so one that is named, nor one with a fault in it.
    assert_eq!(slo(&["validate", text(&root.join("values.yaml"))]).exit, Exit::Input);
    write(root.join("broken.yaml"), "version: slo/v1\nservice: [\n");
    assert_eq!(slo(&["validate", text(root)]).exit, Exit::Input);
    assert_eq!(slo(&["validate", text(root), "--exclude", "broken*"]).exit, Exit::Done);
    assert_eq!(slo(&["validate", text(root), "--include", "slo.yaml"]).exit, Exit::Done);
    assert_eq!(slo(&["validate", text(root), "--include", "["]).exit, Exit::Usage);
    // A manifest may have other objects beside an SLO.
    let mixed = write(
        root.join("deploy/mixed.yaml"),
        "apiVersion: v1\nkind: ConfigMap\n---\napiVersion: pyrra.dev/v1alpha1\nkind: ServiceLevelObjective\n\
         metadata: {name: a}\nspec: {target: '99', window: 2w, indicator: {ratio: {errors: {metric: e_total}, total: {metric: t_total}}}}\n",
    );
    let ran = slo(&["import", text(&mixed)]);
    assert!(
        ran.exit == Exit::Done && ran.talk.contains("an object `ConfigMap`, which is not an SLO"),
        "{}",
        ran.talk
    );
}

#[test]
fn files_without_an_slo_are_no_success() {
    let folder = folder();
    let windows = write(
        folder.path().join("windows.yaml"),
        "apiVersion: sloth.slok.dev/v1\nkind: AlertWindows\nspec: {sloPeriod: 30d, page: {quick: {errorBudgetPercent: 2, shortWindow: 5m, longWindow: 1h}, slow: {errorBudgetPercent: 5, shortWindow: 30m, longWindow: 6h}}, ticket: {quick: {errorBudgetPercent: 10, shortWindow: 2h, longWindow: 1d}, slow: {errorBudgetPercent: 10, shortWindow: 6h, longWindow: 3d}}}\n",
    );
    let out = folder.path().join("out");
    for verb in ["generate", "dashboards"] {
        let ran = slo(&[verb, text(&windows), "--out", text(&out)]);
        assert_eq!(ran.exit, Exit::Input, "{verb}: {}", ran.talk);
        assert!(ran.talk.contains("no SLO in it"), "{}", ran.talk);
    }
    assert!(!out.exists());
}

#[test]
fn standard_input_is_named_once() {
    let ran = slo(&["validate", "-", "-"]);
    assert_eq!(ran.exit, Exit::Usage);
    assert!(ran.talk.contains("standard input is named twice"), "{}", ran.talk);
}

#[test]
fn an_unreadable_folder_is_named() {
    let folder = folder();
    write(folder.path().join("slo.yaml"), SPEC);
    let deep = (0..70).fold(folder.path().to_owned(), |path, _| path.join("d"));
    fs::create_dir_all(deep).unwrap();
    let ran = slo(&["validate", text(folder.path())]);
    assert_eq!(ran.exit, Exit::Outside);
    assert!(ran.talk.contains("/d/d/d: folders too deep"), "{}", ran.talk);
}

/// Runs `alertmanager --out`, the shortest way to one file.
fn generate(out: &Path) -> Ran {
    let folder = folder();
    let spec = write(folder.path().join("slo.yaml"), SPEC);
    slo(&["alertmanager", text(&spec), "--page", "pagerduty", "--ticket", "webhook", "--out", text(out)])
}

#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let folder = folder();
    let root = folder.path();
    let target = write(root.join("real/config.yaml"), "old");
    symlink("real/config.yaml", root.join("link.yaml")).unwrap();
    symlink("link.yaml", root.join("link-to-link.yaml")).unwrap();
    assert_eq!(generate(&root.join("link-to-link.yaml")).exit, Exit::Done);
    assert!(fs::symlink_metadata(root.join("link.yaml")).unwrap().is_symlink());
    assert!(fs::symlink_metadata(root.join("link-to-link.yaml")).unwrap().is_symlink());
    assert!(fs::read_to_string(target).unwrap().contains("receivers:"));
    // A link to what is not there yet is no other.
    symlink("real/new.yaml", root.join("dangling.yaml")).unwrap();
    assert_eq!(generate(&root.join("dangling.yaml")).exit, Exit::Done);
    assert!(fs::read_to_string(root.join("real/new.yaml")).unwrap().contains("receivers:"));
    symlink("loop", root.join("loop")).unwrap();
    assert_eq!(generate(&root.join("loop")).exit, Exit::Outside);
}

#[test]
fn what_is_no_file_is_written_to() {
    assert_eq!(generate(Path::new("/dev/null")).exit, Exit::Done);
    assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
    let folder = folder();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = {
        let pipe = pipe.clone();
        thread::spawn(move || {
            let mut text = String::new();
            fs::File::open(pipe).unwrap().read_to_string(&mut text).unwrap();
            text
        })
    };
    assert_eq!(generate(&pipe).exit, Exit::Done);
    assert!(reader.join().unwrap().contains("receivers:"));
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(generate(folder.path()).exit, Exit::Outside);
    assert!(generate(Path::new("/dev/full")).talk.contains("No space left"));
}

#[test]
fn the_mode_of_a_file_stays() {
    let folder = folder();
    let path = write(folder.path().join("config.yaml"), "old");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    generate(&path);
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
    // A new one has that of any new file.
    let (new, any) = (folder.path().join("new.yaml"), write(folder.path().join("any"), ""));
    generate(&new);
    assert_eq!(fs::metadata(&new).unwrap().mode(), fs::metadata(&any).unwrap().mode());
    let left = fs::read_dir(folder.path()).unwrap().count();
    assert_eq!(left, 3, "no temporary file is left");
}

#[test]
fn what_a_killed_run_has_left_is_swept() {
    let folder = folder();
    let path = folder.path().join("config.yaml");
    let left = write(folder.path().join(".slo-config.yaml.abcdef"), "half");
    let other = write(folder.path().join(".slo-other.yaml.abcdef"), "half");
    let old = Command::new("touch").args(["-d", "1 hour ago"]).args([&left, &other]).status().unwrap();
    assert!(old.success());
    let new = write(folder.path().join(".slo-config.yaml.ghijkl"), "of a run that goes on");
    generate(&path);
    assert!(!left.exists() && other.exists() && new.exists() && path.exists());
}

#[test]
fn the_manual_has_a_page_for_each_verb() {
    let folder = folder();
    let ran = slo(&["manual", "--out", text(folder.path())]);
    assert_eq!(ran.exit, Exit::Done, "{}", ran.talk);
    let page = |name: &str| fs::read_to_string(folder.path().join("man1").join(name)).unwrap();
    assert!(page("slo.1").contains("slo\\-generate(1)"));
    let generate = page("slo-generate.1");
    assert!(generate.starts_with(".ie \\n(.g"), "{generate}");
    assert!(generate.contains("\\-\\-naming") && generate.contains("Possible values"), "{generate}");
    assert_eq!(ran.talk.lines().count(), fs::read_dir(folder.path().join("man1")).unwrap().count());
}
