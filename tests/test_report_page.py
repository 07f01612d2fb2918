"""The report in a real Chromium, with the network off: by keyboard, by mouse, by link, on paper, for a screen reader.

What the page answers is compared with `lawdsl predict` and `lawdsl ask`, digit for digit as both print it. Skipped
where no Chromium is installed (LAWDSL_BROWSER names one that is not on PATH).
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from reports import chinchilla, qid

from fitting.report.page import page as made_page
from fitting.report.pdf import browser as installed
from fitting.report.pdf import print_pdf
from lawdsl.cli import run
from lawdsl.errors import OutsideError
from lawdsl.numbers import middle
from lawdsl.words import interval

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: pip install -e '.[dev]'")

#: milliseconds that a page may take to show something, on a machine that does other things too
PATIENT = 30_000
POINT = {"N": "70B", "D": "100T", "P": "3"}
#: what axe-core calls worse than a blemish
SERIOUS = ("serious", "critical")
QUIET = [
    "--disable-background-networking", "--disable-component-update", "--disable-default-apps", "--disable-sync",
    "--no-first-run", "--disable-gpu",
]  # fmt: skip


@dataclass
class Visit:
    """A page that is open, and what went wrong in it: errors of its console, requests for anything but itself."""

    page: Any
    wrong: list[str] = field(default_factory=list)

    def answer(self, part: str) -> str:
        return str(self.page.locator(f"#answer [data-part={part}]").first.inner_text())

    def ready(self) -> Visit:
        self.page.wait_for_selector("html[data-ready]", timeout=PATIENT)
        return self

    def settled(self, part: str, text: str) -> None:
        playwright.expect(self.page.locator(f"#answer [data-part={part}]").first).to_have_text(text, timeout=PATIENT)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    try:
        program = installed()
    except OutsideError:
        pytest.skip("no Chromium, Chrome or Edge is installed: the report's page cannot be opened")
    root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=program, args=[*QUIET, *root])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Fits and their pages: qid.nc, qid.html, chinchilla.html, both.html."""
    home = tmp_path_factory.mktemp("report")
    first = qid()
    first.save(home / "qid.nc")
    for name, fits in {"qid": [first], "chinchilla": [chinchilla()], "both": [first, qid(shift=0.05)]}.items():
        (home / f"{name}.html").write_text(made_page(fits).html)
    return home


@pytest.fixture
def visit(chromium: Any, folder: Path) -> Iterator[Any]:
    """Opens a page of the folder; at the end nothing may have gone wrong in any that was opened."""
    contexts, visits = [], []

    def opened(name: str, hash: str = "", width: int = 1440, theme: str = "light") -> Visit:
        context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=theme)
        context.set_offline(True)
        contexts.append(context)
        one = Visit(context.new_page())
        context.route(lambda url: not url.startswith(("file:", "data:", "blob:")), lambda route: route.abort())
        one.page.on("request", lambda r: r.url.startswith("file:") or one.wrong.append(f"a request: {r.url}"))
        one.page.on("console", lambda m: one.wrong.append(m.text) if m.type in ("error", "warning") else None)
        one.page.on("pageerror", lambda error: one.wrong.append(str(error)))
        one.page.goto((folder / f"{name}.html").as_uri() + hash)
        visits.append(one)
        return one.ready()

    yield opened
    wrong = [text for one in visits for text in one.wrong]
    for context in contexts:
        context.close()
    assert wrong == []


