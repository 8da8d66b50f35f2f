"""Language models on any Vulkan GPU.

    import pumice

    with pumice.Model("model.gguf") as model, model.context() as context, context.sequence() as sequence:
        for text in sequence.generate("Once upon a time", max_tokens=100):
            print(text, end="", flush=True)

Options have the names of the C structs' members (pumice.h, which says what they do). Calls of the library let other
threads of Python run. A sequence or a request belongs to one thread at a time.
"""
from ._generation import Context, Request, Sequence
from ._library import Error, Result, version
from ._models import Device, Instance, Model
from ._native import (PumiceCachePolicy as CachePolicy, PumiceKvType as KvType, PumicePooling as Pooling,
                      PumiceRequestStatus as RequestStatus, PumiceSessionKv as SessionKv, PumiceThinking as Thinking,
                      PumiceWhenFull as WhenFull)
from ._text import Chat, Encoder, Grammar, Prompt

__all__ = ["CachePolicy", "Chat", "Context", "Device", "Encoder", "Error", "Grammar", "Instance", "KvType", "Model",
           "Pooling", "Prompt", "Request", "RequestStatus", "Result", "Sequence", "SessionKv", "Thinking", "WhenFull",
           "version"]
