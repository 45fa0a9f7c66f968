#!/usr/bin/env python3
"""Tests of encode_items.py on a tiny Qwen2 of random weights: `python3 test_encode_items.py`, or pytest.

Skips, and says so, where torch or transformers are missing.
"""

import contextlib
import gzip
import io
import json
import os
import struct
import sys
import tempfile
import unittest
import zlib

os.environ["HF_HUB_OFFLINE"] = "1"
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

try:
    import torch
    import transformers

    transformers.utils.logging.disable_progress_bar()
except ImportError as missing:
    torch = None
    REASON = f"skipped: {missing}"
else:
    REASON = ""

import encode_items

TITLES = [
    ("b2", "red boat"), ("a1", "the red boat sails, far and \"wide\" over the blue sea again"), ("c,3", ""),
    ("d4", "blue"), ("é5", "a sea of boats"), ("f6", "sails sails sails"), ("g7", "wide blue sea"),
]


def make_tokenizer(folder):
    """Trains a byte-level BPE on the titles and saves it as Qwen2's tokenizer stores its own."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    end = "<|endoftext|>"
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=[end], initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator([text for _, text in TITLES], trainer)
    tokenizer.save(os.path.join(folder, "tokenizer.json"))
    tokenizer.model.save(folder)
    # Padding on the left, as many causal models have it; the script must not depend on it.
    config = {"tokenizer_class": "Qwen2Tokenizer", "pad_token": end, "eos_token": end, "padding_side": "left"}
    with open(os.path.join(folder, "tokenizer_config.json"), "w", encoding="utf-8") as file:
        json.dump(config, file)
    return transformers.AutoTokenizer.from_pretrained(folder)


def make_model(folder, broken=False):
    """Saves a Qwen2 of two layers with random weights; a broken one does not know a token of "blue"."""
    torch.manual_seed(1)
    config = transformers.Qwen2Config(
        vocab_size=300, hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=64)
    model = transformers.Qwen2Model(config)
    os.makedirs(folder, exist_ok=True)
    model.save_pretrained(folder)
    tokenizer = make_tokenizer(folder)
    if broken:
        with torch.no_grad():
            model.embed_tokens.weight[tokenizer("blue")["input_ids"][0]] = float("nan")
        model.save_pretrained(folder)


def write_items(path, rows=TITLES):
    import csv

    with gzip.open(path, "wt", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["scene", "item", "text"])
        writer.writerows([["shop", item, text] for item, text in rows])


def read_states(path):
    """Header and states per item of a finished file, by this test's own reading of the format."""
    with open(path, "rb") as file:
        data = file.read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    body = data[8 + length :]
    types = {"F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16}
    begin, end = header["offsets"]["data_offsets"]
    offsets = struct.unpack(f"<{(end - begin) // 8}q", body[begin:end])
    begin, end = header["states"]["data_offsets"]
    kind = types[header["states"]["dtype"]]
    states = torch.frombuffer(bytearray(body[begin:end]), dtype=kind).reshape(header["states"]["shape"])
    return header, [states[first:last] for first, last in zip(offsets, offsets[1:])]


@unittest.skipIf(torch is None, REASON)
class EncodeItemsTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        cls.model = os.path.join(cls.shared.name, "model")
        make_model(cls.model)

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.items = self.path("items.csv.gz")
        write_items(self.items)

    def tearDown(self):
        self.folder.cleanup()

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def encode(self, out, *more, model=None, items=None):
        """Runs the script; returns its exit code and what it said on stderr."""
        arguments = ["--items", items or self.items, "--out", self.path(out), "--model", model or self.model, "--device", "cpu"]
        errors = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            code = encode_items.main([*arguments, *more])
        return code, errors.getvalue()

    def bytes(self, name):
        with open(self.path(name), "rb") as file:
            return file.read()

    def test_states_are_those_of_each_text_alone(self):
        self.assertEqual(self.encode("s", "--dtype", "f32", "--batch-size", "4", "--max-tokens", "6")[0], 0)
        _, states = read_states(self.path("s"))
        tokenizer = transformers.AutoTokenizer.from_pretrained(self.model)
        model = transformers.AutoModel.from_pretrained(self.model).eval().float()
        lengths = []
        for (_, text), found in zip(TITLES, states):
            ids = tokenizer(text)["input_ids"][:6]
            lengths.append(len(ids))
            self.assertEqual(found.shape, (len(ids), 32))
            if ids:
                with torch.inference_mode():
                    expected = model(input_ids=torch.tensor([ids])).last_hidden_state[0]
                torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)
        self.assertEqual(lengths[2], 0)
        self.assertGreater(len(set(lengths)), 3)

    def test_ids_stand_beside_in_order(self):
        self.encode("s")
        header, _ = read_states(self.path("s"))
        ids = self.bytes("s.ids.txt")
        self.assertEqual(ids.decode().splitlines(), [item for item, _ in TITLES])
        self.assertEqual(header["__metadata__"]["ids_crc32"], f"{zlib.crc32(ids):08x}")
        self.assertEqual(header["states"]["dtype"], "BF16")
        self.assertEqual(sorted(os.listdir(self.folder.name)), ["items.csv.gz", "s", "s.ids.txt"])

    def test_a_resumed_run_gives_the_same_bytes(self):
        self.encode("whole", "--part-items", "2", "--dtype", "f16")
        finished = encode_items.encode_part
        calls = []

        def stop_at_third(*arguments):
            calls.append(arguments)
            if len(calls) == 3:
                raise KeyboardInterrupt
            return finished(*arguments)

        encode_items.encode_part = stop_at_third
        try:
            code, message = self.encode("cut", "--part-items", "2", "--dtype", "f16")
            self.assertEqual(code, 130)
            self.assertIn("goes on from here", message)
            self.assertFalse(os.path.exists(self.path("cut")))
            self.assertEqual(sorted(os.listdir(self.path("cut.parts")))[:2], ["part-000000.safetensors", "part-000001.safetensors"])
            code, message = self.encode("cut", "--part-items", "2", "--dtype", "f16")
        finally:
            encode_items.encode_part = finished
        self.assertEqual(code, 0)
        self.assertIn("4 items are done already", message)
        self.assertEqual(len(calls), 3 + 2)
        self.assertEqual(self.bytes("cut"), self.bytes("whole"))
        self.assertEqual(self.bytes("cut.ids.txt"), self.bytes("whole.ids.txt"))

    def test_parts_of_another_run_are_refused(self):
        os.makedirs(self.path("s.parts"))
        with open(self.path("s.parts/run.json"), "w", encoding="utf-8") as file:
            json.dump({"format": 1, "max_tokens": 99}, file)
        code, message = self.encode("s")
        self.assertEqual(code, 65)
        self.assertIn("max_tokens", message)
        self.assertEqual(self.encode("s", "--restart")[0], 0)
        code, message = self.encode("s")
        self.assertEqual(code, 65)
        self.assertIn("is there already", message)

    def test_parts_of_other_weights_are_refused(self):
        model = self.path("model")
        make_model(model)
        finished = encode_items.encode_part
        encode_items.encode_part = self.stop
        try:
            self.assertEqual(self.encode("s", model=model)[0], 130)
        finally:
            encode_items.encode_part = finished
        # The same configuration and size, other numbers: a checkpoint trained on.
        weights = os.path.join(model, "model.safetensors")
        with open(weights, "r+b") as file:
            file.seek(-4, os.SEEK_END)
            file.write(struct.pack("<f", 0.5))
        status = os.stat(weights)
        os.utime(weights, ns=(status.st_atime_ns, status.st_mtime_ns + 1_000_000_000))
        code, message = self.encode("s", model=model)
        self.assertEqual(code, 65)
        self.assertIn("weights differ", message)
        self.assertEqual(self.encode("s", "--restart", model=model)[0], 0)

    @staticmethod
    def stop(*_):
        raise KeyboardInterrupt

    def test_half_a_surrogate_pair_is_replaced(self):
        with open(self.path("items.jsonl"), "w", encoding="utf-8") as file:
            file.write('{"item": "a", "text": "red \\udc00boat \\ud83d\\ude00"}\n{"item": "b", "text": "blue"}\n')
        self.assertEqual(self.encode("s", items=self.path("items.jsonl"))[0], 0)
        self.assertEqual(self.bytes("s.ids.txt").decode(), "a\nb\n")
        with open(self.path("same.jsonl"), "w", encoding="utf-8") as file:
            file.write('{"item": "a", "text": "red \ufffdboat \U0001f600"}\n{"item": "b", "text": "blue"}\n')
        self.assertEqual(self.encode("same", items=self.path("same.jsonl"))[0], 0)
        self.assertEqual(self.bytes("s"), self.bytes("same"))

    def test_states_that_are_not_finite_name_the_item(self):
        broken = self.path("broken")
        make_model(broken, broken=True)
        write_items(self.items, TITLES[:1] + TITLES[3:4])
        code, message = self.encode("s", model=broken)
        self.assertEqual(code, 65)
        self.assertIn("item d4", message)
        self.assertFalse(os.path.exists(self.path("s")))

    def test_other_formats_give_the_same(self):
        self.encode("csv")
        plain = [(item, text.replace('"', "")) for item, text in TITLES]
        write_items(self.items, plain)
        self.encode("csv", "--restart")
        with open(self.path("items.jsonl"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps({"asin": item, "title": text}) + "\n" for item, text in plain)
        with open(self.path("items.tsv"), "w", encoding="utf-8") as file:
            file.write("\ufeffitem\ttext\n" + "".join(f"{item}\t{text}\n" for item, text in plain))
        self.assertEqual(self.encode("jsonl", "--columns", "item=asin,text=title", items=self.path("items.jsonl"))[0], 0)
        self.assertEqual(self.encode("tsv", items=self.path("items.tsv"))[0], 0)
        self.assertEqual(self.bytes("jsonl"), self.bytes("csv"))
        self.assertEqual(self.bytes("tsv"), self.bytes("csv"))

    def test_bad_items_are_one_sentence(self):
        for name, text, reason in [
            ("a.csv", "id,text\n1,x\n", "no column item"), ("b.csv", "item,text\n1\n", "b.csv:2"), ("c.csv", "item,text\n", "no items"),
            ("d.csv", 'item,text\n"1\n2",x\n', "line end"), ("e.jsonl", '{"item": 1}\n{', "e.jsonl"), ("f.jsonl", "[1]\n", "f.jsonl:1"),
            ("g.csv.gz", "item,text\n", "no items"), ("h.jsonl", '{"item": "a\\ud800"}\n', "half a surrogate pair"),
            ("i.csv", "item,text\na\u2028b,x\n", "line end"), ("j.jsonl", '{"item": "a\\u0085"}\n', "line end"),
        ]:
            with open(self.path(name), "w", encoding="utf-8") as file:
                file.write(text)
            code, message = self.encode("s", items=self.path(name))
            self.assertEqual(code, 65, name)
            self.assertIn(reason, message)
            self.assertEqual(message.count("\n"), 1)
        with open(self.path("cut.csv.gz"), "wb") as file:
            file.write(gzip.compress(b"item,text\n1,a title\n" * 50)[:-9])
        self.assertEqual(self.encode("s", items=self.path("cut.csv.gz"))[0], 65)

    def test_the_first_text_of_an_item_counts(self):
        write_items(self.items, [("x", ""), ("x", "red boat"), ("y", "blue"), ("x", "wide")])
        self.encode("s")
        _, states = read_states(self.path("s"))
        tokenizer = transformers.AutoTokenizer.from_pretrained(self.model)
        self.assertEqual([len(state) for state in states], [len(tokenizer(text)["input_ids"]) for text in ("red boat", "blue")])
        self.assertNotEqual(len(states[0]), len(tokenizer("wide")["input_ids"]))



class ComposedTextTest(unittest.TestCase):
    """Texts of several fields, which need no model."""

    def texts(self, name, content, columns=""):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, name)
            with open(path, "w", encoding="utf-8", newline="") as file:
                file.write(content)
            options = encode_items.parse_arguments(["--items", path, "--out", "x", "--columns", columns])
            return dict(zip(*encode_items.read_items(options)))

    COLUMNS = "item=asin,text=title+brand,features=category+price"
    EXPECTED = {"a": "Red shoe | Acme | category=Shoes | price=0", "b": "Blue | price=10", "c": ""}

    def test_fields_and_features_are_joined(self):
        rows = "asin,title,brand,category,price\na,Red shoe,Acme,Shoes,0\nb,Blue, ,,10\nc,,,,\n"
        self.assertEqual(self.texts("i.csv", rows, self.COLUMNS), self.EXPECTED)
        self.assertEqual(self.texts("i.tsv", rows.replace(",", "\t"), self.COLUMNS), self.EXPECTED)

    def test_objects_give_the_same(self):
        rows = [
            {"asin": "a", "title": "Red shoe", "brand": "Acme", "category": "Shoes", "price": 0},
            {"asin": "b", "title": "Blue", "brand": None, "category": ["x"], "price": 10}, {"asin": "c"}]
        self.assertEqual(self.texts("i.jsonl", "".join(json.dumps(row) + "\n" for row in rows), self.COLUMNS), self.EXPECTED)

    def test_separators_of_a_data_set_become_readable(self):
        self.assertEqual(self.texts("i.csv", "item,text\na,Red\x1fcategory=Shoes\n"), {"a": "Red | category=Shoes"})

    def test_features_alone_need_no_text(self):
        self.assertEqual(self.texts("i.csv", "item,color\na,red\n", "features=color"), {"a": "color=red"})

    def test_other_columns_are_one_sentence(self):
        for columns in ("color=x", "text=a+", "item="):
            with self.assertRaises(encode_items.InputError):
                self.texts("i.csv", "item,text\na,b\n", columns)


if __name__ == "__main__":
    unittest.main()
