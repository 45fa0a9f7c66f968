"""Reads what `precise` writes: exports of embeddings, metrics of runs, prepared data sets. NumPy only.

    import precise_reader

    export = precise_reader.load_export("embeddings/")
    export.recommend("u0018", k=10)

Nothing here writes a file, and every file is checked before a number of it is handed out: what is wrong with one is an `InputError`.
"""
from .dataset import DatasetReader, Shard, UserEvents, load_dataset
from .export import Export, ExportRecord, Recommendation, Table, load_export
from .files import InputError
from .metrics import (BeginRecord, CheckpointRecord, EndRecord, EvaluationRecord, Metrics, MixtureRecord, OriginRecord, RankTimesRecord,
                      Record, StepRecord, read_metrics)
from .evaluation import EvaluatedSplit, Evaluation, read_evaluation

__all__ = [
    "BeginRecord", "CheckpointRecord", "DatasetReader", "EndRecord", "EvaluatedSplit", "Evaluation", "EvaluationRecord", "Export",
    "ExportRecord", "InputError", "Metrics", "MixtureRecord", "OriginRecord", "RankTimesRecord", "Recommendation", "Record", "Shard",
    "StepRecord", "Table", "UserEvents", "load_dataset", "load_export", "read_evaluation", "read_metrics",
]
