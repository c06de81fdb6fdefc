"""Statements of banks: told first, then written once, whole or not at all."""

import threading
import time
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from wallet import create_app
from wallet.api.answers import freeze
from wallet.audit.verify import verify
from wallet.clock import shown_in
from wallet.imports.commands import PREFIX
from wallet.imports.statement import MOST_LINES
from wallet.storage.queries import list_entries
from wallet.web.service import service_of

from ..actions import Wallets, in_thread, until

STATEMENTS = Path(__file__).parent / "statements"
#: What each file makes of an empty wallet, and how many of its lines are movements.
FILES = {
    "debit_credit.csv": ("18320.35", 6),
    "semicolons.csv": ("7664.55", 4),
    "signed.csv": ("3275.60", 5),
}
TWO = b"Date,Amount,Note\n2026-01-05,10,a\n2026-01-06,-4,b\n"


def file_of(*lines, head="Date,Amount,Note"):
    return "\n".join((head, *lines)).encode()


def history(caller, wallet):
    """Every entry, the oldest first: its day in South Africa, amount and note."""
    store = service_of(caller.client.application).store
    found = list_entries(store, wallet, 500, None)[::-1]
    return [(each.at_us, each.amount_minor, each.note, each.payee) for each in found]


@pytest.mark.parametrize("name", FILES)
def test_what_a_bank_hands_out_is_told_and_then_written_once(local, name):
    """The dry run writes nothing, the import what it told, the next one nothing."""
    file, (balance, movements) = (STATEMENTS / name).read_bytes(), FILES[name]
    wallet = local.create(floor="-2000")
    told = local.bring_in(wallet, file, "?dry_run=true")
    assert (told.status_code, local.balance(wallet)) == (200, ("0.00", 0))
    assert (told.json["balance_before"], told.json["balance_after"]) == (
        "0.00",
        balance,
    )
    done = local.bring_in(wallet, file, **{"If-Match": told.headers["ETag"]})
    assert (done.status_code, local.balance(wallet)) == (201, (balance, movements))
    assert done.headers["ETag"] == f'"{movements}"'
    first, second = told.json, done.json
    written = [row.pop("operation") for row in second["taken"]]
    assert {row.pop("operation") for row in first["taken"]} == {None}
    assert first == second
    again = local.bring_in(wallet, file)
    assert (again.status_code, local.balance(wallet)) == (200, (balance, movements))
    assert [row["operation"] for row in again.json["known"]] == written
    assert again.json["taken"] == []
    store = service_of(local.client.application).store
    assert verify(store, freeze=freeze).entries == movements


def test_a_movement_keeps_its_day_note_and_payee(local):
    """Its time is the first moment of that day by the clocks of the service."""
    wallet = local.create()
    assert local.bring_in(wallet, (STATEMENTS / "semicolons.csv").read_bytes())
    _, rent, coffee, _ = local.get(f"/v1/wallets/{wallet}/entries").json["entries"][
        ::-1
    ]
    assert rent["at"] == "2026-11-02T22:00:00.000000Z"
    assert (rent["note"], rent["payee"]) == ("Huur", "Huis; tuin en Kie")
    assert (coffee["note"], coffee["payee"]) == ('Café "Die Son"', None)
    assert coffee["kind"] == "withdrawal"


def test_statements_that_overlap_count_once(local):
    """Equal lines of one file are two movements, in the next file as well."""
    wallet = local.create()
    october = ["2026-10-01,100,pay", "2026-10-31,-5,tea", "2026-10-31,-5,tea"]
    assert local.bring_in(wallet, file_of(*october)).status_code == 201
    both = [*october, "2026-10-31,-5,tea", "2026-11-01,-1,bun"]
    answer = local.bring_in(wallet, file_of(*both[::-1]))
    assert answer.status_code == 201
    assert [row["note"] for row in answer.json["taken"]] == ["tea", "bun"]
    assert len(answer.json["known"]) == 3
    assert local.balance(wallet) == ("84.00", 5)