def command(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    capsys.readouterr()
    assert run([*map(str, arguments), "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def predicted(folder: Path, capsys: pytest.CaptureFixture[str], point: dict[str, str]) -> dict[str, str]:
    """What `lawdsl predict` prints at a point: the intervals of the mean and of a new observation."""
    at = ",".join(f"{name}={value}" for name, value in point.items())
    (one,) = command(capsys, "predict", folder / "qid.nc", "--at", at)["points"]
    return {"mean": interval(one["lo"], one["hi"]), "new": interval(one["new_lo"], one["new_hi"])}


# --- the point that is asked for --------------------------------------------------------------------------------------


def test_by_keyboard_the_page_answers_as_the_command_line(
    visit: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = visit("qid")
    for name in ("N", "D"):
        shown.page.get_by_label(re.compile(f"^{name} ")).first.focus()
        shown.page.keyboard.press("ControlOrMeta+A")
        shown.page.keyboard.type(POINT[name])
        shown.page.keyboard.press("Tab")
        assert shown.page.evaluate("document.activeElement.id") == f"slide-{name}"  # the field, then its slider
    shown.page.focus("#slide-P")
    while float(shown.page.input_value("#slide-P")) > 3:
        shown.page.keyboard.press("ArrowLeft")
    while float(shown.page.input_value("#slide-P")) < 3:
        shown.page.keyboard.press("ArrowRight")
    assert shown.page.input_value("#field-P") == "3"
    expected = predicted(folder, capsys, POINT)
    shown.settled("mean", expected["mean"])
    assert shown.answer("new") == expected["new"]
    said = shown.page.inner_text("#answer")
    assert "4.4 decades above the data in N, 6.5 decades above the data in D" in said
    assert "nothing in the data tests that" in said


def test_by_mouse_the_page_answers_as_the_command_line(
    visit: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = visit("qid", "#N=70B")

    def drag(name: str, wanted: float) -> None:
        slide = shown.page.locator(f"#slide-{name}")
        slide.scroll_into_view_if_needed()
        box = slide.bounding_box()
        low, high, now = (float(slide.get_attribute(key) or slide.input_value()) for key in ("min", "max", "value-now"))
        thumb = 18  # the width of style.css; its middle is where the value is

        def x(value: float) -> float:
            return box["x"] + thumb / 2 + (box["width"] - thumb) * (value - low) / (high - low)

        shown.page.mouse.move(x(now), box["y"] + box["height"] / 2)
        shown.page.mouse.down()
        shown.page.mouse.move(x((now + wanted) / 2), box["y"] + box["height"] / 2)
        shown.page.mouse.move(x(wanted), box["y"] + box["height"] / 2)
        shown.page.mouse.up()

    drag("D", 14.0)  # log10 of 100T
    drag("P", 3.0)
    assert [shown.page.input_value(f"#field-{name}") for name in ("D", "P")] == ["100T", "3"]
    expected = predicted(folder, capsys, POINT)
    shown.settled("mean", expected["mean"])
    assert shown.answer("new") == expected["new"]


def test_a_typed_text_that_is_no_number_is_told_and_changes_nothing(visit: Any) -> None:
    shown = visit("qid")
    before = shown.answer("mean")
    shown.page.fill("#field-N", "70 billion")
    shown.page.press("#field-N", "Tab")
    assert shown.page.get_attribute("#field-N", "aria-invalid") == "true"
    assert "7B or 100T" in shown.page.inner_text("#hint-N")
    assert shown.answer("mean") == before


def test_a_level_of_a_factor_and_of_the_intervals_are_chosen(
    visit: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = visit("qid", "#N=1M&D=10M&P=3")
    shown.page.select_option("[data-factor=run]", "100k-s0")
    shown.page.select_option("#level", "0.5")
    (one,) = command(capsys, "predict", folder / "qid.nc", "--at", "N=1M,D=10M,P=3,run=100k-s0", "--level", "0.5")[
        "points"
    ]
    shown.settled("mean", interval(one["lo"], one["hi"]))
    assert "Among the rows." in shown.page.inner_text("#answer")


def test_the_curve_stands_under_its_rows_and_the_ground_beyond_is_named(visit: Any) -> None:
    shown = visit("qid", "#N=70B&D=100T&P=3&against=D")
    shown.settled("median", shown.answer("median"))
    assert "beyond the data" in shown.page.inner_html("#curve")
    assert shown.page.locator("#curve svg[role=img]").get_attribute("aria-label").startswith("Curve of dL against D")
    assert shown.page.locator("#curve circle").count() > 250


# --- questions, scenarios, links --------------------------------------------------------------------------------------


def test_a_question_is_answered_live_as_the_command_line_answers_it(
    visit: Any, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = visit("qid")
    given = {"N": "7B", "P": "4", "q": "0.3"}
    form = shown.page.locator("[data-question=tokens_at]")
    for name, value in given.items():
        form.locator(f"[data-given={name}]").fill(value)
    at = ",".join(f"{name}={value}" for name, value in given.items())
    told = command(capsys, "ask", folder / "qid.nc", "tokens_at", "--given", at)["answers"]["D"]
    expected = f"D = {middle(told['median'], told['lo'], told['hi'])} tokens, 90 % {interval(told['lo'], told['hi'])}."
    playwright.expect(form.locator("output")).to_have_text(expected, timeout=PATIENT)
    form.locator("[data-given=q]").fill("a lot")
    playwright.expect(form.locator("output")).to_contain_text("numbers are written", timeout=PATIENT)


def test_pinned_scenarios_stand_side_by_side_and_the_link_restores_all_of_it(visit: Any) -> None:
    shown = visit("qid", "#N=7B&D=100T&P=4")
    shown.page.click("#pin")
    shown.page.fill("#field-P", "3")
    shown.page.press("#field-P", "Enter")
    shown.page.click("#pin")
    shown.page.fill("#field-N", "70B")
    shown.page.press("#field-N", "Enter")
    shown.page.select_option("#against", "D")
    rows = shown.page.locator("#scenarios tbody tr")
    playwright.expect(rows).to_have_count(3, timeout=PATIENT)
    said = [text.replace("\u00a0", " ") for text in rows.locator("th").all_inner_texts()]
    assert said == ["current: N = 70B, D = 100T, P = 3", "N = 7B, D = 100T, P = 4", "N = 7B, D = 100T, P = 3"]
    table, link = shown.page.inner_text("#scenarios"), shown.page.evaluate("linkOf(state)")
    again = visit("qid", "#" + link.partition("#")[2])
    assert again.page.inner_text("#scenarios") == table
    assert again.page.input_value("#against") == "D"
    again.page.locator("#scenarios button", has_text="Remove").first.click()
    playwright.expect(again.page.locator("#scenarios tbody tr")).to_have_count(2, timeout=PATIENT)


def test_the_address_follows_what_the_reader_sets(visit: Any) -> None:
    shown = visit("qid")
    shown.page.fill("#field-D", "100T")
    shown.page.press("#field-D", "Enter")
    playwright.expect(shown.page).to_have_url(re.compile("D=100000000000000"), timeout=PATIENT)


def test_a_link_that_says_nonsense_changes_nothing(visit: Any) -> None:
    shown = visit("qid", "#%E0%A4%A=1")
    before = shown.page.evaluate("JSON.stringify(state)")
    for nonsense in (
        "N=-3&D=abc&P=",
        "level=7&against=constructor",
        "run=<b>&response=toString",
        "__proto__=1",
        "x&y=%",
    ):
        shown.page.evaluate("(hash) => { readHash('#' + hash); showControls(); draw(); }", nonsense)
        assert shown.page.evaluate("JSON.stringify(state)") == before


# --- two fits ---------------------------------------------------------------------------------------------------------


def test_two_fits_answer_in_one_explorer(visit: Any) -> None:
    shown = visit("both", "#N=70B&D=100T&P=3")
    playwright.expect(shown.page.locator("#answer .told")).to_have_count(2, timeout=PATIENT)
    first, second = shown.page.locator("#answer [data-part=median]").all_inner_texts()
    assert float(second) > float(first)  # whose exponent of tokens is the larger one
    assert shown.page.locator("#curve svg[role=img] path").count() >= 6


def test_a_backtested_fit_says_how_such_forecasts_fared(visit: Any) -> None:
    shown = visit("chinchilla", "#N=10M&D=200M")
    said = shown.page.inner_text("#answer")
    assert "intervals covered" in said and "widened by the law's own error" in said
    assert "not to be believed" in said
    assert "63 of 4 cuts" in shown.page.inner_text("#backtests")


# --- for everyone -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [1440, 390])
def test_an_accessibility_checker_finds_nothing_serious(visit: Any, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    shown = visit("qid", "#N=70B&D=100T&P=3&pin=N%3D7B", width=width)
    shown.page.wait_for_selector("html[data-drawn]", timeout=PATIENT)
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width  # nothing sticks out of a phone
    for theme in ("light", "dark"):
        shown.page.emulate_media(color_scheme=theme)
        rules = {"runOnly": ["color-contrast"]} if theme == "dark" else {}  # a theme is colours alone
        told = axe.Axe().run(shown.page, options={"resultTypes": ["violations"], **rules}).response["violations"]
        found = [one for one in told if one["impact"] in SERIOUS]
        assert [(theme, one["id"], one["nodes"][0]["html"][:200]) for one in found] == []


def test_the_theme_is_the_readers(visit: Any) -> None:
    shown = visit("qid", theme="dark")
    ground = "getComputedStyle(document.body).backgroundColor"
    dark = shown.page.evaluate(ground)
    shown.page.click("#theme")
    assert shown.page.evaluate(ground) != dark
    assert shown.page.inner_text("#theme") == "Dark"


def test_a_screen_reader_hears_the_answer_once_and_not_every_step(visit: Any) -> None:
    shown = visit("qid")
    playwright.expect(shown.page.locator("#spoken")).to_contain_text("90 % interval", timeout=PATIENT)  # as it opened
    shown.page.evaluate("speak('')")
    shown.page.evaluate(
        "heard = []; new MutationObserver(() => heard.push(byId('spoken').textContent))"
        ".observe(byId('spoken'), { childList: true, subtree: true, characterData: true })"
    )
    shown.page.focus("#slide-D")
    for _ in range(8):
        shown.page.keyboard.press("ArrowRight")
    playwright.expect(shown.page.locator("#spoken")).to_contain_text("90 % interval", timeout=PATIENT)
    assert len(shown.page.evaluate("heard")) == 1
    assert "tokens" in shown.page.get_attribute("#slide-D", "aria-valuetext")


def test_every_figure_is_drawn_and_named(visit: Any) -> None:
    shown = visit("qid")
    shown.page.wait_for_selector("html[data-drawn]", timeout=PATIENT)
    for kind, least in (("panels", 3), ("residuals", 5), ("pairs", 15), ("checks", 2)):
        figures = shown.page.locator(f"[data-figure={kind}] svg")
        assert figures.count() >= least
        assert all(one.get_attribute("aria-label") for one in figures.all())


def test_the_page_prints(chromium: Any, folder: Path, tmp_path: Path) -> None:
    found = print_pdf((folder / "qid.html").read_text(), tmp_path / "out" / "qid.pdf")
    content = found.read_bytes()
    assert content.startswith(b"%PDF-") and len(content) > 50_000
    assert [path.name for path in found.parent.iterdir()] == ["qid.pdf"]
