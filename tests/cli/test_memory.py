"""The C library's memory: asked to keep what is freed, or left alone where it cannot be."""

import ctypes
import gc
import types

from ppl.cli import memory


def test_what_is_freed_is_kept(monkeypatch):
    asked = {}
    library = types.SimpleNamespace(mallopt=asked.__setitem__)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: library)
    memory.keep_freed()
    assert set(asked) == {memory.M_TRIM_THRESHOLD, memory.M_MMAP_THRESHOLD}
    assert asked[memory.M_MMAP_THRESHOLD] <= 32 << 20, "glibc refuses more"


def test_a_library_without_mallopt_is_left_alone(monkeypatch):
    monkeypatch.setattr(ctypes, "CDLL", lambda name: types.SimpleNamespace())
    memory.keep_freed()


def test_imports_are_not_searched_for_garbage():
    assert gc.isenabled()
    with memory.importing():
        assert not gc.isenabled()
    assert gc.isenabled()
    gc.unfreeze()
