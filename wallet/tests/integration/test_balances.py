"""Bank Balances, one wallet, and setting what it holds."""

import csv
import html
import io
import re
import sys

import pytest

from wallet import __version__
from wallet.ledger.ids import new_wallet_id
from wallet.ledger.money import CURRENCIES
from wallet.pages import forms
from wallet.pages.statement import harmless
from wallet.storage import errors as failures
from wallet.web import service
from wallet.web.service import service_of

from ..browsing import Visitor, error_of, forms_in, text_of

pytestmark = pytest.mark.one_engine

HOSTILE = "<script>alert('1')</script>\"&amp;{{7*7}}"


@pytest.fixture
def visitor(app):
    """Someone at this machine."""
    return Visitor(app.test_client())


@pytest.fixture
def wallet(visitor):
    """A wallet with a hundred rand."""
    wallet = visitor.make_wallet()
    visitor.set_balance(wallet, "100")
    return wallet


def history_of(visitor, wallet):
    """Amounts and balances, newest first, as the page has them."""
    page = visitor.read(f"/wallets/{wallet}")
    cells = re.findall(r'class="(?:amount|after)">([^<]*)<', page)
    plain = [cell.replace("\u00a0", " ") for cell in cells]
    return list(zip(plain[::2], plain[1::2], strict=True))


def test_a_first_visit_is_one_sentence_and_one_button(visitor):
    """The button makes a wallet and shows it."""
    page = visitor.read("/")
    assert page.count("<button>") == 1
    assert "There is no wallet yet" in page
    assert re.search(r'name="name" value="My wallet"[^>]* autofocus', page)
    assert '<option value="ZAR" selected>ZAR \u2013 South African rand' in page
    made = visitor.fill("/", "/wallets", name="Everyday")
    assert made.status_code == 303
    shown = text_of(visitor.read(made.location))
    assert "Everyday is ready" in shown
    assert "R 0.00" in shown
    assert "Nothing has happened here yet." in shown


def test_bank_balances_show_every_wallet_and_the_total_of_each_currency(visitor):
    """A wallet without a name is called by the end of its id."""
    made = [visitor.make_wallet(name) for name in ("Ada", "")]
    visitor.make_wallet("Coins", "BTC")
    visitor.set_balance(made[0], "1 000,50")
    visitor.set_balance(made[1], "0.50")
    shown = text_of(visitor.read("/"))
    assert "Ada Wallet …" in shown
    assert f"Wallet …{made[1][-6:]} ZAR R 0.50" in shown
    assert "In total South African rand R 1 001.00" in shown
    assert "All wallets" not in shown
    visitor.set_balance(visitor.make_wallet("Trip", "EUR"), "1 200")
    shown = text_of(visitor.read("/"))
    assert "All wallets R 1 001.00 + EUR 1 200.00" in shown
    assert "In total Euro EUR 1 200.00 South African rand R 1 001.00" in shown


def test_many_wallets_are_shown_page_by_page(visitor, local):
    """The total counts those of every page."""
    made = [local.create(name=f"Box {number:02}") for number in range(51)]
    local.deposit(made[50], 7)
    first = visitor.read("/")
    (more,) = re.findall(r'href="([^"]*)">More wallets', first)
    second = visitor.read(html.unescape(more))
    links = [re.findall(r'href="/wallets/(\w+)"', page) for page in (first, second)]
    assert links == [made[:50], made[50:]]
    for page in (first, second):
        assert "South African rand R 7.00" in text_of(page)
    assert 'href="/">First wallets' in second
    assert "More wallets" not in second
    assert visitor.get("/?after=x").status_code == 400


