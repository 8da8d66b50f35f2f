"""Contexts, sequences, requests."""
from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any, Iterator, Optional, Union

from . import _native as c
from ._library import Error, Handle, Result, bytes_of, facts, filled, ids_array, library

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._models import Model
    from ._text import Grammar

Path = Union[str, "os.PathLike[str]"]
Text = Union[str, bytes, "list[int]"]  # or tokens


class Context(Handle):
    """The KV cache and the recorded step. cache: members of PumiceCacheOptions."""

    _kind = "context"

    def __init__(self, model: "Model", cache: "Optional[c.CacheOptionsFields]" = None,
                 **options: "Unpack[c.ContextOptionsFields]") -> None:
        self.model = model
        filled_in = filled(c.pumice_context_options_init(), options)
        if cache is not None:
            filled_in.cache = ctypes.pointer(filled(c.pumice_cache_options_init(), cache))
        model._check(library.pumice_context_create(
            model._get(), ctypes.byref(filled_in), self._made(c.PumiceContext)))

    def sequence(self, group: Optional[str] = None) -> "Sequence":
        sequence = Sequence(self)
        self._check(library.pumice_sequence_create_in(
            self._get(), None if group is None else group.encode(), sequence._made(c.PumiceSequence)))
        return sequence

    def load(self, path: Path, group: Optional[str] = None) -> "Sequence":
        """A sequence that Sequence.save() has written."""
        sequence = Sequence(self)
        source = filled(c.pumice_session_source_init(), {"path": os.fspath(path), "group": group})
        self._check(library.pumice_sequence_load(
            self._get(), ctypes.byref(source), sequence._made(c.PumiceSequence)))
        return sequence

    @property
    def stats(self) -> dict[str, Any]:
        stats = c.pumice_context_stats_init()
        self._check(library.pumice_context_get_stats(self._get(), ctypes.byref(stats)))
        return facts(stats)


class Sequence(Handle):
    """A text that goes on. Made by Context.sequence() and Context.load()."""

    _kind = "sequence"

    def __init__(self, context: Context) -> None:
        self.context = context

    def _explanation(self) -> str:
        return self.context._explanation()

    def generate(self, prompt: Text, grammar: "Optional[Grammar]" = None,
                 **options: "Unpack[c.RequestOptionsFields]") -> Iterator[str]:
        """Appends the prompt and yields text as it comes. Leaving the loop cancels the rest."""
        with self.submit(prompt, grammar, **options) as request:
            yield from request

    def submit(self, prompt: Text, grammar: "Optional[Grammar]" = None,
               **options: "Unpack[c.RequestOptionsFields]") -> "Request":
        """options: of PumiceRequestOptions, over what the model's file recommends."""
        if isinstance(prompt, (str, bytes)):
            prompt = self.context.model.tokenize(prompt, add_special=self.info["tokens"] == 0)
        filled_in = c.pumice_request_options_init()
        model = self.context.model
        model._check(library.pumice_model_get_sampling(model._get(), ctypes.byref(filled_in)))
        filled(filled_in, options)
        ids = ids_array(prompt)
        filled_in.ids, filled_in.count = ids, len(ids)
        if grammar is not None:
            filled_in.grammar = grammar._get()
        request = Request(self)
        self._check(library.pumice_request_submit(
            self._get(), ctypes.byref(filled_in), request._made(c.PumiceRequest)))
        return request

    def evaluate(self, ids: "list[int]") -> Any:
        """Appends tokens; the logits behind the last one, (vocabulary) floats."""
        array = ids_array(ids)
        logits = (ctypes.c_float * self.context.model.info["vocabulary"])()
        self._check(library.pumice_sequence_evaluate(self._get(), array, len(array), logits, len(logits)))
        return logits

    def save(self, path: Path, kv: int = c.PUMICE_SESSION_EXACT) -> None:
        options = filled(c.pumice_session_options_init(), {"path": os.fspath(path), "kv": kv})
        self._check(library.pumice_sequence_save(self._get(), ctypes.byref(options)))

    def fork(self, tokens: Optional[int] = None) -> "Sequence":
        """A new sequence with the first tokens of this one; None: with all."""
        copy = Sequence(self.context)
        self._check(library.pumice_sequence_fork(
            self._get(), self.info["tokens"] if tokens is None else tokens, copy._made(c.PumiceSequence)))
        return copy

    def truncate(self, tokens: int) -> None:
        self._check(library.pumice_sequence_truncate(self._get(), tokens))

    @property
    def info(self) -> dict[str, Any]:
        info = c.pumice_sequence_info_init()
        self._check(library.pumice_sequence_get_info(self._get(), ctypes.byref(info)))
        return facts(info)


class Request(Handle):
    """What a sequence is generating: an iterator over text as it comes; ids has all tokens so far."""

    _kind = "request"

    def __init__(self, sequence: Sequence) -> None:
        self.sequence = sequence
        self.ids: list[int] = []
        self.status = c.PUMICE_REQUEST_RUNNING

    def _explanation(self) -> str:
        return self.sequence.context._explanation()

    def poll(self) -> str:
        """What is new. Never waits."""
        poll = c.pumice_poll_init()
        self._check(library.pumice_poll(self._get(), ctypes.byref(poll)))
        self.ids += poll.ids[:poll.count]
        self.status = c.PumiceRequestStatus(poll.status)
        if self.status == c.PUMICE_REQUEST_FAILED:
            raise Error(poll.result, self._explanation())
        return bytes_of(poll, "text", poll.text_length).decode("utf-8", "replace")

    def __iter__(self) -> Iterator[str]:
        while self.status == c.PUMICE_REQUEST_RUNNING:
            # In pieces, so that Ctrl-C is seen.
            result = library.pumice_request_wait(self._get(), 200)
            if result != Result.PUMICE_TIMEOUT:
                self._check(result)
            text = self.poll()
            if text:
                yield text

    def cancel(self) -> None:
        library.pumice_request_cancel(self._get())

    @property
    def timings(self) -> dict[str, Any]:
        timings = c.pumice_timings_init()
        self._check(library.pumice_request_timings(self._get(), ctypes.byref(timings)))
        return facts(timings)
