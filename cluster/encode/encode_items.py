#!/usr/bin/env python3
"""Turns item texts into token states with a Hugging Face model, for `precise encode --states`.

    python3 encode_items.py --items items.csv.gz --out states.safetensors

Reads items (columns `item` and `text`; csv, tsv or jsonl, also gzipped), runs the model over each
text and writes the last hidden layer's states of the text's tokens, never those of padding:

    states.safetensors          offsets I64 [V+1], states [sum of m_i, d_t] BF16 | F16 | F32
    states.safetensors.ids.txt  the V item ids, a UTF-8 line each, in the order of `offsets`

Item i owns rows offsets[i] to offsets[i+1]; an item without text owns none. The work is done in parts, each kept on disk when
finished: the same command started again goes on where it stopped and gives the same bytes. Nothing is pickled or read as a pickle.
"""

import argparse
import csv
import gzip
import hashlib
import io
import itertools
import json
import os
import shlex
import shutil
import struct
import sys
import time
import zlib

FORMAT_VERSION = 1
LINE_ENDS = frozenset("\n\r\v\f\x1c\x1d\x1e\x85\u2028\u2029")  # where str.splitlines ends a line of a list of ids


class InputError(Exception):
    """Wrong input: one sentence that says where and what to do."""


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--items", required=True, help="csv, tsv or jsonl with item and text, .gz or not; - is stdin (csv)")
    parser.add_argument("--out", required=True, help="the safetensors file to write")
    parser.add_argument("--model", default="Qwen/Qwen2-1.5B", help="a model's name or folder (default: %(default)s)")
    parser.add_argument("--name", help="what the file calls its encoder (default: the model's name, or its folder's)")
    parser.add_argument("--max-tokens", type=int, default=16, help="tokens kept of a text (default: %(default)s)")
    parser.add_argument("--dtype", choices=["bf16", "f16", "f32"], default="bf16", help="how states are stored (default: %(default)s)")
    parser.add_argument("--compute", choices=["auto", "bf16", "f16", "f32"], default="auto", help="default: bf16 on a GPU, f32 on a CPU")
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, ... (default: %(default)s)")
    parser.add_argument("--batch-size", type=int, default=64, help="texts a forward pass (default: %(default)s)")
    parser.add_argument("--part-items", type=int, default=8192, help="items a part, the unit of resuming (default: %(default)s)")
    parser.add_argument("--format", choices=["auto", "csv", "tsv", "jsonl"], default="auto", help="default: by the file's name")
    parser.add_argument("--columns", default="", help="other column names: item=asin,text=title+brand,features=category")
    parser.add_argument("--restart", action="store_true", help="throw unfinished parts and an existing output away")
    options = parser.parse_args(arguments)
    for name in ("max_tokens", "batch_size", "part_items"):
        if getattr(options, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    if not options.name:
        options.name = os.path.basename(os.path.abspath(options.model)) if os.path.isdir(options.model) else options.model
    return options


# Reading items


def open_text(path):
    raw = sys.stdin.buffer if path == "-" else open(path, "rb")
    if raw.peek(2)[:2] == b"\x1f\x8b":
        raw = gzip.GzipFile(fileobj=raw)
    return io.TextIOWrapper(raw, encoding="utf-8-sig", newline="")


def whole(text):
    """JSON's escapes can leave half a surrogate pair in a text, which has no UTF-8: U+FFFD stands for it, as in `precise prepare`."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def compose(field, names):
    """The text of a row as a model reads it: its fields, and features as `name=value`, with ` | ` between them; empty ones are left out."""
    parts = [field(name) for name in names["text"]] + [f"{name}={field(name)}" for name in names["features"] if field(name)]
    return " | ".join(filter(None, parts)).replace("\x1f", " | ")


def read_rows(stream, path, form, names):
    """Yields (line number, item, text)."""
    item = names["item"][0]
    if form == "jsonl":
        for number, line in enumerate(stream, 1):
            if line.strip():
                row = json.loads(line)
                if not isinstance(row, dict) or item not in row:
                    raise InputError(f"{path}:{number}: an object with \"{item}\" is wanted")
                field = lambda name: whole(str(row[name])).strip() if type(row.get(name)) in (str, int, float) else ""
                yield number, str(row[item]), compose(field, names)
        return
    csv.field_size_limit(1 << 24)
    quoting = {"delimiter": "\t", "quoting": csv.QUOTE_NONE} if form == "tsv" else {"delimiter": ",", "strict": True}
    reader = csv.reader(stream, **quoting)
    header = next(reader, [])
    missing = [name for name in itertools.chain(*names.values()) if name not in header]
    if missing:
        raise InputError(f"{path}: no column {', '.join(missing)} among {', '.join(header)}; name them with --columns")
    for row in filter(None, reader):
        if len(row) != len(header):
            raise InputError(f"{path}:{reader.line_num}: {len(row)} fields, but the header has {len(header)}")
        yield reader.line_num, row[header.index(item)], compose(lambda name: row[header.index(name)].strip(), names)


def read_items(options):
    """Returns ids and texts in file order; of an item that stands twice the first text that is not empty counts."""
    path = options.items
    names = {"item": ["item"], "text": ["text"], "features": []}
    chosen = dict(entry.partition("=")[::2] for entry in filter(None, options.columns.split(",")))
    for role, text in chosen.items():
        fields = [name.strip() for name in (text.split("+") if role != "item" else [text])]
        if role not in names or not all(fields):
            raise InputError(f"--columns {role}={text}: give item=NAME, text=NAME+NAME or features=NAME+NAME")
        names[role] = fields
    if "features" in chosen and "text" not in chosen:
        names["text"] = []
    form = options.format
    if form == "auto":
        stem = path[:-3] if path.endswith(".gz") else path
        form = "tsv" if stem.endswith(".tsv") else "jsonl" if stem.endswith((".jsonl", ".ndjson", ".json")) else "csv"
    texts = {}
    try:
        with open_text(path) as stream:
            for number, item, text in read_rows(stream, path, form, names):
                if not item or any(letter in LINE_ENDS or "\ud800" <= letter <= "\udfff" for letter in item):
                    raise InputError(f"{path}:{number}: an item id is empty, has a line end in it or half a surrogate pair")
                if not texts.get(item):
                    texts[item] = text
    except (OSError, EOFError, zlib.error, UnicodeDecodeError, csv.Error, json.JSONDecodeError) as error:
        raise InputError(f"{path}: {error}") from error
    if not texts:
        raise InputError(f"{path}: no items in it")
    return list(texts), list(texts.values())


# Files


def write_atomically(path, chunks):
    """Writes the chunks beside `path`, flushes them to the disk and renames: whole or not at all."""
    temporary = f"{path}.{os.getpid()}.tmp"
    try:
        with open(temporary, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        if os.path.exists(temporary):
            os.remove(temporary)


def safetensors_header(tensors, metadata):
    """The header of a safetensors file; `tensors` is a list of (name, type, shape, bytes)."""
    header, offset = {"__metadata__": metadata}, 0
    for name, kind, shape, size in tensors:
        header[name] = {"dtype": kind, "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text


def read_header(file):
    (length,) = struct.unpack("<Q", file.read(8))
    return json.loads(file.read(length))


def offsets_bytes(counts):
    return struct.pack(f"<{len(counts) + 1}q", 0, *itertools.accumulate(counts))


# The model


class Encoder:
    """A tokenizer and a model, giving the last hidden layer's states of texts."""

    def __init__(self, options):
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        import torch
        import transformers

        if not sys.stderr.isatty():
            transformers.utils.logging.disable_progress_bar()

        self.torch = torch
        self.max_tokens = options.max_tokens
        self.types = {"bf16": torch.bfloat16, "f16": torch.float16, "f32": torch.float32}
        self.stored = self.types[options.dtype]
        automatic = "cuda" if torch.cuda.is_available() else "cpu"
        self.device = torch.device(automatic if options.device == "auto" else options.device)
        automatic = "bf16" if self.device.type == "cuda" else "f32"
        self.compute = compute = automatic if options.compute == "auto" else options.compute
        try:
            self.tokenizer = transformers.AutoTokenizer.from_pretrained(options.model)
            # The keyword got its new name with version 5.
            keyword = "dtype" if int(transformers.__version__.split(".")[0]) >= 5 else "torch_dtype"
            model = transformers.AutoModel.from_pretrained(options.model, use_safetensors=True, **{keyword: self.types[compute]})
        except (OSError, ValueError) as error:
            raise InputError(f"--model {options.model}: {error}") from error
        if getattr(model.config, "is_encoder_decoder", False):
            model = model.get_encoder()
        self.model = model.to(self.device).eval()
        self.dimension = model.config.hidden_size

    def tokenize(self, texts):
        """Token ids of each text, at most `max_tokens`; an empty text has none, not even special ones."""
        filled = [text for text in texts if text]
        if not filled:
            return [[] for _ in texts]
        ids = iter(self.tokenizer(filled, truncation=True, max_length=self.max_tokens)["input_ids"])
        return [list(next(ids))[: self.max_tokens] if text else [] for text in texts]

    def states(self, batch):
        """The states of each token list, as bytes; padding stands on the right, is masked and is left out."""
        torch = self.torch
        longest = max(len(ids) for ids in batch)
        pad = self.tokenizer.pad_token_id or 0
        ids = torch.tensor([ids + [pad] * (longest - len(ids)) for ids in batch], device=self.device)
        mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in batch], device=self.device)
        with torch.inference_mode():
            hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        hidden = hidden.to(self.stored)
        finite = torch.isfinite(hidden).all(dim=2) | (mask == 0)
        hidden, finite = hidden.cpu(), finite.all(dim=1).tolist()
        rows = [state[: len(ids)].contiguous().view(torch.uint8).numpy().tobytes() for state, ids in zip(hidden, batch)]
        return rows, finite


