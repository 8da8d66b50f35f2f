"""Instances, devices, models."""
from __future__ import annotations

import ctypes
import os
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from . import _native as c
from ._library import Error, Handle, Result, facts, filled, ids_array, library

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from ._generation import Context


class Instance(Handle):
    """The Vulkan loader. log: called with a level (0 debug to 3 error) and a line, on any thread."""

    _kind = "instance"

    def __init__(self, log: Optional[Callable[[int, str], None]] = None, **options: Any) -> None:
        filled_in = filled(c.pumice_instance_options_init(), options)
        if log is not None:
            self._log = c.PumiceLogCallback(  # lives as long as the instance
                lambda _, level, text: log(level, ctypes.string_at(text).decode("utf-8", "replace")))
            filled_in.log = self._log
        result = library.pumice_instance_create(ctypes.byref(filled_in), self._made(c.PumiceInstance))
        if result != Result.PUMICE_OK:
            raise Error(result)

    def devices(self) -> list[dict[str, Any]]:
        """What PumiceDeviceInfo says of each."""
        count = ctypes.c_uint32()
        self._check(library.pumice_device_count(self._get(), ctypes.byref(count)))
        found = []
        for index in range(count.value):
            info = c.pumice_device_info_init()
            self._check(library.pumice_device_get_info(self._get(), index, ctypes.byref(info)))
            found.append(facts(info))
        return found


class Device(Handle):
    """A GPU, or the CPU through a software driver. selector: an index, a UUID or part of a name."""

    _kind = "device"

    def __init__(self, instance: Optional[Instance] = None, **options: "Unpack[c.DeviceOptionsFields]") -> None:
        self.instance = instance or Instance()
        filled_in = filled(c.pumice_device_options_init(), options)
        self.instance._check(library.pumice_device_create_auto(
            self.instance._get(), ctypes.byref(filled_in), self._made(c.PumiceDevice)))

    @property
    def info(self) -> dict[str, Any]:
        info = c.pumice_device_info_init()
        self._check(library.pumice_device_describe(self._get(), ctypes.byref(info)))
        return facts(info)


class Model(Handle):
    """A GGUF file. device: None is the default device; False: none, for metadata and tokens alone."""

    _kind = "model"

    def __init__(self, path: Union[str, "os.PathLike[str]"], /, device: Union[Device, None, bool] = None,
                 progress: Optional[Callable[[float], bool]] = None, instance: Optional[Instance] = None,
                 **options: "Unpack[c.ModelOptionsFields]") -> None:
        """progress: called with a fraction; returns whether to go on."""
        self.device = device if isinstance(device, Device) else None if device is False else Device(instance)
        self.instance = self.device.instance if self.device else instance or Instance()
        filled_in = filled(c.pumice_model_options_init(), {**options, "path": os.fspath(path)})
        if progress is not None:
            filled_in.progress = c.PumiceProgressCallback(lambda _, fraction: 0 if progress(fraction) else 1)
        self.instance._check(library.pumice_model_load(
            self.instance._get(), self.device._get() if self.device else None, ctypes.byref(filled_in),
            self._made(c.PumiceModel)))

    @property
    def info(self) -> dict[str, Any]:
        info = c.pumice_model_info_init()
        self._check(library.pumice_model_get_info(self._get(), ctypes.byref(info)))
        return facts(info)

    @property
    def metadata(self) -> dict[str, str]:
        """Values as for people: long ones are shortened."""
        found = {}
        for index in range(library.pumice_model_metadata_count(self._get())):
            one = c.pumice_metadata_init()
            self._check(library.pumice_model_get_metadata(self._get(), index, ctypes.byref(one)))
            found[one.key.decode("utf-8", "replace")] = one.value.decode("utf-8", "replace")
        return found

    def tokenize(self, text: Union[str, bytes], add_special: bool = True, parse_special: bool = False) -> list[int]:
        data = text.encode() if isinstance(text, str) else text
        flags = (c.PUMICE_TOKENIZE_ADD_SPECIAL if add_special else 0) | (
            c.PUMICE_TOKENIZE_PARSE_SPECIAL if parse_special else 0)
        count = ctypes.c_size_t()

        def into(ids: Any, capacity: int) -> None:
            self._check(library.pumice_tokenize(self._get(), data, len(data), flags, ids, capacity,
                                                ctypes.byref(count)))

        into(None, 0)
        ids = (ctypes.c_int32 * count.value)()
        into(ids, len(ids))
        return list(ids)

    def detokenize(self, ids: "list[int]") -> str:
        length = ctypes.c_size_t()
        array = ids_array(ids)
        self._check(library.pumice_detokenize(self._get(), array, len(array), None, 0, ctypes.byref(length)))
        buffer = ctypes.create_string_buffer(length.value + 1)
        self._check(library.pumice_detokenize(self._get(), array, len(array), buffer, len(buffer),
                                              ctypes.byref(length)))
        return buffer.raw[:length.value].decode("utf-8", "replace")

    def context(self, **options: "Unpack[c.ContextOptionsFields]") -> "Context":
        from ._generation import Context
        return Context(self, **options)