def test_wallets_are_found_and_put_in_order(visitor, local):
    """By name unless asked otherwise; archived ones when they are asked for."""
    old = {name: local.create(name=name) for name in ("Rent", "groceries", "Away")}
    local.deposit(old["Rent"], 5)
    local.deposit(old["groceries"], 7)
    away = local.client.patch(f"/v1/wallets/{old['Away']}", json={"archived": True})
    assert away.status_code == 200

    def named(query):
        page = visitor.read(f"/{query}")
        return re.findall('class="name"><bdi>([^<]+)<', page)

    assert named("") == ["groceries", "Rent"]
    assert named("?order=balance") == ["groceries", "Rent"]
    assert named("?order=created") == ["Rent", "groceries"]
    assert named("?order=recent") == ["groceries", "Rent"]
    assert local.deposit(old["Rent"], 1).status_code == 201
    assert named("?order=recent") == ["Rent", "groceries"]
    assert named("?archived=true") == ["Away", "groceries", "Rent"]
    assert named("?text=REN&utm_source=x") == ["Rent"]
    assert "No wallet matches." in visitor.read("/?text=zzz")
    for wrong in ("?order=x", "?archived=x", "?limit=0", f"?text={'x' * 201}"):
        assert visitor.get(f"/{wrong}").status_code == 400


def test_an_address_that_ends_in_a_slash_leads_to_the_same_page(visitor, wallet):
    """The pages', that is; the interface for programs is exact."""
    for path in ("/transfer/", "/pay/", f"/wallets/{wallet}/"):
        assert visitor.read(path) != ""
    assert visitor.get("/v1/wallets/").status_code == 404


@pytest.mark.parametrize(
    ("name", "currency"), [("x" * 201, "ZAR"), ("a\tb", "ZAR"), ("Ada", "XXX")]
)
def test_a_wallet_that_cannot_be_is_refused_with_a_sentence(visitor, name, currency):
    """What was typed is kept, and no wallet is made."""
    visitor.make_wallet("One")
    answer = visitor.fill("/", "/wallets", name=name, currency=currency)
    assert answer.status_code == 400
    assert error_of(answer).endswith(".")
    assert name in answer.text
    assert visitor.read("/").count('class="name"') == 1


def test_making_a_wallet_twice_with_one_form_makes_one(visitor):
    """A double click is one wallet; the same form with another name is refused."""
    form = visitor.hidden("/", "/wallets") | {"name": "Ada", "currency": "ZAR"}
    first, second = visitor.send("/wallets", form), visitor.send("/wallets", form)
    assert first.location == second.location
    other = visitor.send("/wallets", form | {"name": "Bob"})
    assert other.status_code == 422
    assert "sent before with something else in it" in error_of(other)
    assert 'value="Bob"' in other.text
    assert visitor.read("/").count('class="name"') == 1


FAILURES = [
    (failures.OutcomeUnknown(), "It is not known whether this was done."),
    (failures.NotWritten(), "The service cannot do this now."),
]


def losing(writer, failure):
    """Fail, and if nobody knows what became of it, do it all the same."""
    submit = writer.submit

    def lose(submission):
        if isinstance(failure, failures.OutcomeUnknown):
            submit(submission)
        raise failure

    return lose


@pytest.mark.parametrize(("failure", "told"), FAILURES)
def test_a_new_wallet_may_be_asked_for_again_after_a_failure(
    visitor, monkeypatch, failure, told
):
    """The form keeps its key, name and currency, so it makes one."""
    form = visitor.hidden("/", "/wallets") | {"name": "Zoe", "currency": "EUR"}
    writer = service_of(visitor.client.application).writer
    with monkeypatch.context() as broken:
        broken.setattr(writer, "submit", losing(writer, failure))
        answer = visitor.send("/wallets", form)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert error_of(answer).startswith(told)
    assert 'value="Zoe"' in answer.text
    assert '<option value="EUR" selected>' in answer.text
    again = forms_in(answer.text)["/wallets"]
    assert again["key"] == form["key"]
    made = visitor.send("/wallets", form | again)
    assert made.status_code == 303
    assert visitor.read("/").count('class="name"') == 1
    assert "EUR 0.00" in text_of(visitor.read(made.location))


