"""The chart as it is seen: nothing touches, at any width, in any theme, on paper."""

import re
from dataclasses import replace

import pytest
from playwright.sync_api import expect
from sqlalchemy import insert

from wallet.api.answers import freeze
from wallet.clock import now_us
from wallet.ledger.commands import Kind, Submission
from wallet.ledger.ids import new_operation_id
from wallet.prices.rates import PAIR
from wallet.storage.side_tables import rates
from wallet.writer import Writer

from ..actions import a_submission, create_wallet
from .test_browser_access import SEEN
from .test_browser_access import judge as judge
from .test_browser_pages import press, set_balance

DAY = 24 * 60 * 60 * 1_000_000
SIDES = ("top", "right", "bottom", "left")
LARGEST = "92233720368547758.07"
#: How old each move is, in days, and what it is.
JOURNALS = {
    "one": [(0, "12500.00")],
    "flat": [(90, "1.00")],
    "below": [(40, "50.00"), (15, "-400.00"), (3, "-900.00"), (1, "1500.00")],
    "huge": [(400, LARGEST), (12, "-0.01"), (4, "-40000000000000000.00")],
    "nearly flat": [(400, LARGEST[:-2] + "00"), (3, "0.07")],
}
#: Pairs of labels that touch each other, or stand outside of the window.
TOUCHING = """[...document.querySelectorAll(".panel")].flatMap((panel) => {
    const boxes = [...panel.querySelectorAll("text")]
        .map((text) => text.getBoundingClientRect())
        .filter((box) => box.width > 0);
    return boxes.filter((one, place) =>
        one.left < 0 || one.right > innerWidth || boxes.slice(place + 1).some((other) =>
            one.left < other.right && other.left < one.right &&
            one.top < other.bottom && other.top < one.bottom));
}).length"""


@pytest.fixture
def wallets(live):
    """Wallets with histories of all kinds, and prices with a gap."""
    store = live.store
    start, clock = now_us(), {}
    writer = Writer(store, freeze, lambda: clock["now"])
    made = {}
    for name, moves in JOURNALS.items():
        clock["now"] = start - moves[0][0] * DAY
        made[name] = create_wallet(writer, name=name, floor_minor=-(10**9))
        for age, amount in moves:
            clock["now"] = start - age * DAY
            kind = Kind.WITHDRAWAL if amount.startswith("-") else Kind.DEPOSIT
            writer.submit(a_submission(made[name], kind, amount.lstrip("-")))
    writer.stop()
    rows = [
        {"pair": PAIR, "at_us": start - age * DAY // 2, "price": f"{1_200_000 + age}.5"}
        for age in (*range(1, 9), *range(15, 99))
    ]
    with store.transaction() as connection:
        connection.execute(insert(rates), rows)
    return made


@pytest.mark.slow
@pytest.mark.parametrize("name", JOURNALS)
def test_no_labels_touch_and_nothing_scrolls_sideways(live, tab, wallets, name):
    """Whatever the amounts, in every range, at any width, and with the table open."""
    for chosen in ("day", "month", "year", "all"):
        tab.goto(f"{live.url}/wallets/{wallets[name]}?range={chosen}")
        tab.locator(".points summary").click()
        expect(tab.locator(".points table")).to_be_visible()
        expect(tab.locator(".plot").first).to_be_visible()
        for width in (1280, 900, 375, 320):
            tab.set_viewport_size({"width": width, "height": 800})
            assert tab.evaluate(TOUCHING) == 0, (tab.url, width)
            assert tab.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("scheme", "width"), SEEN)
def test_axe_finds_nothing_wrong_with_a_chart(live, tab, judge, wallets, scheme, width):
    """In both themes, with a gap, below zero, and with its table."""
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 800})
    for name in ("one", "below"):
        tab.goto(f"{live.url}/wallets/{wallets[name]}?range=month")
        tab.locator(".points summary").click()
        assert judge(tab) == []
    tab.goto(live.url)
    assert judge(tab) == []


def test_the_lines_differ_from_the_page_in_both_themes(live, tab, wallets):
    """The line is drawn in the accent, which text is legible in."""
    tab.goto(f"{live.url}/wallets/{wallets['below']}")
    stroke = "getComputedStyle(document.querySelector('.panel .line')).stroke"
    for scheme, color in (
        ("light", "rgb(11, 107, 67)"),
        ("dark", "rgb(111, 216, 163)"),
    ):
        tab.emulate_media(color_scheme=scheme)
        assert tab.evaluate(stroke) == color
    # Dark or not, it is printed dark on light.
    tab.emulate_media(media="print", color_scheme="dark")
    assert tab.evaluate(stroke) == "rgb(11, 107, 67)"
    expect(tab.locator(".plot")).to_have_count(2)
    expect(tab.locator(".plot").first).to_be_visible()
    for hidden in (".ranges", ".points"):
        expect(tab.locator(hidden)).to_be_hidden()


