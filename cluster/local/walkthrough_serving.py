#!/usr/bin/env python3
"""Makes the second half of docs/walkthrough.md: who brings the data, and who serves what was made, with what their commands printed.

    cluster/local/walkthrough_serving.py [--precise PROGRAM] [--work FOLDER] [--out docs] [--without-bare] [--without-clone]

Every command is run as it stands there, in one folder, and what stands below it is what it printed. Needs PyPI for the readers of tables
and the search libraries, root and debootstrap for the bare system, Swift for the clone; some fifteen minutes on two cores. Ends with 1
when a command does not end as the page says. The first half is walkthrough.py's.
"""
from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from walkthrough import ROOT, SECOND_HALF, Fault, Walk, between, matching, shorter

REQUIREMENTS = ["parquet/requirements.txt", "parquet/requirements-test.txt", "serving/requirements-test.txt"]
DAYS = 10


def tables(walk: Walk) -> None:
    walk.say("""
## Who brings the data

Events as Spark writes them: a folder of Parquet, parted by time, its parts by pandas, polars, DuckDB and pyarrow in turn, each with the
types and codecs that it likes. Items with a category and a price bucket. Vectors of the titles, as an embedding API returns them.
""")
    walk.run("precise synth --out raw/ --kind growing --users 10000 --items 8000 --events 13 --quiet", name="precise synth")
    walk.run("python shop_tables.py raw/ shop/", name="the shop's tables")
    walk.run("find shop -type f | sort | sed -n '1,7p;$p'", name="find")
    walk.say("""
Parquet is read through Arrow, which one command brings. Until then a sentence says so.
""")
    walk.run("precise prepare --interactions shop/events/ --out dataset/", status=65, keep=matching("^precise:"), name="without the library")
    walk.run("cluster/parquet/install.sh", keep=matching("reads and writes"), name="cluster/parquet/install.sh")
    walk.run("precise prepare --interactions shop/events/ --items shop/items.parquet --out dataset/ --split time:2024-04-25 --min-item-events 1 "
             "--columns user=uid,item=sku,timestamp=happened,behavior=kind,scene=page,text=title,features=category+price_bucket",
             keep=lambda lines: [line for line in lines if not line.startswith("reading")][:14], name="precise prepare, from Parquet")
    walk.say("The same events as CSV give the same data set, but for what the items file adds:")
    walk.run("precise prepare --interactions raw/interactions.csv --items raw/items.csv --out dataset-csv/ --split time:2024-04-25 --min-item-events 1",
             keep=matching("data set", "split"), name="precise prepare, from CSV")
    walk.say("A vector an item takes the place of a language model's states:")
    walk.run("precise encode dataset/ --vectors shop/vectors.parquet --encoder-name shop-api", keep=matching("items, ", "next"),
             name="precise encode --vectors")
    walk.run("precise config --data dataset/ > my.yaml", name="precise config")
    walk.run("precise train --config my.yaml --data dataset/ --out run/ --set evaluation.patience=3 --quiet", name="precise train")
    walk.run("precise evaluate run/ --phase universal", keep=between("^universal, test", "^ndcg@10, all"), name="precise evaluate")


def serving(walk: Walk) -> None:
    walk.say("""
## Who serves

### Tables for everybody

An export as Parquet, and the four readers that it is for; `export.json` and `model_card.md` say where it comes from.
""")
    walk.run("precise export run/ --out embeddings/ --format parquet", name="precise export, Parquet")
    for code in ("import pandas as pd; print(pd.read_parquet('embeddings/items.parquet').shape)",
                 "import polars as pl; print(pl.read_parquet('embeddings/users.parquet').head(1))",
                 "import duckdb; print(duckdb.sql(\"select count(*), avg(len(embedding)) from 'embeddings/items.parquet'\"))",
                 "import pyarrow.parquet as pq; print(pq.read_schema('embeddings/items.parquet').remove_metadata())"):
        walk.run(f"python -c {quoted(code)}", name=code.split(";")[0])
    walk.run("sed -n '1,18p' embeddings/model_card.md", name="the model card")
    walk.say("""
### An index

Over the inner product, built for the users that ask; it says what it finds of the exact best hundred, and how fast.
""")
    walk.run("precise index run/ --out index/", name="precise index")
    walk.run("precise export run/ --out npy/ --format npy --quiet", name="precise export, NumPy")
    walk.run("python cluster/serving/faiss_index.py npy/", name="faiss")
    walk.run("python cluster/serving/hnswlib_index.py npy/ --index index/", name="hnswlib")
    walk.say("""
### Requests

A visit of nobody known, from standard input; then places by scene, a list of what is sold out, and CSV for a feed; then by the index.
""")
    some = subprocess.run(["bash", "-c", "tail -n 3 raw/interactions.csv | cut -d, -f2"], cwd=walk.work, env=walk.env, capture_output=True,
                          text=True, check=True).stdout.split()
    walk.run(f"printf '%s\\n' sku {' '.join(some)} | precise recommend run/ --events - --columns item=sku -k 5", name="precise recommend, a visit")
    walk.run(f"printf '%s\\n' {some[0]} > sold-out.txt && printf '%s\\n' sku {' '.join(some)} | precise recommend run/ --events - --columns item=sku "
             "--deny sold-out.txt --quota shop=2 --quota feed=2 --format csv", name="precise recommend, quotas")
    walk.run("cut -d, -f1 raw/interactions.csv | sed 1d | sort -u | head -n 5000 > users.txt && precise recommend run/ --users-file users.txt "
             "--index index/ --format csv > lists.csv && wc -l lists.csv", name="precise recommend, 5,000 users by the index")
    walk.run("precise recommend run/ --users-file users.txt --format csv > exact.csv && wc -l exact.csv", name="the same, exactly")
    walk.run("python cluster/python/example.py npy/ run/ dataset/", keep=shorter(16), name="Python")