def test_what_is_not_known_stays_so_where_no_page_can_be_made(
    visitor, wallet, monkeypatch
):
    """The database is away: nobody is told that nothing was written."""
    page = f"/wallets/{wallet}"
    form = visitor.hidden(page, f"{page}/balance") | {"balance": "130"}
    writer = service_of(visitor.client.application).writer
    lose = losing(writer, failures.OutcomeUnknown())

    def fail(*_arguments):
        raise failures.NotWritten

    def go_away(submission):
        broken.setattr(service, "find_wallet", fail)
        lose(submission)

    with monkeypatch.context() as broken:
        broken.setattr(writer, "submit", go_away)
        answer = visitor.send(f"{page}/balance", form)
    assert (answer.status_code, answer.mimetype) == (503, "text/html")
    assert "It is not known whether this was done" in answer.text
    assert "it will be done only once" in error_of(answer)
    assert visitor.send(f"{page}/balance", form).status_code == 303
    assert history_of(visitor, wallet)[0] == ("+R 30.00", "R 130.00")
    assert len(history_of(visitor, wallet)) == 2


def test_setting_the_balance_writes_the_difference(visitor, wallet):
    """A deposit or a withdrawal, with the newest entry first."""
    answer = visitor.set_balance(wallet, "250,50")
    assert (answer.status_code, answer.location) == (303, f"/wallets/{wallet}")
    assert "Saved: R 150.50 added." in text_of(visitor.read(answer.location))
    visitor.set_balance(wallet, "300")
    assert history_of(visitor, wallet)[:2] == [
        ("+R 49.50", "R 300.00"),
        ("+R 150.50", "R 250.50"),
    ]


def test_a_balance_falls_only_when_that_was_looked_at(visitor, wallet):
    """A zero too few, and Enter: nothing is taken out before it is confirmed."""
    visitor.set_balance(wallet, "250,50")
    answer = visitor.set_balance(wallet, "R 50")
    assert answer.status_code == 303
    review = answer.location
    shown = text_of(visitor.read(review))
    assert "Set the balance to R 50.00?" in shown
    told = "Taken out R 200.50 Balance before R 250.50 Balance after R 50.00"
    assert told in shown
    assert len(history_of(visitor, wallet)) == 2
    form = visitor.hidden(review, review)
    for _ in range(2):
        answer = visitor.send(review, form)
        assert (answer.status_code, answer.location) == (303, f"/wallets/{wallet}")
    assert "Saved: R 200.50 taken out." in text_of(visitor.read(answer.location))
    assert "Done already" in visitor.read(review)
    assert history_of(visitor, wallet) == [
        ("\u2212R 200.50", "R 50.00"),
        ("+R 150.50", "R 250.50"),
        ("+R 100.00", "R 100.00"),
    ]


def test_what_is_below_zero_has_a_true_minus_everywhere(visitor, local):
    """In sentences and fields, too; and so it can be typed."""
    wallet = local.create(name="Ada", floor="-100")
    assert local.withdraw(wallet, 50).status_code == 201
    page = f"/wallets/{wallet}"
    late = visitor.hidden(page, f"{page}/balance")
    assert visitor.set_balance(wallet, "\u2212R 40,00").status_code == 303
    stale = visitor.send(f"{page}/balance", late | {"balance": "-R 30"})
    assert stale.status_code == 412
    assert "from \u2212R 50.00 to \u2212R 40.00" in error_of(stale)
    review = visitor.set_balance(wallet, "-60").location
    paths = ("/", page, f"{page}/settings", f"{page}/holds", f"{page}/entries/1")
    for path in (*paths, review, f"{page}/import", f"/pay?from={wallet}"):
        shown = visitor.read(path).replace("\u00a0", " ")
        assert "\u2212R " in shown, path
        assert "-R " not in shown, path


def test_the_same_balance_again_writes_nothing(visitor, wallet):
    """It is said, and no entry is made."""
    answer = visitor.set_balance(wallet, "100.00")
    assert answer.status_code == 303
    assert "nothing was written" in visitor.read(answer.location)
    assert len(history_of(visitor, wallet)) == 1