def encode_part(encoder, ids, texts, batch_size):
    """States (bytes) and token counts of one part's items, in their order; batches go from long to short."""
    tokens = encoder.tokenize(texts)
    order = sorted((index for index, row in enumerate(tokens) if row), key=lambda index: (-len(tokens[index]), index))
    rows = [b""] * len(texts)
    for start in range(0, len(order), batch_size):
        chosen = order[start : start + batch_size]
        states, finite = encoder.states([tokens[index] for index in chosen])
        for index, row, is_finite in zip(chosen, states, finite):
            if not is_finite:
                raise InputError(f"the states of item {ids[index]} are not finite; try --compute f32 or --dtype bf16")
            rows[index] = row
    return rows, [len(row) for row in tokens]


# The run


class Progress:
    """One line that renews itself on a terminal, a line every ten seconds elsewhere."""

    def __init__(self, total, done):
        self.total, self.first = total, done
        self.start = self.last = time.monotonic()

    def show(self, done):
        now = time.monotonic()
        is_last = done == self.total
        if not sys.stderr.isatty() and not is_last and now - self.last < 10:
            return
        self.last = now
        rate = (done - self.first) / max(now - self.start, 1e-9)
        left = (self.total - done) / rate if rate > 0 else 0
        begin, end = ("\r", "\n" if is_last else "") if sys.stderr.isatty() else ("", "\n")
        print(f"{begin}{done:,} of {self.total:,} items, {rate:,.0f} items/s, {left:,.0f} s left  ", end=end, file=sys.stderr, flush=True)


