#!/usr/bin/env python3
"""What a day's training is worth: yesterday's model as it is, going on for a few epochs, training afresh, on the events after today.

    Benchmarks/daily.py [--interactions FILE --items FILE] [--yesterday 0.9] [--today 0.95] [--epochs 20] [--more 1 3]
                        [--config FILE] [--set KEY=VALUE ...] [--more-set KEY=VALUE ...] [--ranks 2] [--precise PROGRAM]
                        [--folder FOLDER] [--seeds 1] [--days 1]

Cuts raw events in time: those before the share --yesterday make yesterday's data set and model; those up to --today come by
`prepare --append`; the first event after that of every user who has one before is the test. All models are evaluated on the same data
set. Without files it makes up a world. Rows: yesterday's model as it is (`train --from`, no epoch), gone on for --more epochs, afresh
for as many, afresh for --epochs; with --days, also gone on day by day, appending and training on each. Seconds are of the whole
command; core seconds say more on a busy machine, with --ranks 1. Standard library only.
"""
import argparse, csv, gzip, json, os, pathlib, resource, shutil, subprocess, sys, tempfile, time

CONFIG = """seed: 1
model: {id_dim: 32, semantic_dim: 32, experts: 4, active_experts: 2, layers: 2, heads: 2, length: 50, dropout: 0.2}
batch: {users: 64}
universal: {epochs: 20, negatives: all, token_freeze: 0.5}
checkpoint: {every_steps: null, keep_last: 1}
evaluation: {every_epochs: 1}
log: {tensorboard: false}
"""


