"""A look at an export, a run and a data set, cell by cell (`# %%`: Jupyter, VS Code, PyCharm and Spyder run them one by one).

    python3 cluster/python/example.py embeddings/ run/ dataset/
"""
# %% What is looked at
import sys

import numpy as np

import precise_reader

paths = sys.argv[1:] if len(sys.argv) == 4 else ["embeddings/", "run/", "dataset/"]
export = precise_reader.load_export(paths[0])
metrics = precise_reader.read_metrics(paths[1])
dataset = precise_reader.load_dataset(paths[2])
titles = dict(zip(dataset.item_ids, dataset.texts))
print(f"{len(export.items)} items and {len(export.users)} users of width {export.record.width}, phase {export.record.phase}")

# %% What a user had, and what is recommended besides
user = export.users.ids[0]
events = dataset.user(user)
print(f"\nuser {user} had {len(events.items)} events, the newest:")
for item, scene, behavior in list(zip(events.items, events.scenes, events.behaviors))[:-4:-1]:
    print(f"  {dataset.behaviors[behavior]:8} in {dataset.scenes[scene]:8} {dataset.texts[item] or dataset.item_ids[item]}")
best = export.recommend(user, k=5, exclude=dataset.had(user))
print("recommended, without what the user had:")
for one in best:
    print(f"  {one.score:8.4f} {one.item:8} {titles.get(one.item, '')}")

# %% Items most like the best one
print(f"\nmost like {best[0].item} {titles.get(best[0].item, '')}:")
for one in export.similar(best[0].item, k=3):
    print(f"  {one.score:8.4f} {one.item:8} {titles.get(one.item, '')}")

# %% Many users at once
sample = export.users.ids[:100]
found = export.recommend_many(sample, k=10)
shown = {one.item for items in found for one in items}
print(f"\n{len(shown)} distinct items among the ten best of {len(sample)} users")


# %% Curves of the training
def bar(value: float, most: float) -> str:
    return "#" * round(40 * value / most) if most > 0 else ""


for phase in metrics.phases:
    steps = metrics.columns(precise_reader.StepRecord, phase)
    print(f"\n{phase}: loss by step")
    for step, loss in list(zip(steps["step"], steps["loss"]))[-8:]:
        print(f"  {step:6} {loss:8.4f} {bar(loss, np.nanmax(steps['loss']))}")
    measured = metrics.columns(precise_reader.EvaluationRecord, phase)
    if "ndcg@10" in measured:
        print(f"{phase}: validation ndcg@10 by step")
        for step, value in list(zip(measured["step"], measured["ndcg@10"]))[-8:]:
            print(f"  {step:6} {value:8.4f} {bar(value, measured['ndcg@10'].max())}")

# %% How popular the data set's items are
counts = np.sort(dataset.train_counts.astype(np.int64))[::-1]
print()
for tenth, part in enumerate(np.array_split(counts, 10), 1):
    share = part.sum() / max(1, counts.sum())
    print(f"tenth {tenth:2} of the items: {share:6.1%} of all training events {bar(share, 1)}")