@pytest.mark.parametrize(
    ("typed", "status"),
    [("", 400), ("1,234", 400), ("9" * 99, 400), ("-1", 422), (HOSTILE, 400)],
)
def test_a_balance_that_cannot_be_is_refused_and_kept(visitor, wallet, typed, status):
    """The field has what was typed, and nothing is written."""
    answer = visitor.set_balance(wallet, typed)
    assert answer.status_code == status
    assert error_of(answer).endswith(".")
    assert 'aria-invalid="true" autofocus' in answer.text
    assert "<script>alert" not in answer.text
    assert re.search(r'name="balance"\s+value="([^"]*)"', answer.text)[1][:4] in (
        typed[:4].replace("<", "&lt;")
    )
    assert history_of(visitor, wallet) == [("+R 100.00", "R 100.00")]


def test_a_later_tab_is_told_what_changed(visitor, wallet):
    """Nothing is written until it has been seen; then the same may be saved."""
    page = f"/wallets/{wallet}"
    late = visitor.hidden(page, f"{page}/balance")
    visitor.set_balance(wallet, "300")
    answer = visitor.send(f"{page}/balance", late | {"balance": "120"})
    assert answer.status_code == 412
    told = error_of(answer)
    assert "one entry was added" in told
    assert "from R 100.00 to R 300.00" in told
    assert 'value="120"' in answer.text
    assert len(history_of(visitor, wallet)) == 2
    # Also when the late tab wants what stood there before.
    again = visitor.send(f"{page}/balance", late | {"balance": "100"})
    assert again.status_code == 412
    visitor.confirm(visitor.set_balance(wallet, "120").location)
    assert history_of(visitor, wallet)[0] == ("\u2212R 180.00", "R 120.00")


def test_one_form_is_carried_out_once(visitor, wallet):
    """A double click saves once; the form with another balance is out of date."""
    page = f"/wallets/{wallet}"
    form = visitor.hidden(page, f"{page}/balance") | {"balance": "130"}
    sent = [visitor.send(f"{page}/balance", form).status_code for _ in range(3)]
    assert sent == [303, 303, 303]
    other = visitor.send(f"{page}/balance", form | {"balance": "140"})
    assert other.status_code == 412
    assert history_of(visitor, wallet)[0] == ("+R 30.00", "R 130.00")
    assert len(history_of(visitor, wallet)) == 2


@pytest.mark.parametrize("version", ["", "x", "*", "-1", "99", "01"])
def test_a_form_with_a_version_that_never_was_is_refused(visitor, wallet, version):
    """Nothing is written."""
    answer = visitor.set_balance(wallet, "5", version=version)
    assert answer.status_code == 400
    assert history_of(visitor, wallet) == [("+R 100.00", "R 100.00")]


@pytest.mark.parametrize(("failure", "text"), FAILURES)
def test_after_a_failure_the_same_form_may_be_sent_again(
    visitor, wallet, monkeypatch, failure, text
):
    """It keeps its key and version, so whatever became of it is done once."""
    page = f"/wallets/{wallet}"
    form = visitor.hidden(page, f"{page}/balance") | {"balance": "130"}
    writer = service_of(visitor.client.application).writer
    monkeypatch.setattr(writer, "submit", losing(writer, failure))
    answer = visitor.send(f"{page}/balance", form)
    monkeypatch.undo()
    assert answer.status_code == 503
    assert answer.headers["Retry-After"]
    assert error_of(answer).startswith(text)
    for name in ("key", "version"):
        assert f'name="{name}" value="{form[name]}"' in answer.text
    assert visitor.send(f"{page}/balance", form).status_code == 303
    assert history_of(visitor, wallet)[0] == ("+R 30.00", "R 130.00")
    assert len(history_of(visitor, wallet)) == 2


def test_a_balance_is_not_set_once_the_wallet_is_archived(visitor, local):
    """The page has no form for it any more, and says why."""
    wallet = local.create(name="Ada")
    page = f"/wallets/{wallet}"
    form = visitor.hidden(page, f"{page}/balance") | {"balance": "5"}
    away = local.client.patch(f"/v1{page}", json={"archived": True})
    assert away.status_code == 200
    answer = visitor.send(f"{page}/balance", form)
    assert answer.status_code == 422
    assert error_of(answer).startswith("The wallet is archived.")
    assert local.balance(wallet) == ("0.00", 0)
    assert 'role="alert"' not in visitor.read(page).partition('id="filter"')[0]