def test_a_line_that_is_refused_refuses_all(local):
    """Every one is told with its number and reason, and nothing is written."""
    wallet = local.create()
    assert local.bring_in(wallet, file_of("2026-03-01,50,start")).status_code == 201
    file = file_of(
        *("2026-03-02,10.00,good", "2026-02-30,1,x", "2026-03-03,ten,x"),
        *("2026-02-01,5,early", "2099-01-01,5,late", "2026-03-04,-70,much"),
        *("2026-03-05,1.005,fine", "2026-03-05,1,a,b", ",3,x"),
    )
    told = local.bring_in(wallet, file, "?dry_run=true")
    answer = local.bring_in(wallet, file)
    assert (told.status_code, answer.status_code) == (200, 422)
    assert answer.json["type"] == "/problems/import-refused"
    assert answer.json["count"] == told.json["refused_count"] == 8
    assert answer.json["lines"] == told.json["refused"]
    assert {each["line"]: each["reason"] for each in answer.json["lines"]} == {
        3: "“2026-02-30” is no date",
        4: "“ten” is no amount in ZAR",
        5: "2026-02-01 counts from 00:00, before the wallet's last entry"
        " at 2026-03-01 00:00:00+02:00",
        6: "2099-01-01 lies in the future",
        7: "the wallet has too little available",
        8: "“1.005” is no amount in ZAR",
        9: "has more cells than there are columns",
        10: "has no date",
    }
    assert [row["note"] for row in told.json["taken"]] == ["good"]
    assert local.balance(wallet) == ("50.00", 1)


@pytest.mark.one_engine
@pytest.mark.parametrize(
    "line", ["2026-02-30,1,x", "2026-01-03,ten,x", "2026-01-03,1,a,b"]
)
def test_a_single_line_that_cannot_be_read_refuses_all(local, line):
    """However good the others are."""
    wallet = local.create()
    answer = local.bring_in(wallet, TWO + line.encode())
    assert (answer.status_code, answer.json["count"]) == (422, 1)
    assert answer.json["lines"][0]["line"] == 4
    assert local.balance(wallet) == ("0.00", 0)


def test_what_only_the_rules_refuse_is_told_and_nothing_is_kept(local):
    """Once there is enough money, the same file is taken."""
    wallet = local.create()
    file = file_of("2026-01-05,10,a", "2026-01-06,-11,b", "2026-01-07,5,c")
    answer = local.bring_in(wallet, file)
    assert (answer.status_code, answer.json["count"]) == (422, 1)
    assert answer.json["lines"][0]["line"] == 3
    assert local.balance(wallet) == ("0.00", 0)
    changed = local.client.patch(f"/v1/wallets/{wallet}", json={"floor": -1})
    assert changed.status_code == 200
    assert local.bring_in(wallet, file).status_code == 201
    assert local.balance(wallet) == ("4.00", 3)


def test_at_most_a_hundred_lines_are_told(local):
    """With a count of them all."""
    wallet = local.create()
    answer = local.bring_in(wallet, file_of(*["2026-01-05,-1,x"] * 120))
    assert (answer.status_code, answer.json["count"]) == (422, 120)
    assert len(answer.json["lines"]) == 100
    assert local.balance(wallet) == ("0.00", 0)


def test_a_decision_that_is_out_of_date_is_refused(local):
    """Whatever changed the wallet since the dry run, unless it was this very file."""
    wallet = local.create()
    tag = local.bring_in(wallet, TWO, "?dry_run=true").headers["ETag"]
    assert local.bring_in(wallet, file_of("2026-01-01,1,x")).status_code == 201
    for query in ("", "?dry_run=true"):
        stale = local.bring_in(wallet, TWO, query, **{"If-Match": tag})
        assert stale.status_code == 412
        assert local.balance(wallet) == ("1.00", 1)
    assert local.bring_in(wallet, TWO, **{"If-Match": '"1"'}).status_code == 201
    assert local.bring_in(wallet, TWO, **{"If-Match": '"1"'}).status_code == 200
    assert local.balance(wallet) == ("7.00", 3)


