"""The package against the real library, with the bundled model.

    PUMICE_MODEL=… PUMICE_LIBRARY=… PUMICE_LAYOUT=… python3 -m unittest discover bindings/python/tests

Tests that need a device skip themselves where there is none."""
import ctypes
import gc
import json
import os
import pathlib
import subprocess
import tempfile
import unittest

import pumice
from pumice import _native as c

MODEL = os.environ["PUMICE_MODEL"]
PROMPT = "Once upon a time"


class Declarations(unittest.TestCase):
    """What is generated is what the C compiler says; PUMICE_LAYOUT is the program that prints it."""

    @classmethod
    def setUpClass(cls) -> None:
        cls.layout = json.loads(subprocess.run([os.environ["PUMICE_LAYOUT"]], check=True, capture_output=True).stdout)

    def test_structs(self) -> None:
        self.assertGreater(len(self.layout["structs"]), 50)
        for name, offsets in self.layout["structs"].items():
            struct = getattr(c, name)
            self.assertEqual(ctypes.sizeof(struct), offsets.pop(""), name)
            self.assertEqual({member: getattr(struct, member).offset for member, _ in struct._fields_}, offsets, name)

    def test_initial_values(self) -> None:
        inits = {name: getattr(c, name) for name in dir(c) if name.endswith("_init")}
        self.assertEqual(len(inits), len(self.layout["inits"]))
        for name, init in inits.items():
            options = init()
            for member, kind in options._fields_:
                if kind is ctypes.c_char_p:
                    setattr(options, member, None)  # where it points differs from run to run
            self.assertEqual(bytes(options).hex(), self.layout["inits"][type(options).__name__], name)

    def test_enums(self) -> None:
        for name, value in self.layout["enums"].items():
            self.assertEqual(int(getattr(c, name)), value, name)

    def test_every_function_is_declared(self) -> None:
        listed = pathlib.Path(os.environ["PUMICE_SYMBOLS"]).read_text().split()
        others = {"pumice_record", "pumice_record_done", "pumice_device_import"}  # of pumice_vulkan.h
        self.assertEqual(set(c.FUNCTIONS), {name for name in listed if not name.startswith("pumice_vk_")} - others)


class WithoutDevice(unittest.TestCase):
    def setUp(self) -> None:
        self.model = pumice.Model(MODEL, device=False)

    def test_version(self) -> None:
        self.assertTrue(pumice.version().startswith(c.VERSION))

    def test_model(self) -> None:
        self.assertEqual(self.model.info["architecture"], "llama")
        self.assertEqual(self.model.metadata["general.architecture"], '"llama"')

    def test_tokens(self) -> None:
        ids = self.model.tokenize(PROMPT + " in Köln", add_special=False)
        self.assertEqual(self.model.detokenize(ids).strip(), PROMPT + " in Köln")
        self.assertEqual(self.model.tokenize("", add_special=False), [])

    def test_errors(self) -> None:
        with self.assertRaises(pumice.Error) as caught:
            pumice.Model("no/such.gguf", device=False)
        self.assertEqual(caught.exception.result, pumice.Result.PUMICE_NOT_FOUND)
        self.assertIn("no/such.gguf", str(caught.exception))
        with self.assertRaises(TypeError):
            pumice.Model(MODEL, device=False, no_such_member=1)
        self.model.close()
        self.model.close()
        with self.assertRaises(ValueError):
            self.model.tokenize("a")

    def test_log(self) -> None:
        lines = []
        with pumice.Instance(log=lambda level, line: lines.append((level, line))) as instance:
            instance.devices()
            with self.assertRaises(pumice.Error):
                pumice.Device(instance, selector="no such device")
        self.assertTrue(all(isinstance(line, str) for _, line in lines))

    def test_chat(self) -> None:
        chat = pumice.Chat(self.model, template="{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}")
        prompt = chat.render([{"role": "user", "content": "Grüße"}])
        self.assertEqual(prompt.text, "<user>Grüße")
        self.assertEqual(self.model.detokenize(prompt.ids).strip(), prompt.text)
        self.assertEqual(chat.parse(prompt, "Hello")["content"], "Hello")