def test_what_was_done_is_not_called_undone_if_it_cannot_be_read(
    visitor, wallet, monkeypatch
):
    """The database goes away as soon as it is written, and is away when it is repeated.

    The first answer is known from the writing; for the second, the entry is read.
    """
    page = f"/wallets/{wallet}"
    form = visitor.hidden(page, f"{page}/balance") | {"balance": "130"}
    lookup = forms.find_entry

    def fail(store, wallet_id, version):
        if version == 2:
            raise failures.NotWritten
        return lookup(store, wallet_id, version)

    with monkeypatch.context() as broken:
        broken.setattr(forms, "find_entry", fail)
        assert visitor.send(f"{page}/balance", form).status_code == 303
        answer = visitor.send(f"{page}/balance", form)
    assert answer.status_code == 503
    assert error_of(answer).startswith("It is not known whether this was done.")
    assert visitor.send(f"{page}/balance", form).status_code == 303
    assert len(history_of(visitor, wallet)) == 2


def test_the_history_is_read_page_by_page(visitor, local):
    """Fifty to a page; the oldest page leads nowhere further."""
    wallet = local.create()
    for amount in range(1, 52):
        local.deposit(wallet, amount)
    newest = visitor.read(f"/wallets/{wallet}")
    oldest = visitor.read(f"/wallets/{wallet}?before=2")
    assert newest.count('class="date"') == 50
    assert f"/wallets/{wallet}?before=2" in newest
    assert "Older" not in oldest
    assert oldest.count('class="date"') == 1
    assert 'id="latest"' not in oldest
    assert "nothing older" in visitor.read(f"/wallets/{wallet}?before=1")
    assert visitor.get(f"/wallets/{wallet}?before=x").status_code == 400


def test_more_of_the_history_can_be_asked_for_to_print_it(visitor, local):
    """The pages that follow are as long."""
    wallet = local.create()
    for amount in range(1, 52):
        local.deposit(wallet, amount)
    assert f"/wallets/{wallet}?limit=500" in visitor.read(f"/wallets/{wallet}")
    whole = visitor.read(f"/wallets/{wallet}?limit=500")
    assert whole.count('class="date"') == 51
    assert "?limit=2&amp;before=50" in visitor.read(f"/wallets/{wallet}?limit=2")
    assert visitor.get(f"/wallets/{wallet}?limit=501").status_code == 400


def test_the_history_names_whom_money_went_to_and_came_from(visitor, local):
    """Both sides of a transfer lead to the other wallet; times say their zone."""
    ada, bob = local.create(name="Ada"), local.create()
    local.deposit(ada, 5)
    local.transfer(ada, bob, 2, note="lunch")
    assert f'To <a href="/wallets/{bob}"><bdi>Wallet …{bob[-6:]}</bdi></a>' in re.sub(
        r"\s+", " ", visitor.read(f"/wallets/{ada}")
    )
    other = visitor.read(f"/wallets/{bob}")
    assert f'From <a href="/wallets/{ada}"><bdi>Ada</bdi></a>' in other
    assert "(SAST)" in other
    assert re.search(r'<time datetime="20[^"]+Z">20\d\d-\d\d-\d\d \d\d:\d\d<', other)


def test_every_page_says_which_version_of_the_program_it_is(visitor, wallet):
    """Also one with forms that carry a version of their own."""
    for path in ("/", f"/wallets/{wallet}", "/transfer"):
        assert f"Version {__version__}<" in visitor.read(path)


def test_hostile_names_and_notes_are_text(visitor, local):
    """On every page that shows them, whatever they contain."""
    ada, bob = local.create(name=HOSTILE), local.create(name=HOSTILE)
    local.deposit(ada, 5, note=HOSTILE)
    local.transfer(ada, bob, 2)
    form = {"from": ada, "to": bob, "amount": "1", "note": HOSTILE}
    review = visitor.fill("/transfer", "/transfer", **form).location
    refused = visitor.fill("/transfer", "/transfer", **form | {"amount": HOSTILE})
    paths = ("/", f"/wallets/{ada}", f"/wallets/{bob}", "/transfer", "/pay", review)
    for page in (*map(visitor.read, paths), refused.text):
        assert "&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;" in page
        assert "<script>" not in page
        assert "{{7*7}}" in page