def weights_identity(options, encoder):
    """What changes with the weights: of a folder its files' names, sizes and times, of a hub's model its commit."""
    if not os.path.isdir(options.model):
        return getattr(encoder.model.config, "_commit_hash", None) or ""
    files = sorted((entry.name, entry.stat().st_size, entry.stat().st_mtime_ns) for entry in os.scandir(options.model) if entry.is_file())
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()


def fingerprint(options, encoder, ids, texts):
    """What must be the same for parts on disk to be used again."""
    digest = hashlib.sha256()
    for value in ids + texts:
        digest.update(value.encode() + b"\0")
    config = hashlib.sha256(json.dumps(encoder.model.config.to_dict(), sort_keys=True, default=str).encode()).hexdigest()
    return {
        "format": FORMAT_VERSION, "model": options.model, "weights": weights_identity(options, encoder), "config": config,
        "items": digest.hexdigest(), "dtype": options.dtype, "compute": encoder.compute, "device": encoder.device.type,
        "max_tokens": options.max_tokens, "batch_size": options.batch_size, "part_items": options.part_items}


def open_parts(options, identity):
    """The folder of finished parts, checked to be of this very run."""
    folder = options.out + ".parts"
    if options.restart:
        shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder, exist_ok=True)
    path = os.path.join(folder, "run.json")
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            earlier = json.load(file)
        different = sorted(key for key in identity if earlier.get(key) != identity[key])
        if different:
            raise InputError(f"{folder} holds parts of another run ({', '.join(different)} differ); finish that one or give --restart")
    else:
        write_atomically(path, [json.dumps(identity, indent=1).encode()])
    return folder


