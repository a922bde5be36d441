"""The documentation: links lead somewhere, commands are commands, specifications are valid, and lists are complete."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "examples" / "incident-response"))
from story import built  # noqa: E402

FOLDERS = [".", "docs", "examples/*", "slo-*"]
PAGES = sorted({page for folder in FOLDERS for page in ROOT.glob(f"{folder}/*.md")})
FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.M | re.S)


def name(page):
    return str(page.relative_to(ROOT))


def fences(page, language):
    """The code blocks of a page, without their indentation."""
    for indent, found, body in FENCE.findall(page.read_text()):
        if found == language:
            yield "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))


def prose(page):
    return FENCE.sub("", page.read_text())


def anchors(page):
    """What a link may lead to: headings, as GitHub and mdBook name them, and ids."""
    text = prose(page)
    headings = [re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", heading) for heading in re.findall(r"^#+ (.*)$", text, re.M)]
    slugs = {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}
    return slugs | set(re.findall(r'id="([^"]+)"', text))


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        # The reference of the Python package is made by scripts/site, which checks the links of the site.
        if re.match(r"[a-z]+:|python-reference/", target):
            continue
        path, _, anchor = target.partition("#")
        linked = (page.parent / path).resolve() if path else page
        assert linked.exists(), f"{target}: no such file"
        if anchor:
            assert anchor in anchors(linked), f"{target}: no such heading; there are {sorted(anchors(linked))}"


def commands():
    for page in PAGES:
        for block in fences(page, "sh"):
            for line in re.sub(r"\\\n\s*", " ", block).splitlines():
                if line.startswith("slo "):
                    yield pytest.param(line, id=f"{name(page)}: {line[:60]}")


@pytest.fixture
def folder(tmp_path):
    """A folder with the files that the pages speak of."""
    (spec,) = (block for block in fences(ROOT / "docs" / "getting-started.md", "yaml") if "slo/v1" in block)
    (tmp_path / "slo.yaml").write_text(spec.replace("slos:", "policy: {freeze: {at: 0%}}\nslos:", 1))
    (tmp_path / "deploy").mkdir()
    return tmp_path


@pytest.mark.parametrize("line", list(commands()))
def test_commands_are_no_wrong_usage(line, folder):
    """Servers and files of other people are not there; what is written must be understood all the same."""
    environment = {**os.environ, "PATH": f"{pathlib.Path(built('slo')).parent}:{os.environ['PATH']}"}
    # A live view and a server go on until they are ended.
    ran = subprocess.run(["timeout", "5", "bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True)
    # 124 is that of `timeout`.
    assert ran.returncode in (0, 1, 3, 124), f"{ran.returncode}: {ran.stderr}"
    assert "error: unexpected argument" not in ran.stderr


def documents(version):
    for page in PAGES:
        for number, block in enumerate(fences(page, "yaml")):
            if f"version: {version}" in block:
                yield pytest.param(block, id=f"{name(page)}, block {number + 1}")


@pytest.mark.parametrize("text", list(documents("slo/v1")))
def test_specifications_are_valid(text, tmp_path):
    (tmp_path / "slo.yaml").write_text(text)
    subprocess.run([built("slo"), "validate", tmp_path / "slo.yaml"], check=True)


@pytest.mark.parametrize("text", list(documents("slo-server/v1")))
def test_configurations_are_valid(text, folder):
    for kind, file in re.findall(r"(\w+)_file: ([\w/.-]+)", text):
        (folder / file).parent.mkdir(exist_ok=True, parents=True)
        secret = {"webhook": "https://hooks.slack.com/services/T0/B0/abc", "basic": "user:password"}.get(kind, "0123456789abcdef" * 2)
        (folder / file).write_text(secret)
    for file in re.findall(r"specs: \[([\w.]+)\]", text):
        (folder / file).touch()
    (folder / "serve.yaml").write_text(text)
    subprocess.run([built("slo"), "serve", folder / "serve.yaml", "--check"], check=True)


def test_every_verb_is_told():
    told = (ROOT / "docs" / "command.md").read_text()
    said = subprocess.run([built("slo"), "--help"], check=True, capture_output=True, text=True).stdout
    verbs = set(re.findall(r"^  ([a-z]+) ", said, re.M)) - {"help"}
    assert verbs == set(re.findall(r"^\| `slo ([a-z]+)`", told, re.M))


def test_every_metric_is_told():
    told = (ROOT / "docs" / "metrics.md").read_text()
    sources = [path.read_text() for folder in ("slo-instrument/src", "slo-server/src") for path in (ROOT / folder).rglob("*.rs")]
    named = {found for text in sources for found in re.findall(r'"(slo_[a-z_]+(?:_total|_ratio|_seconds|_firing|_incidents))"', text)}
    assert len(named) > 10
    assert not [metric for metric in named if metric not in told]


def test_the_contents_have_every_page():
    listed = set(re.findall(r"\]\(([^)]+)\)", (ROOT / "docs" / "SUMMARY.md").read_text()))
    assert listed == {page.name for page in (ROOT / "docs").glob("*.md")} - {"SUMMARY.md"}