TURNING = "\u202e\u05d0da\u2069"


def test_names_and_notes_turn_nothing_around_them(app, visitor, local):
    """On every page that shows them, each stands by itself."""
    ada, bob = local.create(name=TURNING), local.create(name=TURNING)
    assert local.deposit(ada, 5, note=TURNING).status_code == 201
    assert local.transfer(ada, bob, 2).status_code == 201
    form = {"from": ada, "to": bob, "amount": "1", "note": TURNING}
    review = visitor.fill("/transfer", "/transfer", **form).location
    refused = visitor.fill("/transfer", "/transfer", **form | {"amount": "x"}).text
    made = visitor.fill("/", "/wallets", name=TURNING, currency="ZAR").location
    ready = visitor.read(made)
    unnamed = visitor.fill("/", "/wallets", name=TURNING * 100, currency="ZAR").text
    pages = {
        "/": 3,
        f"/wallets/{ada}": 4,
        f"/wallets/{bob}": 3,
        "/transfer": 6,
        "/pay": 3,
        review: 3,
        # Its title, its heading, and that it is ready.
        made: 3,
    }
    told = {path: visitor.read(path) for path in pages} | {made: ready}
    for path, page in told.items():
        alone = page.count("<bdi>\u202e\u05d0da</bdi>")
        marked = page.count("\u2068\u202e\u05d0da\u2069")
        found = page.count("\u05d0da")
        assert (alone + marked, found) == (found, pages[path]), path
    for page in (refused, unnamed):
        fields = re.findall(r"<input[^>]*\u05d0da[^>]*>", page)
        assert ['dir="auto"' in field for field in fields] == [True]


def test_every_currency_can_be_set_and_shown(visitor):
    """What is shown can be pasted back."""
    for currency in CURRENCIES:
        wallet = visitor.make_wallet("", currency)
        answer = visitor.set_balance(wallet, f"{currency} 1 234")
        assert answer.status_code == 303
        ((amount, balance),) = history_of(visitor, wallet)
        assert amount == f"+{balance}"
        assert visitor.set_balance(wallet, balance).status_code == 303
        assert len(history_of(visitor, wallet)) == 1


def test_an_unknown_wallet_is_a_page_that_says_so(visitor):
    """Whether its id could be one or not."""
    for wallet in (new_wallet_id(), "w_1", "<b>"):
        answer = visitor.get(f"/wallets/{wallet}")
        assert answer.status_code == 404
        assert answer.mimetype == "text/html"
        assert "There is no such wallet" in answer.text


def test_the_statement_has_every_entry_exactly(visitor, local, monkeypatch):
    """All parts of it, with CRLF, and text that cannot run in a spreadsheet."""
    monkeypatch.setattr(sys.modules[harmless.__module__], "_PART", 2)
    ada, bob = local.create(), local.create()
    notes = ['=HYPERLINK("http://x")', "+1", "-1", "@SUM(1)", 'a "b", c', "Zoë", None]
    for note in notes:
        local.deposit(ada, "92233720368547.01", note=note)
    local.transfer(ada, bob, "0.50")
    answer = visitor.get(f"/wallets/{ada}/statement.csv")
    assert answer.content_type == "text/csv; charset=utf-8"
    name = rf"attachment; filename=wallet-{ada[-6:]}-\d{{4}}-\d\d\.csv"
    assert re.fullmatch(name, answer.headers["Content-Disposition"])
    assert answer.content_length == len(answer.data)
    assert answer.text.count("\r\n") == len(notes) + 3
    head, *rows, end = csv.reader(io.StringIO(answer.text, newline=""), strict=True)
    assert head == [
        *("Entry", "Date (SAST)", "Kind", "Amount (ZAR)", "Balance (ZAR)"),
        *("Note", "Payee", "Other wallet", "Its name"),
    ]
    assert end == ["End", "", "", "", "", "8 entries", "", "", ""]
    assert [row[0] for row in rows] == ["8", "7", "6", "5", "4", "3", "2", "1"]
    assert rows[0][2:] == [
        "transfer",
        "-0.50",
        "645636042579828.57",
        *("", "", bob, ""),
    ]
    assert [row[5] for row in rows[:0:-1]] == [
        *('\'=HYPERLINK("http://x")', "'+1", "'-1", "'@SUM(1)"),
        *('a "b", c', "Zoë", ""),
    ]