def days(walk: Walk) -> None:
    walk.say(f"""
## Ten days

The same world day by day: everything before the first of {DAYS} days is history, then a file a day. `daily.py` appends, trains on,
measures today's model against yesterday's on the same events, exports, indexes, moves the link that serving reads.
""")
    (walk.work / "daily.yaml").write_text(
        "model: {id_dim: 32, semantic_dim: 32, experts: 4, active_experts: 2, layers: 2, heads: 2, length: 32, dropout: 0.1, scene_embedding: true}\n"
        "batch: {users: 128}\nuniversal: {epochs: 4, negatives: 4096}\ntargeted: []\n"
        "log: {tensorboard: false}\n")
    walk.run("cat daily.yaml", name="cat")
    code = ("import csv, datetime, sys\n"
            "rows = sorted(csv.DictReader(open('raw/interactions.csv')), key=lambda row: float(row['timestamp']))\n"
            "day = lambda row: datetime.datetime.fromtimestamp(float(row['timestamp']), datetime.timezone.utc).date().isoformat()\n"
            f"last = sorted({{day(row) for row in rows}})[-{DAYS}:]\n"
            "files = {name: [row for row in rows if day(row) == name] for name in last}\n"
            "files['history'] = [row for row in rows if day(row) < last[0]]\n"
            "for name, part in files.items():\n"
            "    with open(f'raw/events-{name}.csv' if name != 'history' else 'raw/history.csv', 'w', newline='') as file:\n"
            "        writer = csv.DictWriter(file, rows[0]); writer.writeheader(); writer.writerows(part)\n"
            "print(last[0], last[-1])\n")
    first, last = subprocess.run(["python3", "-c", code], cwd=walk.work, env=walk.env, capture_output=True, text=True, check=True).stdout.split()
    walk.run("cluster/daily/daily.py --home recsys --config daily.yaml --events 'raw/events-{day}.csv' --items raw/items.csv "
             f"--history raw/history.csv --first {first} --day {last} --keep 3", name="daily.py, ten days")
    walk.run("ls recsys recsys/data && readlink recsys/current && ls recsys/current/", name="ls")
    walk.run("cluster/daily/daily.py --home recsys --config daily.yaml --events 'raw/events-{day}.csv' --items raw/items.csv "
             f"--history raw/history.csv --first {first} --day {last} --keep 3", name="daily.py, again")


def own_log(walk: Walk) -> None:
    walk.say("""
## First recommendations from one's own CSV

With the program at hand: a shop's log of 2,000 users, from the file to a list.
""")
    walk.run("precise synth --out log/ --users 2000 --items 1000 --quiet", name="precise synth, the log")
    begun = time.monotonic()
    walk.run("precise prepare --interactions log/interactions.csv --items log/items.csv --out shop-data/ --quiet && precise encode shop-data/ --quiet && "
             "precise config --data shop-data/ > shop.yaml && precise train --config shop.yaml --data shop-data/ --out shop-run/ "
             "--set evaluation.patience=3 --quiet && precise recommend shop-run/ --user u0018 -k 5", name="from a CSV to recommendations")
    seconds = time.monotonic() - begun
    walk.say(f"From the file to the list: {seconds:.0f} s.")
    if seconds > 60:
        raise Fault(f"the first recommendations took {seconds:.0f} s")


def clone(walk: Walk) -> None:
    walk.say("From a clone, with Swift there and nothing built:")
    begun = time.monotonic()
    walk.run(f"git clone --quiet {ROOT} precise-clone && cd precise-clone && cluster/local/install.sh > install.log && "
             "swift build -c release --product precise 2>&1 | tail -n 1 && cd .. && "
             "PATH=$PWD/precise-clone/.build/release:$PATH; precise prepare --interactions log/interactions.csv --items log/items.csv --out c-data/ --quiet && "
             "precise encode c-data/ --quiet && precise config --data c-data/ > c.yaml && precise train --config c.yaml --data c-data/ --out c-run/ "
             "--set evaluation.patience=3 --quiet && precise recommend c-run/ --user u0018 -k 3", name="from a clone to recommendations")
    walk.say(f"From the clone to the list: {(time.monotonic() - begun) / 60:.1f} minutes.")