@pytest.mark.parametrize(
    ("file", "said"),
    [
        (b"", "names its columns"),
        (b"when,what\n1,2\n", "names its columns"),
        (b"\x81\x8d,\n", "must be text"),
        (b'Date,Amount\n2026-01-01,"5\n2026-01-02,6\n', "in quotes"),
        (file_of(*["2026-01-01,1"] * (MOST_LINES + 1)), "has more than"),
    ],
)
def test_what_is_no_statement_is_malformed(local, file, said):
    """It is said why; a cell that is not closed never swallows what follows."""
    wallet = local.create()
    answer = local.bring_in(wallet, file)
    assert (answer.status_code, answer.json["field"]) == (400, "body")
    assert said in answer.json["detail"]
    assert local.balance(wallet) == ("0.00", 0)


def test_a_file_without_movements_changes_nothing(local):
    """Its lines are told as skipped."""
    wallet = local.create()
    answer = local.bring_in(wallet, file_of("Total,5,", "2026-01-01,0.00,fee"))
    assert (answer.status_code, answer.json["taken"]) == (200, [])
    assert [each["line"] for each in answer.json["skipped"]] == [2, 3]
    assert local.balance(wallet) == ("0.00", 0)


def test_only_the_operator_brings_in_text_of_csv(operator, stranger):
    """Neither the wallet's own key, nor another type, nor an odd parameter."""
    made = operator.post("/v1/wallets", {}).json
    owner = Wallets(stranger.client, made["key"])
    assert owner.bring_in(made["id"], TWO).status_code == 403
    assert stranger.bring_in(made["id"], TWO).status_code == 401
    path = f"/v1/wallets/{made['id']}/imports"
    assert operator.post(path, {}).status_code == 415
    for query in ("?dry_run=1", "?dry_run=yes", "?dryrun=true"):
        assert operator.bring_in(made["id"], TWO, query).status_code == 400
    assert operator.bring_in(made["id"], b" " * (2**20 + 1)).status_code == 413
    assert operator.balance(made["id"]) == ("0.00", 0)
    assert operator.bring_in(made["id"], TWO).status_code == 201


def test_an_import_is_looked_up_by_its_key(local):
    """The keys are of this service: no client has one by accident."""
    wallet = local.create()
    taken = local.bring_in(wallet, TWO).json["taken"]
    store = service_of(local.client.application).store
    keys = store.reader.rows("SELECT key FROM operations ORDER BY at_us, id")
    for row, (key,) in zip(taken, keys, strict=True):
        assert key.startswith(PREFIX)
        found = local.get(f"/v1/operations?wallet={wallet}&key={key}")
        assert found.json["operation"] == row["operation"]


def test_two_who_bring_in_one_file_at_once_write_it_once(database_url, local, tmp_path):
    """Each in an application of its own, with a door of its own."""
    wallet = local.create()
    lines = [f"2026-01-{day:02},{day},x" for day in range(1, 29) for _ in range(20)]
    other = create_app({"DATABASE_URL": database_url, "HOME": str(tmp_path)})
    try:
        pairs = [
            in_thread(caller.bring_in, wallet, file_of(*lines))
            for caller in (local, Wallets(other.test_client()))
        ]
        for thread, _ in pairs:
            thread.join(60)
        answers = [answer for _, (answer,) in pairs]
    finally:
        service_of(other).close()
    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert local.balance(wallet) == ("8120.00", 560)
    taken, known = sorted((a.json for a in answers), key=lambda j: len(j["known"]))
    assert taken["known"] == []
    assert known["known"] == taken["taken"]
    assert known["balance_before"] == known["balance_after"] == "8120.00"