def test_a_range_is_chosen_with_a_link(live, visit, wallets):
    """With and without a script; setting the balance keeps it, and draws it anew."""
    tab = visit(f"{live.url}/wallets/{wallets['one']}")
    expect(tab.locator(".ranges [aria-current]")).to_have_text("Day")
    tab.get_by_role("link", name="All", exact=True).click()
    expect(tab.locator(".ranges [aria-current]")).to_have_text("All")
    set_balance(tab, "20 000")
    expect(tab.locator("#chart")).to_contain_text("highest R\u00a020\u00a0000.00")
    expect(tab.locator(".ranges [aria-current]")).to_have_text("All")
    tab.get_by_role("link", name="Bank Balances").click()
    tab.get_by_label("Name").fill("New")
    press(tab, "Make wallet")
    expect(tab.locator(".plot")).to_have_count(0)
    set_balance(tab, "5")
    expect(tab.locator(".plot").first).to_be_visible()


def test_each_point_tells_its_value_under_the_pointer(live, visit, wallets):
    """With and without a script, over the whole height of the chart."""
    tab = visit(f"{live.url}/wallets/{wallets['below']}?range=month")
    plot = tab.locator(".plot").first
    for across, told in ((0.2, "R\u00a050.00"), (0.97, "R\u00a0250.00")):
        room = plot.bounding_box()
        for down in (0.1, 0.6):
            plot.hover(
                position={"x": across * room["width"], "y": down * room["height"]}
            )
            expect(plot.locator("rect:hover title")).to_contain_text(told)


#: How near each other the texts of a row come, in pixels, and the words that break.
ROWS = """[...document.querySelectorAll("#history tbody tr")].flatMap((row) => {
    const boxes = [...row.cells].map((cell) => {
        const all = document.createRange();
        cell.querySelectorAll(".unseen").forEach((text) => text.remove());
        all.selectNodeContents(cell);
        return [...all.getClientRects()].filter((box) => box.width > 1);
    });
    const kind = row.querySelector(".whom").firstChild;
    const word = document.createRange();
    word.selectNodeContents(kind);
    return [
        ...boxes.flatMap((one, place) => boxes.slice(place + 1).flat().filter((b) =>
            one.some((a) => a.left < b.right + 8 && b.left < a.right + 8 &&
                a.top < b.bottom - 2 && b.top < a.bottom - 2)).map(() => "near")),
        ...(word.getClientRects().length > 1 ? ["broken"] : []),
        ...boxes.flat().filter((box) =>
            box.left < 0 || box.right > innerWidth).map(() => "cut off"),
    ];
})"""


#: What can be scrolled sideways.
SCROLLED = """[...document.querySelectorAll("#history, #chart")]
    .filter((part) => part.scrollWidth > part.clientWidth)
    .map((part) => [part.id, part.scrollWidth, part.clientWidth])"""


WIDTHS = (1280, 1160, 1100, 1024, 900, 896, 700, 600, 500, 375)


# On a wide screen the table scrolls where amounts are as large as can be.
@pytest.mark.parametrize(("name", "widths"), [("below", WIDTHS), ("huge", WIDTHS[2:])])
def test_rows_never_run_together_nor_break_a_word(live, tab, wallets, name, widths):
    """Without notes, at every width and with the largest amounts."""
    tab.goto(f"{live.url}/wallets/{wallets[name]}")
    for width in widths:
        tab.set_viewport_size({"width": width, "height": 800})
        assert tab.evaluate(ROWS) == [], width
        scrolled = tab.evaluate(SCROLLED)
        assert scrolled == [], width


def test_five_hundred_entries_are_printed_on_few_pages(live, tab):
    """As a table with its headings on each page, not as on a phone."""
    store = live.store
    writer = Writer(store, freeze, now_us)
    wallet = create_wallet(writer)
    commands = [
        replace(command, operation_id=new_operation_id(), note=note)
        for note in ("groceries at the corner shop", None) * 250
        for command in a_submission(wallet, Kind.DEPOSIT, "1234.56").commands
    ]
    writer.submit(Submission(tuple(commands), wallet))
    writer.stop()
    tab.goto(f"{live.url}/wallets/{wallet}?limit=500")
    expect(tab.locator("#history tbody tr")).to_have_count(500)
    printed = tab.pdf(format="A4", margin=dict.fromkeys(SIDES, "12mm"))
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    assert 8 <= pages <= 13
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": 700, "height": 1000})
    display = "getComputedStyle(document.querySelector('#history thead')).display"
    assert tab.evaluate(display) == "table-header-group"