@pytest.mark.parametrize("begin", "=+-@\t\r\n")
def test_text_of_a_statement_cannot_run(begin):
    """A quotation mark in front makes it text in every spreadsheet."""
    assert harmless(f"{begin}1") == f"'{begin}1"
    assert harmless(f"1{begin}") == f"1{begin}"


@pytest.mark.parametrize("sign", "=+-@\uff1d\uff0b\uff0d\uff20")
@pytest.mark.parametrize("between", [*";,|\t", "; ", ';"', "; '", ";;", ', "'])
def test_no_part_of_a_text_can_run_where_a_separator_would_begin_a_cell(sign, between):
    """As after the semicolon of a=;1+1 where a comma is the decimal sign."""
    separator, rest = between[0], between[1:]
    if rest.startswith(separator):
        separator, rest = between, ""
    told = harmless(f"a{between}{sign}1+1")
    assert told == f"a{separator}'{rest}{sign}1+1"
    assert harmless(f" {sign}1") == f"' {sign}1"


@pytest.mark.parametrize(
    "unseen", "\u200b\u200d\u202e\u2066\ufeff\u00ad\ufe0f\U000e0020"
)
def test_what_is_not_seen_before_a_sign_lets_no_text_run(unseen):
    """It may be dropped where the file is read, or turn the text around."""
    for begun in (unseen, f" {unseen}", f"{unseen} '{unseen}"):
        assert harmless(f"{begun}=1+1") == f"'{begun}=1+1"
        assert harmless(f"a|{begun}=1+1") == f"a|'{begun}=1+1"
    assert harmless(f"{unseen}a = 1") == f"{unseen}a = 1"


@pytest.mark.parametrize("text", ["a; b, c", "Rent; 2026-11", "a = b", "x@y.example"])
def test_a_text_that_cannot_run_stays_as_it_is(text):
    """Signs within a part are only signs."""
    assert harmless(text) == text


def test_the_statement_of_an_empty_wallet_has_its_heading_and_its_end(visitor):
    """An unknown wallet has none."""
    wallet = visitor.make_wallet("", "JPY")
    assert visitor.read(f"/wallets/{wallet}/statement.csv") == (
        "Entry,Date (SAST),Kind,Amount (JPY),Balance (JPY),"
        "Note,Payee,Other wallet,Its name\r\n"
        "End,,,,,0 entries,,,\r\n"
    )
    assert visitor.get(f"/wallets/{new_wallet_id()}/statement.csv").status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        *("/", "/transfer", "/wallets/{}", "/wallets/{}/statement.csv"),
        *("/wallets/{}/holds", "/review/x"),
    ],
)
def test_a_query_that_is_not_utf_8_is_refused(visitor, wallet, path):
    """By every page, as by the interface."""
    query = {"QUERY_STRING": "text=\xed\xa0\x80"}
    answer = visitor.client.get(
        path.format(wallet), environ_overrides=query, headers={"Accept": "text/html"}
    )
    assert (answer.status_code, answer.mimetype) == (400, "text/html")
    assert error_of(answer) == "Query is not UTF-8"


def test_a_form_whose_query_is_not_utf_8_writes_nothing(visitor, wallet):
    """It is refused before anything is done."""
    page = f"/wallets/{wallet}"
    form = visitor.hidden(page, f"{page}/balance") | {"balance": "130"}
    answer = visitor.client.post(
        f"{page}/balance",
        data=form,
        base_url=visitor.address,
        environ_overrides={"QUERY_STRING": "limit=\xed\xa0\x80"},
    )
    assert answer.status_code == 400
    assert history_of(visitor, wallet) == [("+R 100.00", "R 100.00")]