def rows_of(path):
    """The header and the rows of a CSV file, compressed or not."""
    with (gzip.open if str(path).endswith(".gz") else open)(path, "rt", newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        return next(reader), list(reader)


def cut(path, folder, shares):
    """Writes the events before and from the first cut on, and those between two cuts as a day each; the times of the cuts."""
    header, rows = rows_of(path)
    place = header.index("timestamp")
    times = sorted(float(row[place]) for row in rows)
    cuts = [times[int(share * len(times))] for share in shares]
    spans = {"yesterday": (float("-inf"), cuts[0]), "today": (cuts[0], float("inf"))}
    spans.update({f"day{number}": span for number, span in enumerate(zip(cuts, cuts[1:]), 1)})
    for name, (start, end) in spans.items():
        with open(folder / f"{name}.csv", "w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            writer.writerows(row for row in rows if start <= float(row[place]) < end)
    return cuts


class Bench:
    def __init__(self, options, folder, config):
        self.options, self.folder, self.config = options, folder, config

    def run(self, *words):
        """Runs a command; the seconds that passed, and those that cores were busy with it."""
        start, busy = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([str(self.options.precise), *map(str, words), "--quiet"], check=True, stdout=subprocess.DEVNULL)
        usage = resource.getrusage(resource.RUSAGE_CHILDREN)
        return time.monotonic() - start, usage.ru_utime + usage.ru_stime - busy.ru_utime - busy.ru_stime

    def train(self, name, data, epochs, seed, *words, settings=()):
        out = self.folder / name
        shutil.rmtree(out, ignore_errors=True)
        sets = [f"universal.epochs={epochs}", f"seed={seed}", *self.options.set, *settings]
        return self.run("train", "--config", self.config, "--data", data, "--out", out, "--ranks", self.options.ranks,
                        *[word for setting in sets for word in ("--set", setting)], *words)

    def evaluate(self, name):
        """The test metrics of all users."""
        self.run("evaluate", self.folder / name, "--phase", "universal", "--split", "test")
        return json.loads((self.folder / name / "evaluation.json").read_text())["universal"]["test"]["all"]

    def result(self, name):
        """The step that the run's result is of, and of how many."""
        paths = (self.folder / name).glob("checkpoints/universal/step-*/manifest.json")
        manifests = [json.loads(path.read_text()) for path in paths]
        best = max(manifests, key=lambda manifest: (manifest.get("score") or 0, -manifest["step"]))
        return f"{best['step']} of {best['steps']}"


def measure(bench, seed):
    """Trains everything with a seed; (row, epochs, seconds, metrics, step of the result) each."""
    options, folder = bench.options, bench.folder
    bench.train("yesterday", folder / "before", options.epochs, seed)
    start = ["--from", folder / "yesterday"]
    kinds = [("yesterday's model as it is", 0, start, ())]
    for epochs in options.more:
        kinds.append(("going on", epochs, start, options.more_set))
        kinds.append(("afresh", epochs, [], ()))
    kinds.append(("afresh", options.epochs, [], ()))
    if options.days > 1:
        seconds = chain(bench, seed)
        words = ["--from", folder / f"run{options.days - 1}"]
        last = bench.train("run", folder / "after", options.more[0], seed, *words, settings=options.more_set)
        total = [seconds[index] + last[index] for index in (0, 1)]
        yield f"going on, {options.days} days", options.more[0], total, bench.evaluate("run"), bench.result("run")
    for kind, epochs, words, settings in kinds:
        seconds = bench.train("run", folder / "after", epochs, seed, *words, settings=settings)
        yield kind, epochs, seconds, bench.evaluate("run"), bench.result("run")


def chain(bench, seed):
    """Goes on day by day until the last, which all models share; the seconds of its trainings."""
    options, folder = bench.options, bench.folder
    total, run = [0, 0], "yesterday"
    for day in range(1, options.days):
        seconds = bench.train(f"run{day}", folder / f"data{day}", options.more[0], seed, "--from", folder / run,
                              settings=options.more_set)
        total, run = [total[index] + seconds[index] for index in (0, 1)], f"run{day}"
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--interactions", help="CSV with user,item,timestamp; default: a made-up world")
    parser.add_argument("--items", help="CSV with item,text")
    parser.add_argument("--yesterday", type=float, default=0.9, help="share of the events that yesterday's model knows")
    parser.add_argument("--today", type=float, default=0.95, help="share of the events that come before the test")
    parser.add_argument("--epochs", type=int, default=20, help="of a whole training")
    parser.add_argument("--more", type=int, nargs="+", default=[1, 3], help="epochs to go on for")
    parser.add_argument("--config", help="a configuration file; default: one of this command's own")
    parser.add_argument("--set", nargs="+", default=[], help="configuration keys of every training")
    parser.add_argument("--more-set", nargs="+", default=[], help="configuration keys of going on alone")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1])
    parser.add_argument("--days", type=int, default=1, help="days that today's events are cut into for going on day by day")
    parser.add_argument("--ranks", type=int, default=2)
    parser.add_argument("--precise", default=pathlib.Path(__file__).resolve().parent.parent / ".build/release/precise")
    parser.add_argument("--folder", help="where to work; default: a temporary folder")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        folder = pathlib.Path(folder)
        if options.config:
            config = pathlib.Path(options.config)
        else:
            config = folder / "config.yaml"
            config.write_text(CONFIG)
        bench = Bench(options, folder, config)
        interactions, items = options.interactions, options.items
        if not interactions:
            bench.run("synth", "--out", folder / "raw", "--users", 6000, "--items", 2000, "--events", 40, "--days", 60)
            interactions, items = folder / "raw/interactions.csv", folder / "raw/items.csv"
        share = (options.today - options.yesterday) / options.days
        cuts = cut(interactions, folder, [options.yesterday + share * day for day in range(options.days + 1)])
        texts = ["--items", items] if items else []
        bench.run("prepare", "--interactions", folder / "yesterday.csv", *texts, "--out", folder / "before",
                  "--split", f"time:{cuts[0]:.6f}")
        append = bench.run("prepare", "--append", folder / "before", "--interactions", folder / "today.csv", *texts,
                           "--out", folder / "after", "--split", f"time:{cuts[-1]:.6f}")
        last, names = "before", ["before", "after"]
        for day in range(1, options.days):
            bench.run("prepare", "--append", folder / last, "--interactions", folder / f"day{day}.csv", *texts,
                      "--out", folder / f"data{day}", "--split", f"time:{cuts[day]:.6f}")
            last = f"data{day}"
            names.append(last)
        for name in names if items else ():
            bench.run("encode", folder / name, "--dim", 64)
        before, after = (json.loads((folder / name / "manifest.json").read_text()) for name in ("before", "after"))
        print(f"yesterday: {before['users']:,} users, {before['items']:,} items, {before['events']:,} events; with today: "
              f"{after['users']:,} users, {after['items']:,} items, {after['split']['training']:,} training events, "
              f"{after['split']['test']:,} users with a test event; appended in {append[0]:.1f} s; load {os.getloadavg()[0]:.1f}")
        print("seed  model                        epochs  seconds  core s  recall@10  ndcg@10  result's step")
        for seed in options.seeds:
            for kind, epochs, seconds, metrics, step in measure(bench, seed):
                print(f"{seed:4}  {kind:27}  {epochs:6}  {seconds[0]:7.0f}  {seconds[1]:6.0f}  {metrics['recall@10']:9.4f}"
                      f"  {metrics['ndcg@10']:7.4f}  {step}", flush=True)


main()