def bare(walk: Walk) -> None:
    walk.say("""
## On a bare system

The release archive, built by one script, on a Debian 12 and a Debian 13 that have MPI and zlib and nothing else.
""")
    walk.run(f"{ROOT}/cluster/release/build.sh --out release", keep=lambda lines: lines[-4:], name="cluster/release/build.sh")
    archive = next(path for path in (walk.work / "release").iterdir() if path.name.endswith(".tar.gz"))
    for system in ("debian12", "debian13"):
        walk.run(f"{ROOT}/cluster/release/try.sh release/{archive.name} {system}", keep=lambda lines: lines[:60], name=f"try.sh {system}")


ASKED = """
## What the second half was asked for

| who | what | weight | shown by |
|---|---|---|---|
| trains | ISO times, delimiter mistakes, Parquet, globs | 5 | `precise prepare` from a folder of Parquet; [data.md](data.md) has what is said of a wrong file |
| trains | a prebuilt binary, image, tags, changelog | 4 | "On a bare system"; [install.md](install.md) |
| trains | features beside text as tokens of the item | 3 | `--columns features=category+price_bucket` |
| trains | one vector an item from an embedding API | - | `precise encode --vectors` |
| serves | a user from events given now | 5 | `precise recommend --events -` |
| serves | an index over the inner product; HNSW, pgvector, Parquet | 5 | `precise index`, faiss and hnswlib; [cluster/serving](../cluster/serving/README.md) has PostgreSQL |
| serves | a day's events dropped in silence | 5 | "Ten days": the share that was used |
| serves | fresh events on the same model | 4 | `--data` of a newer data set ([serving.md](serving.md)) |
| serves | new items in `recommend`, allow and deny lists, quotas, item ids, CSV | 4 | "Requests" |
| serves | provenance, a model card | 3 | "Tables for everybody" |
"""


def quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def environment(walk: Walk, folder: pathlib.Path) -> None:
    """Python with what reads tables and searches, the project's scripts by their own names, a home without the Parquet library."""
    venv = folder / "venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    requirements = [argument for name in REQUIREMENTS for argument in ("-r", str(ROOT / "cluster" / name))]
    subprocess.run([str(venv / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *requirements,
                    str(ROOT / "cluster/python")], check=True)
    (walk.work / "cluster").symlink_to(ROOT / "cluster")
    (walk.work / "shop_tables.py").symlink_to(ROOT / "cluster/local/shop_tables.py")
    walk.env |= {"PATH": f"{venv / 'bin'}:{walk.env['PATH']}", "XDG_DATA_HOME": str(folder / "share")}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--precise", type=pathlib.Path, default=ROOT / ".build/release/precise", metavar="PROGRAM")
    parser.add_argument("--work", type=pathlib.Path, metavar="FOLDER", help="where commands run; must be empty; default: a temporary one")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "docs", metavar="FOLDER", help="where the page is")
    parser.add_argument("--without-bare", action="store_true", help="leave out the bare systems")
    parser.add_argument("--without-clone", action="store_true", help="leave out the clone")
    options = parser.parse_args()
    program, page = options.precise.resolve(), options.out / "walkthrough.md"
    if not program.exists():
        parser.error(f"there is no {program}; build it: swift build -c release")
    if not page.exists():
        parser.error(f"there is no {page}; make its first half by walkthrough.py")
    with tempfile.TemporaryDirectory(prefix="walkthrough-") as temporary:
        folder = pathlib.Path(temporary)
        work = options.work or folder / "work"
        work.mkdir(parents=True, exist_ok=True)
        if any(work.iterdir()):
            parser.error(f"{work} is not empty")
        walk = Walk(work, options.out, program)
        environment(walk, folder)
        try:
            for part, wanted in ((tables, True), (serving, True), (days, True), (own_log, True), (clone, not options.without_clone),
                                 (bare, not options.without_bare)):
                if wanted:
                    part(walk)
        except Fault as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        # Paths of this machine are nobody's business: scripts as from the repository's root, the clone from wherever it is.
        lines = [line.replace(f"{ROOT}/", "").replace(str(ROOT), "REPOSITORY").replace(f"{work}/", "").replace(str(folder), "~")
                 for line in walk.lines]
    times = "\n".join(f"| {name if not name.startswith('precise') else f'`{name}`'} | {taken:.1f} |" for name, taken in walk.times
                      if name not in ("cat", "ls", "find"))
    half = "\n".join([SECOND_HALF, "", *lines, "## Times of the second half", "", "| command | seconds |", "|---|---|", times]).rstrip() + "\n"
    first = page.read_text().split(SECOND_HALF)[0].rstrip()
    page.write_text(first + "\n\n" + half + ASKED.rstrip() + "\n")
    print(f"wrote {page}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
