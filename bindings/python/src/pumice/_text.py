"""Chats, grammars, vectors of texts."""
from __future__ import annotations

import ctypes
import json
from typing import TYPE_CHECKING, Any, NamedTuple, Optional, Union

from . import _native as c
from ._library import Handle, bytes_of, filled, ids_array, library

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._models import Model

try:
    import numpy
except ImportError:
    numpy = None  # type: ignore[assignment,unused-ignore]


class Encoder(Handle):
    """Vectors of texts, for search."""

    _kind = "encoder"

    def __init__(self, model: "Model", **options: "Unpack[c.EncoderOptionsFields]") -> None:
        self.model = model
        filled_in = filled(c.pumice_encoder_options_init(), options)
        model._check(library.pumice_encoder_create(model._get(), ctypes.byref(filled_in), self._made(c.PumiceEncoder)))
        info = c.pumice_encoder_info_init()
        self._check(library.pumice_encoder_get_info(self._get(), ctypes.byref(info)))
        self.width = info.width

    def embed(self, texts: "list[str]") -> Any:
        """A vector for each text: an array (texts, width) of numpy where that is installed, else a list of lists."""
        ids = [ids_array(self.model.tokenize(text)) for text in texts]
        listed = (c.PumiceTokens * len(ids))(*(c.PumiceTokens(ctypes.cast(one, ctypes.POINTER(ctypes.c_int32)),
                                                              len(one)) for one in ids))
        vectors = (ctypes.c_float * (len(ids) * self.width))()
        options = filled(c.pumice_embed_options_init(), {"texts": listed, "count": len(ids), "vectors": vectors})
        self._check(library.pumice_embed(self._get(), ctypes.byref(options)))
        if numpy is not None:
            return numpy.frombuffer(vectors, dtype=numpy.float32).reshape(len(ids), self.width)
        return [vectors[i * self.width:(i + 1) * self.width] for i in range(len(ids))]


class Grammar(Handle):
    """What a reply must be; one of the arguments. json_schema: a text, or what json.dumps() takes."""

    _kind = "grammar"

    def __init__(self, model: "Model", *, json_schema: Any = None, gbnf: Optional[str] = None,
                 regex: Optional[str] = None, choices: "Optional[list[str]]" = None) -> None:
        def text_of(value: Any) -> str:
            return value if isinstance(value, str) else json.dumps(value)

        given = [(kind, text_of(value)) for kind, value in (
            (c.PUMICE_GRAMMAR_JSON_SCHEMA, json_schema), (c.PUMICE_GRAMMAR_GBNF, gbnf),
            (c.PUMICE_GRAMMAR_REGEX, regex), (c.PUMICE_GRAMMAR_CHOICES, choices)) if value is not None]
        if len(given) != 1:
            raise TypeError("a grammar is one of json_schema, gbnf, regex, choices")
        kind, text = given[0]
        options = filled(c.pumice_grammar_options_init(), {
            "kind": kind, "text": text, "text_length": len(text.encode())})
        model._check(library.pumice_grammar_create(model._get(), ctypes.byref(options), self._made(c.PumiceGrammar)))


class Prompt(NamedTuple):
    text: str
    ids: "list[int]"


def text_struct(value: Any) -> c.PumiceText:
    data = b"" if value is None else json.dumps(value).encode()
    return c.PumiceText(data, len(data))


class Chat(Handle):
    """A model's chat template: messages to a prompt, a reply to a message; both as OpenAI's interface has them."""

    _kind = "chat"

    def __init__(self, model: "Model", template: Optional[str] = None) -> None:
        options = c.pumice_chat_options_init()
        if template is not None:
            filled(options, {"source": template, "source_length": len(template.encode())})
        model.instance._check(library.pumice_chat_create(
            model.instance._get(), model._get(), ctypes.byref(options), self._made(c.PumiceChat)))

    def render(self, messages: "list[dict[str, Any]]", tools: "Optional[list[dict[str, Any]]]" = None,
               variables: "Optional[dict[str, Any]]" = None, **options: "Unpack[c.ChatRenderOptionsFields]") -> Prompt:
        rendered: list[Prompt] = []

        def keep(_: Any, address: Any) -> None:
            prompt = address.contents
            text = bytes_of(prompt, "text", prompt.length).decode("utf-8", "replace")
            rendered.append(Prompt(text, prompt.ids[:prompt.id_count]))

        filled_in = filled(c.pumice_chat_render_options_init(), options)
        filled_in.messages, filled_in.tools = text_struct(messages), text_struct(tools)
        filled_in.variables = text_struct(variables)
        kinds: dict[str, Any] = dict(filled_in._fields_)
        filled_in.on_prompt = kinds["on_prompt"](keep)
        self._check(library.pumice_chat_render(self._get(), ctypes.byref(filled_in)))
        return rendered[0]

    def parse(self, prompt: Union[Prompt, str], reply: str,
              tools: "Optional[list[dict[str, Any]]]" = None) -> dict[str, Any]:
        """The message that a whole reply is: content, reasoning_content, tool_calls."""
        written: list[bytes] = []
        before = (prompt.text if isinstance(prompt, Prompt) else prompt).encode()
        options = c.pumice_chat_reply_options_init()
        options.prompt, options.tools = c.PumiceText(before, len(before)), text_struct(tools)
        data = reply.encode()
        write = c.PumiceJsonCallback(lambda _, text, length: written.append(ctypes.string_at(text, length)))
        self._check(library.pumice_chat_parse(self._get(), ctypes.byref(options), data, len(data), write, None))
        return dict(json.loads(b"".join(written)))