def test_two_who_bring_in_one_file_in_one_batch_write_it_once(app, local, monkeypatch):
    """The second is told what the first wrote, and what the wallet holds by now."""
    wallet, other = local.create(), local.create()
    service, opened, loads = service_of(app), threading.Event(), []
    load = service.store.load

    def wait(*asked):
        loads.append(asked)
        assert opened.wait(60)
        return load(*asked)

    monkeypatch.setattr(service.store, "load", wait)
    calls = [in_thread(Wallets(app.test_client()).deposit, other, 1)]
    try:
        until(lambda: bool(loads))
        for _ in range(2):
            calls.append(in_thread(Wallets(app.test_client()).bring_in, wallet, TWO))
        until(lambda: service.writer.line.commands == 4)
    finally:
        opened.set()
    for thread, _ in calls:
        thread.join(60)
    answers = [answer for _, (answer,) in calls[1:]]
    assert sorted(answer.status_code for answer in answers) == [200, 201]
    assert len(loads) == 2
    assert {answer.headers["ETag"] for answer in answers} == {'"2"'}
    known, taken = (a.json for a in sorted(answers, key=lambda a: a.status_code))
    assert known["known"] == taken["taken"]
    assert (known["refused"], known["taken"]) == ([], [])
    assert known["balance_before"] == known["balance_after"] == "6.00"
    assert local.balance(wallet) == ("6.00", 2)


@pytest.mark.one_engine
def test_the_moment_of_the_last_entry_is_told_to_a_movement_of_the_same_day(local):
    """By the clocks of the service; its own moment is the first of the day."""
    wallet = local.create()
    assert local.deposit(wallet, 5).status_code == 201
    ((at_us, *_),) = history(local, wallet)
    moment = shown_in(ZoneInfo("Africa/Johannesburg"), at_us)
    answer = local.bring_in(wallet, file_of(f"{moment:%Y-%m-%d},1,x"))
    assert (answer.status_code, answer.json["count"]) == (422, 1)
    why = (
        f"{moment:%Y-%m-%d} counts from 00:00, before the wallet's last entry"
        f" at {moment:%Y-%m-%d %H:%M:%S}+02:00"
    )
    assert answer.json["lines"] == [{"line": 2, "reason": why}]
    assert local.balance(wallet) == ("5.00", 1)


@pytest.mark.one_engine
def test_a_movement_that_only_the_balance_shows_is_not_left_out(local):
    """The file is refused whole, with the line."""
    wallet = local.create()
    lines = ["2026-01-01,100,a,100", "2026-01-02,,fee,90"]
    file = file_of(*lines, head="Date,Amount,Note,Balance")
    answer = local.bring_in(wallet, file)
    assert (answer.status_code, answer.json["count"]) == (422, 1)
    why = "has no amount, but its balance is 90.00, and was 100.00"
    assert answer.json["lines"] == [{"line": 3, "reason": why}]
    assert local.balance(wallet) == ("0.00", 0)


@pytest.mark.one_engine
def test_an_amount_that_no_balance_can_be_is_told_with_its_line(local):
    """The sum of an amount and its fee, too."""
    wallet = local.create()
    file = file_of("2026-01-01,-92233720368547758.07,0.01", head="Date,Amount,Fee")
    answer = local.bring_in(wallet, file)
    assert (answer.status_code, answer.json["count"]) == (422, 1)
    why = "its amount is larger than a balance can ever be"
    assert answer.json["lines"] == [{"line": 2, "reason": why}]
    assert local.balance(wallet) == ("0.00", 0)


@pytest.mark.one_engine
def test_a_file_that_can_be_read_in_two_ways_is_malformed(local):
    """It is said which of its amounts can."""
    wallet = local.create(currency="KWD")
    file = file_of("2026-01-01,12,a", '2026-01-02,"1,500",b')
    answer = local.bring_in(wallet, file)
    assert (answer.status_code, answer.json["field"]) == (400, "body")
    assert "“1,500”, which can be read in two ways" in answer.json["detail"]
    assert local.balance(wallet) == ("0.000", 0)


@pytest.mark.slow
def test_ten_thousand_lines_are_one_transaction(local):
    """Long before the request's time is over."""
    wallet = local.create()
    lines = [f"2026-01-{1 + n // 400:02},1.00,Shop number {n}" for n in range(10_000)]
    began_s = time.process_time()
    assert local.bring_in(wallet, file_of(*lines)).status_code == 201
    assert (
        time.process_time() - began_s
        < service_of(local.client.application).settings.wait_timeout_ms / 1000
    )
    assert local.balance(wallet) == ("10000.00", 10_000)
