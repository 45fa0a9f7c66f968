"""What became of a day's rows and of its training, by the files that the program wrote."""
from __future__ import annotations

import json
import pathlib
from typing import Any, Optional

from home import Day, read
from steps import EXIT_INPUT, Failed

# Why a row was not used: its key in the record, and the words for it.
REASONS = (("duplicates", "duplicates"), ("bad", "unreadable"), ("too_old", "too old"), ("below_minimums", "below the minimums"))


def rows_of(day: Day) -> dict[str, Any]:
    """Where the day's rows went, by the data set's manifest."""
    manifest = read(day.folder("data") / "manifest.json")
    rows = manifest["counts"].get("new_rows", {})
    return {"rows": rows.get("rows"), "kept": rows.get("kept"), "kept_share": rows.get("kept_share"),
            "duplicates": rows.get("duplicates"), "bad": rows.get("bad"), "too_old": rows.get("too_old"),
            "below_minimums": rows.get("below_user_minimum", 0) + rows.get("below_item_minimum", 0), "later": later(manifest, day),
            "users": manifest["users"], "items": manifest["items"], "events": manifest["events"]}


def later(manifest: dict[str, Any], day: Day) -> Optional[int]:
    """Events of the data set that are later than the day; nothing is trained on them. None where it was cut elsewhere."""
    if manifest["preparation"]["split"] != f"time:{day.next}":
        return None
    # A user's first one behind the cut is the test event.
    return manifest["split"]["test"] + manifest["audit"]["events_after_cut_unused"]


def where(rows: dict[str, Any]) -> str:
    """Where the rows went that were not used: `280 duplicates, 2 unreadable`."""
    return ", ".join(f"{rows[key]:,} {words}" for key, words in REASONS if rows[key])


def check(rows: dict[str, Any], source: str) -> None:
    """Throws when none of the rows was used: there is nothing to train on, and it is likely the wrong file."""
    if rows["rows"] and rows["kept"] == 0:
        fate = "is new" if rows["duplicates"] == rows["rows"] else f"was used ({where(rows)})"
        raise Failed(f"{source}: none of its {rows['rows']:,} rows {fate}: is it another day's file? Replace it, or remove it to pass the day over",
                     EXIT_INPUT)


def warnings(rows: dict[str, Any], day: Day) -> list[str]:
    """What somebody should look at, though the day can be done."""
    found = []
    if rows["later"]:
        found.append(f"{day.name}: {rows['later']:,} events of the data set are later than the day, and nothing is trained on them yet: "
                     "is a file another day's?")
    if rows["kept_share"] is not None and rows["kept_share"] < 0.5:
        found.append(f"{day.name}: {rows['kept']:,} of {rows['rows']:,} rows were used; the others: {where(rows)}")
    return found


def learned(run: pathlib.Path) -> dict[str, Any]:
    """Whether any phase of a run learned something, and those that kept what they began with; None where no phase has ended."""
    results: dict[str, int] = {}
    with (run / "metrics.jsonl").open(errors="replace") as file:
        for text in file:
            if '"result_step"' not in text:
                continue
            try:
                end = json.loads(text)
                results[end["phase"]] = end["result_step"]
            except (ValueError, KeyError, TypeError):
                # Cut off when the training was killed; it was written again.
                continue
    kept = [phase for phase, step in results.items() if step == 0]
    return {"learned": len(kept) < len(results) if results else None, "not_learned": kept}
