"""The dashboard for Grafana: every query runs on a real PostgreSQL with a fleet in it."""

import datetime as dt
import json
import re
from pathlib import Path

import pytest
import sqlalchemy

from inguestlib.fleet import store
from support import fleet_store

FILE = Path(__file__).resolve().parents[3] / "examples/grafana/inguest-drift.json"
DASHBOARD = json.loads(FILE.read_text())
PANELS = {panel["id"]: panel for panel in DASHBOARD["panels"]}
VARIABLES = {one["name"]: one for one in DASHBOARD["templating"]["list"]}
SINCE = fleet_store.NOW - dt.timedelta(days=8)  # steps of an hour then: midnights are among them
UNTIL = fleet_store.NOW + dt.timedelta(minutes=1)


@pytest.fixture(scope="module")
def database(postgres):
    """A filled store on PostgreSQL: ``(Store, run(sql, **variables) -> (columns, rows))``."""
    url = postgres.database()
    kept = store.open_store(url)
    fleet_store.fill(kept, hosts=5, days=12)
    engine = sqlalchemy.create_engine(url)

    def run(sql, **given):
        with engine.connect() as connection:
            result = connection.exec_driver_sql(interpolated(sql, given).replace("%", "%%"))
            return list(result.keys()), [dict(row._mapping) for row in result]

    yield kept, run
    engine.dispose()
    kept.close()


def interpolated(sql, given):
    """The query as Grafana sends it: its macros of PostgreSQL, and the variables."""
    since, until = (f"'{moment:%Y-%m-%dT%H:%M:%SZ}'" for moment in (SINCE, UNTIL))
    sql = re.sub(r"\$__timeFilter\(([\w.]+)\)", rf"\1 BETWEEN {since} AND {until}", sql)
    sql = sql.replace("$__timeFrom()", since).replace("$__timeTo()", until)
    values = {
        "host": [".*"],
        "severity": ["high", "medium", "low", "info"],
        "family": ["crypt", "dns", "drivers", "proxy", "services", "tools", "tpm"],
        **given,
    }
    for name, texts in values.items():
        quoted = ",".join("'" + text.replace("'", "''") + "'" for text in texts)
        sql = sql.replace(f"${{{name}:sqlstring}}", quoted)
    assert "$" not in sql, sql
    return sql


def query(title):
    """The query of a panel."""
    [panel] = [panel for panel in PANELS.values() if panel["title"] == title]
    return panel["targets"][0]["rawSql"]


@pytest.mark.parametrize("number", PANELS)
def test_every_query_answers(database, number):
    _kept, run = database
    panel = PANELS[number]
    for target in panel["targets"]:
        columns, rows = run(target["rawSql"])
        assert len(columns) == len(set(columns))
        if target["format"] == "time_series":
            assert columns[0] == "time" and "metric" in columns and rows
        if panel["type"] == "stat":
            assert len(rows) == len(columns) == 1
        run(target["rawSql"], host=["nobody'; DROP TABLE hosts; --"], severity=["high"])
    assert run("SELECT count(*) AS n FROM hosts")[1][0]["n"] == 5


def test_variables_that_ask_the_store(database):
    _kept, run = database
    columns, rows = run(VARIABLES["family"]["query"])
    assert columns == ["family"] and {"dns", "tools"} <= {row["family"] for row in rows}


def test_what_is_shown_is_what_the_store_says(database):
    kept, run = database
    with kept.read() as reader:
        hosts = reader.hosts()
        open_ = list(reader.intervals(open_only=True))
        daily = dict(reader.daily(SINCE, UNTIL))
    one = {title: run(query(title))[1][0] for title in ("Hosts", "Hosts with drift", "High drift")}
    assert one["Hosts"] == {"hosts": 5}
    assert one["Hosts with drift"]["hosts"] == sum(h.summary["drift"] > 0 for h in hosts)
    assert one["High drift"]["findings"] == sum(h.worst["high"] for h in hosts)

    found = run(query("Open findings"))[1]
    assert len(found) == min(500, len(open_))
    assert {(row["host"], row["control"], row["resource"]) for row in found} <= {
        (i.host, i.control, i.resource) for i in open_
    }
    order = ["high", "medium", "low", "info"]
    places = [order.index(row["severity"]) for row in found]
    assert places == sorted(places)

    at = {}
    for row in run(query("Drift over time"))[1]:
        at.setdefault(row["time"], {})[row["metric"]] = row["drift"]
    midnights = [moment for moment in at if (moment.hour, moment.minute) == (0, 0)]
    for moment in midnights:
        day = daily[(moment - dt.timedelta(seconds=1)).date()]
        assert at[moment] == {severity: n for severity, n in day.items() if n}, moment
    assert midnights

    moved = run(query("Appeared and cured, a day"))[1]
    with kept.read() as reader:
        drift = list(reader.intervals(verdicts=["drift"]))
    assert sum(row["appeared"] for row in moved) == sum(i.first_seen >= SINCE for i in drift)
    ended = [i for i in drift if i.ended and i.ended >= SINCE]
    assert sum(row["cured"] for row in moved) == len(ended) > 0


def test_it_can_be_imported():
    assert DASHBOARD["uid"] and DASHBOARD["title"] and DASHBOARD["schemaVersion"] >= 39
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    cells = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        mine = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & mine, panel["title"]
        cells |= mine
        for target in panel["targets"]:
            assert target["datasource"]["uid"] == "${store}"
    used = set(re.findall(r"\$\{(\w+)", FILE.read_text()))
    assert used == set(VARIABLES)
