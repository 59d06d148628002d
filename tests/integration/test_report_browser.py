"""The report in a browser: what a user sees, moves and clicks, without a network."""

from __future__ import annotations

import shutil
import time

import pytest

selenium = pytest.importorskip("selenium.webdriver", reason="no selenium: pip install selenium")

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
OFFLINE = "--host-resolver-rules=MAP * ~NOTFOUND"
FIRST_VIEW = """
const details = [...document.querySelectorAll("details.gene")].find((one) => one.open);
const {start, end} = splicecoreReport.views.get(Number(details.dataset.gene)).range;
return [start, end];
"""
VIEW = "const {start, end} = splicecoreReport.views.get(arguments[0]).range; return [start, end];"
DRAWN = """
const root = document.querySelector(".plot").firstElementChild;
const canvases = [];
const walk = (node) => {
  if (node.tagName === "CANVAS" && node.width) canvases.push(node);
  for (const child of [...(node.shadowRoot?.children || []), ...node.children]) walk(child);
};
walk(root);
const pixels = canvases.map((canvas) => new Set(
  new Uint32Array(canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.buffer)));
return pixels.map((colors) => colors.size);
"""

LINKS = """
return [...document.querySelectorAll("td a[data-position]")].map((a) => [+a.dataset.gene, +a.dataset.position]);
"""
SORTED = """
const table = document.querySelector("td a[data-position]").closest("table");
const heads = [...table.querySelectorAll("th")];
const column = heads.findIndex((head) => head.textContent === arguments[0]);
heads[column].click();
const cells = [...table.tBodies[0].rows].map((row) => row.cells[column].textContent);
return [heads[column].getAttribute("aria-sort"), cells];
"""


@pytest.fixture(scope="module")
def browser():
    """A headless browser without a network; skips with a reason where there is none."""
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no chromium and chromedriver: apt-get install chromium chromium-driver")
    options = selenium.ChromeOptions()
    options.binary_location = binary
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--window-size=1300,1400", OFFLINE):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = selenium.ChromeService(executable_path=driver)
    with selenium.Chrome(options=options, service=service) as opened:
        yield opened


@pytest.fixture(scope="module")
def report(bench, tmp_path_factory):
    """The report of a run of the command line."""
    output = tmp_path_factory.mktemp("report") / "run"
    bench.run(output, "--all-genes")
    done = bench.call("report", str(output), "--genes", "3")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(output / "report.html")
    return output / "report.html"


@pytest.fixture
def page(browser, report):
    """The report, opened anew; no error may be on the console afterwards."""
    browser.get_log("browser")
    browser.get(report.as_uri())
    wait(lambda: browser.execute_script("return window.splicecoreReport.views.size") == 1)
    yield browser
    assert [line for line in browser.get_log("browser") if line["level"] in ("SEVERE", "WARNING")] == []


def wait(condition, seconds: float = 20.0):
    """Wait until a condition holds; returns its value."""
    last = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < last, "waited in vain"
        time.sleep(0.05)
    return value


def find(page, selector: str):
    return page.find_elements("css selector", selector)


def test_the_first_track_is_drawn(page):
    assert len(find(page, "details.gene")) == 3
    assert len(find(page, "details.gene[open]")) == 1
    colors = wait(lambda: [size for size in page.execute_script(DRAWN) if size > 3])
    assert len(colors) >= 1
    assert find(page, "output")[0].text


def test_a_link_of_a_call_zooms_the_track_of_its_gene(page):
    links = page.execute_script(LINKS)
    genes = {gene for gene, _ in links}
    assert len(genes) > 1
    for gene in sorted(genes):
        row, position = next((row, position) for row, (own, position) in enumerate(links) if own == gene)
        page.execute_script("document.querySelectorAll('td a[data-position]')[arguments[0]].click()", row)
        start, end = page.execute_script(VIEW, gene)
        assert start < position < end
        assert end - start == pytest.approx(300)
        assert find(page, f"#gene-{gene}")[0].get_attribute("open")


def test_buttons_zoom_in_and_out_and_show_the_whole_gene(page):
    whole = page.execute_script(FIRST_VIEW)
    factors = {"0.5": 0.5, "2": 1.0, "0": 1.0}
    for name, share in factors.items():
        find(page, f'details[open] [data-zoom="{name}"]')[0].click()
        start, end = page.execute_script(FIRST_VIEW)
        assert end - start == pytest.approx(share * (whole[1] - whole[0]))
    assert page.execute_script(FIRST_VIEW) == whole


def test_wheel_drag_and_keys_move_and_zoom(page):
    from selenium.webdriver.common.action_chains import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin
    from selenium.webdriver.common.keys import Keys

    plot = find(page, ".plot")[0]
    page.execute_script("arguments[0].scrollIntoView()", plot)
    views = [page.execute_script(FIRST_VIEW)]

    def after(actions):
        actions.perform()
        views.append(page.execute_script(FIRST_VIEW))
        return views[-2][1] - views[-2][0], views[-1][1] - views[-1][0]

    origin = ScrollOrigin.from_element(plot, 0, 30)
    before, now = after(ActionChains(page).scroll_from_origin(origin, 0, -100))
    assert now == before
    page.execute_script("arguments[0].scrollIntoView()", plot)
    actions = ActionChains(page).key_down(Keys.CONTROL).scroll_from_origin(origin, 0, -100).key_up(Keys.CONTROL)
    before, now = after(actions)
    assert now == pytest.approx(0.8 * before)
    drag = ActionChains(page).move_to_element(plot).click_and_hold().move_by_offset(-100, 0).release()
    before, now = after(drag)
    assert now == pytest.approx(before)
    assert views[-1][0] > views[-2][0]
    page.execute_script("arguments[0].focus()", plot)
    before, now = after(ActionChains(page).send_keys(Keys.ARROW_LEFT))
    assert now == pytest.approx(before)
    assert views[-1][0] == pytest.approx(views[-2][0] - 0.2 * before)
    before, now = after(ActionChains(page).send_keys("+"))
    assert now == pytest.approx(before / 2)


def test_the_theme_toggles_and_keeps_the_view(page):
    color = "return getComputedStyle(document.body).backgroundColor"
    find(page, 'details[open] [data-zoom="0.5"]')[0].click()
    view, light = page.execute_script(FIRST_VIEW), page.execute_script(color)
    find(page, "#theme")[0].click()
    assert page.execute_script(color) != light
    assert page.execute_script(FIRST_VIEW) == view
    wait(lambda: [size for size in page.execute_script(DRAWN) if size > 3])
    find(page, "#theme")[0].click()
    assert page.execute_script(color) == light


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_system_s_preference_is_followed(page, scheme):
    page.execute_cdp_cmd(
        "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
    )
    dark = page.execute_script("return getComputedStyle(document.documentElement).getPropertyValue('--paper').trim()")
    assert dark == {"light": "#ffffff", "dark": "#0f1318"}[scheme]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize(("title", "key"), [("base acceptor", float), ("gene", str)])
def test_tables_sort_by_number_and_by_text_in_both_directions(page, title, key):
    for order in ("descending", "ascending"):
        state, cells = page.execute_script(SORTED, title)
        values = [key(cell) for cell in cells]
        assert state == order
        assert len(set(values)) > 1
        assert values == sorted(values, reverse=order == "descending")