def encode_parts(options, encoder, folder, ids, texts):
    """Makes the parts that are not there yet; returns all their paths."""
    starts = range(0, len(ids), options.part_items)
    paths = [os.path.join(folder, f"part-{start // options.part_items:06d}.safetensors") for start in starts]
    done = sum(min(options.part_items, len(ids) - start) for start, path in zip(starts, paths) if os.path.exists(path))
    if done:
        print(f"going on: {done:,} items are done already", file=sys.stderr)
    progress = Progress(len(ids), done)
    for start, path in zip(starts, paths):
        if os.path.exists(path):
            continue
        part = slice(start, start + options.part_items)
        rows, counts = encode_part(encoder, ids[part], texts[part], options.batch_size)
        offsets = offsets_bytes(counts)
        shape = [sum(counts), encoder.dimension]
        tensors = [("offsets", "I64", [len(counts) + 1], len(offsets)), ("states", options.dtype.upper(), shape, sum(map(len, rows)))]
        write_atomically(path, [safetensors_header(tensors, {}), offsets, *rows])
        done += len(counts)
        progress.show(done)
    return paths


def part_counts(path):
    with open(path, "rb") as file:
        header = read_header(file)
        count = header["offsets"]["shape"][0]
        offsets = struct.unpack(f"<{count}q", file.read(8 * count))
    return [after - before for before, after in zip(offsets, offsets[1:])]


def part_states(path):
    """Yields a part's states in pieces of 16 MiB."""
    with open(path, "rb") as file:
        header = read_header(file)
        file.seek(header["states"]["data_offsets"][0], os.SEEK_CUR)
        while chunk := file.read(1 << 24):
            yield chunk


def merge(options, encoder, paths, ids):
    """Joins the parts into the final file, and writes the ids beside it first."""
    counts = [count for path in paths for count in part_counts(path)]
    id_lines = "".join(f"{item}\n" for item in ids).encode()
    write_atomically(options.out + ".ids.txt", [id_lines])
    element = {"bf16": 2, "f16": 2, "f32": 4}[options.dtype]
    offsets, rows = offsets_bytes(counts), sum(counts)
    states = ("states", options.dtype.upper(), [rows, encoder.dimension], rows * encoder.dimension * element)
    tensors = [("offsets", "I64", [len(ids) + 1], len(offsets)), states]
    metadata = {
        "encoder": options.name, "ids_crc32": f"{zlib.crc32(id_lines):08x}", "items": str(len(ids)),
        "max_tokens": str(options.max_tokens), "version": str(FORMAT_VERSION)}

    def chunks():
        yield safetensors_header(tensors, metadata)
        yield offsets
        for path in paths:
            yield from part_states(path)

    write_atomically(options.out, chunks())
    return rows, sum(1 for count in counts if count)


def run(options):
    if os.path.exists(options.out) and not options.restart:
        raise InputError(f"{options.out} is there already; give --restart to make it anew")
    ids, texts = read_items(options)
    encoder = Encoder(options)
    folder = open_parts(options, fingerprint(options, encoder, ids, texts))
    paths = encode_parts(options, encoder, folder, ids, texts)
    rows, with_text = merge(options, encoder, paths, ids)
    shutil.rmtree(folder)
    print(f"{options.out}: {len(ids):,} items, {with_text:,} with text, {rows:,} token states of {encoder.dimension}, "
          f"{os.path.getsize(options.out):,} bytes")
    print(f"next: precise encode DATASET --states {shlex.quote(options.out)} --tokens {options.max_tokens}")


def main(arguments=None):
    try:
        run(parse_arguments(arguments))
    except InputError as error:
        print(f"encode_items.py: {error}", file=sys.stderr)
        return 65
    except KeyboardInterrupt:
        print("encode_items.py: stopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