class WithDevice(unittest.TestCase):
    @classmethod
    def setUpClass(cls) -> None:
        try:
            cls.model = pumice.Model(MODEL)
        except pumice.Error as error:
            if error.result != pumice.Result.PUMICE_NOT_FOUND:
                raise
            raise unittest.SkipTest("no Vulkan device") from error
        cls.context = cls.model.context(context_tokens=512, max_sequences=4)

    def test_generates_and_streams(self) -> None:
        with self.context.sequence() as sequence:
            chunks = list(sequence.generate(PROMPT, max_tokens=8, temperature=0))
            with self.context.sequence() as again, again.submit(PROMPT, max_tokens=8, temperature=0) as request:
                text = "".join(request)
                self.assertEqual("".join(chunks), text)
                self.assertEqual(len(request.ids), 8)
                self.assertEqual(request.status, pumice.RequestStatus.PUMICE_REQUEST_FINISHED_LENGTH)
                self.assertEqual(request.timings["generated_tokens"], 8)
        self.assertGreater(len(chunks), 1)

    def test_leaving_the_loop_cancels(self) -> None:
        with self.context.sequence() as sequence:
            for _ in sequence.generate(PROMPT, max_tokens=400, ignore_eos=1):
                break
            gc.collect()
            tokens = sequence.info["tokens"]
            self.assertLess(tokens, 100)
            sequence.truncate(4)

    def test_sessions(self) -> None:
        with tempfile.TemporaryDirectory() as folder, self.context.sequence() as sequence:
            path = pathlib.Path(folder) / "Märchen.session"
            list(sequence.generate(PROMPT, max_tokens=4, temperature=0))
            sequence.save(path)
            with self.context.load(path) as loaded, sequence.fork() as fork:
                texts = {"".join(one.generate(" The king", max_tokens=4, temperature=0))
                         for one in (sequence, loaded, fork)}
            self.assertEqual(len(texts), 1)
            path.write_bytes(path.read_bytes()[:-1])
            with self.assertRaises(pumice.Error) as caught:
                self.context.load(path)
            self.assertEqual(caught.exception.result, pumice.Result.PUMICE_MALFORMED)

    def test_evaluates(self) -> None:
        with self.context.sequence() as sequence, self.context.sequence() as other:
            logits = sequence.evaluate(self.model.tokenize(PROMPT))
            request = other.submit(PROMPT, max_tokens=1, temperature=0, repeat_penalty=1)
            list(request)
            self.assertEqual(max(range(len(logits)), key=logits.__getitem__), request.ids[0])

    def test_grammar(self) -> None:
        grammar = pumice.Grammar(self.model, choices=["the queen", "the king"])
        with self.context.sequence() as sequence:
            self.assertIn("".join(sequence.generate(PROMPT, grammar, max_tokens=20)), ("the queen", "the king"))
        with self.assertRaises(pumice.Error):
            pumice.Grammar(self.model, regex="(")

    def test_embeds(self) -> None:
        with pumice.Encoder(self.model) as encoder:
            vectors = encoder.embed(["a king and a queen", "the queen and the king", "a ship at sea"])
        self.assertEqual((len(vectors), len(vectors[0])), (3, self.model.info["width"]))
        self.assertAlmostEqual(sum(float(x) ** 2 for x in vectors[0]), 1, places=4)

    def test_parents_outlive_children(self) -> None:
        sequence = pumice.Model(MODEL, self.model.device).context(context_tokens=64).sequence()
        gc.collect()
        self.assertTrue("".join(sequence.generate(PROMPT, max_tokens=2)))
        sequence.context.model.close()
        self.assertEqual(sequence.info["tokens"], len(self.model.tokenize(PROMPT)) + 2)


if __name__ == "__main__":
    unittest.main()
