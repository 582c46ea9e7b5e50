"""Small changes to the content of a file, drawn from a seeded generator: of bytes, of text, of trees, of tensors."""

from __future__ import annotations

import io
import json
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch
import yaml
from PIL import Image
from safetensors.torch import load as load_safetensors
from safetensors.torch import save as save_safetensors

Mutator = Callable[[Random, bytes], bytes]

# Numbers as text that something may stumble over: of no size, of a size that nothing holds, of another script.
NUMBERS = (
    "0", "-0", "1", "-1", "2", "0.5", "1.5", "-1.9", "999", "65536", "100000", "1e9", "1e20", "1e38", "1e39", "1e-10",
    "1e-45", "1e-320", "1e400", "nan", "NaN", "-inf", "Infinity", "2147483648", "9223372036854775807",
    "9223372036854775808", "-9223372036854775809", "1" + "0" * 30, "7" * 400, "0x10", "1_000", "1,5", "\uff11\uff12",
    "",
)  # fmt: skip
# Names that a terminal, a log, a page, a spreadsheet, a shell or a file system would take for more than a name.
TEXTS = (
    "", " ", "cat", "Cat", " cat", "background", "0", "a\0b", "\x1b[31mred\x1b[0m", "\x1b]0;title\x07",
    "\x1b]52;c;eA==\x07", "\x9b31m", "a\u202eb", "a\u2028b", "a\nb: BOX001 forged", "a\rb", "a\tb", "\x7f", "\ufeffcat",
    "=1+1", "@SUM(A1)", "+1", "-1", "a$(touch executed)", "`touch executed`", "[red]a[/red]", "[/]", "[link=x]a",
    "a%0Ab", "::error file=x::y", "a,b", "a;b", 'a"b', "a'b", "<b>&amp;", "]]>", "../a", "../../a", "/etc/passwd",
    "a/b", "~", "-", "--help", "猫", "é", "e\u0301", "😀", "ﬀ", "İ", "x" * 300, "y" * 10_000, "null", "true", "{}",
    "%s", "\\",
)  # fmt: skip
ENCODINGS = ("utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252")
DTYPES = ("float16", "float32", "float64", "bool", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint64",
          "bfloat16", "complex64", "float8_e5m2")  # fmt: skip
VALUES = (0.0, -0.0, 1.0, -1.0, 0.5, 2.5, 255.0, 300.0, 1e-45, 1e-30, 1e9, 1e20, 1e38, -1e38, float("nan"),
          float("inf"), float("-inf"))  # fmt: skip
MOST_NUMBERS = 10**6
SAVED_DTYPES = ("F8_E8M0", "F8_E4M3", "F4", "F6_E2M3", "BF16", "F64", "I64", "BOOL", "C64", "X")


def mutated(rng: Random, name: str, data: bytes) -> bytes:
    """The content of a file changed once to three times, mostly as suits what its name says it is."""
    from tests.fuzz.headers import of_header

    ending = Path(name).suffix.lower()
    own = BY_ENDING.get(ending, (of_lines, of_words))
    if ending == ".safetensors":
        own = (*own, of_header, of_header)
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        mutator = rng.choice(own) if rng.random() < 0.8 else of_bytes
        try:
            data = mutator(rng, data)
        except Exception:  # what is broken already is no tree, tensor or photo any more
            data = of_bytes(rng, data)
    return data


def of_bytes(rng: Random, data: bytes) -> bytes:
    """Bytes flipped, cut out, doubled, inserted or cut off."""
    start, end = sorted(rng.randrange(len(data) + 1) for _ in range(2))
    end = min(end, start + rng.choice((1, 4, 64, len(data))))
    choice = rng.randrange(6)
    if choice == 0 and data:
        place = rng.randrange(len(data))
        return data[:place] + bytes([data[place] ^ 1 << rng.randrange(8)]) + data[place + 1 :]
    if choice == 1:
        return data[:start] + data[end:]
    if choice == 2:
        return data[:start] + data[start:end] * rng.choice((2, 3, 50)) + data[end:]
    if choice == 3:
        return data[:start] + rng.randbytes(rng.choice((1, 4, 100))) + data[end:]
    if choice == 4:
        return data[:start] + b"\0" * (end - start) + data[end:]
    return data[: rng.choice((0, start, len(data) // 2))]


def of_words(rng: Random, data: bytes) -> bytes:
    """A number, a word or a sign of a text replaced by one that is hard to take."""
    text = data.decode("utf-8", "surrogateescape")
    kind, instead = rng.choice(
        ((r"-?\d+(\.\d+)?", NUMBERS), (r"[^\W\d]\w*", TEXTS), (r"[^\w\s]", tuple("<>[]{}\"',:=#&;")))
    )
    found = list(re.finditer(kind, text))
    if not found:
        return data + rng.choice(instead).encode("utf-8", "surrogateescape")
    again = rng.choice(found)
    some = [again] if rng.random() < 0.8 else [each for each in found if each[0] == again[0]]
    word = rng.choice(instead)
    for each in reversed(some):
        text = text[: each.start()] + word + text[each.end() :]
    return text.encode("utf-8", "surrogateescape")


def of_lines(rng: Random, data: bytes) -> bytes:
    """Lines of a text dropped, doubled, moved or joined; all of it in another encoding, or with other line ends."""
    lines = data.decode("utf-8", "surrogateescape").splitlines() or [""]
    place, choice = rng.randrange(len(lines)), rng.randrange(8)
    if choice == 0:
        del lines[place]
    elif choice == 1:
        lines[place:place] = [lines[place]] * rng.choice((1, 2, 300))
    elif choice == 2:
        lines.insert(rng.randrange(len(lines) + 1), lines.pop(place))
    elif choice == 3:
        lines[place] = rng.choice((" " * 5000, "\t", "#", "")) + lines[place]
    elif choice == 4:
        lines.insert(place, rng.choice(TEXTS))
    elif choice == 5:
        return "\n".join(lines).encode(rng.choice(ENCODINGS), "replace")
    end = rng.choice(("\r\n", "\r", "\x0b", "\u2028", "")) if choice == 6 else "\n"
    return end.join(lines).encode("utf-8", "surrogateescape")


def of_xml(rng: Random, data: bytes) -> bytes:
    """Elements dropped, doubled, nested, emptied; and what XML has beside elements."""
    found = list(re.finditer(rb"<(\w+)[^>]*>[^<]*</\1>|<(object)>.*?</object>", data, re.DOTALL))
    if not found:
        return of_lines(rng, data)
    each = rng.choice(found)
    tag = next(filter(None, each.groups()))
    bomb = b'<!DOCTYPE a [<!ENTITY e "%s">]>' % (b"x" * 99)
    outside = b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>'
    doctype = rng.choice((bomb, outside, b"<?xml version='1.0' encoding='utf-7'?>", b"<!-- -- -->"))
    instead = rng.choice(
        (
            b"",
            each[0] * rng.choice((2, 40)),
            b"<%s>" % tag * 300 + each[0] + b"</%s>" % tag * 300,
            b"<%s/>" % tag,
            b"<%s>&e;</%s>" % (tag, tag),
            b"<%s><![CDATA[%s]]></%s>" % (tag, rng.choice(TEXTS).encode(), tag),
            b'<x:%s xmlns:x="y">1</x:%s>' % (tag, tag),
        )
    )
    changed = data[: each.start()] + instead + data[each.end() :]
    return doctype + changed if rng.random() < 0.2 else changed


def _leaves(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Every container of a tree, with each of its keys or places."""
    keys = tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ()
    for key in keys:
        yield tree, key
        yield from _leaves(tree[key])


def change(rng: Random, tree: Any) -> Any:
    """A tree of what JSON has, one place of it changed."""
    root = [tree]
    home, key = rng.choice(list(_leaves(root)))
    old = home[key]
    deep: Any = old
    for _ in range(rng.choice((3, 300))):
        deep = [deep]
    number = rng.choice([int(text) for text in NUMBERS if text.lstrip("-").isascii() and text.lstrip("-").isdecimal()])
    real = rng.choice([value for value in VALUES if value == value])
    text = rng.choice(TEXTS)
    instead = [None, True, number, number, real, real, text, text, [], {}, [old, old], deep, {"a": old}, str(old)]
    choice = rng.randrange(10)
    if choice == 0 and home is not root:
        del home[key]
    elif choice == 1 and isinstance(home, dict):
        home[rng.choice(TEXTS)] = home.pop(key)
    elif choice == 2 and isinstance(home, list):
        home.append(old)
    else:
        home[key] = rng.choice([*instead, [old] * 500])
    return root[0]


def of_json(rng: Random, data: bytes) -> bytes:
    """One place of a document changed."""
    return json.dumps(change(rng, json.loads(data)), ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")


def of_toml(rng: Random, data: bytes) -> bytes:
    """One place of a table changed, or a line of what TOML has beside keys and values added."""
    if rng.random() < 0.15:
        line = rng.choice(
            (f"{'a.' * 300}b = 1", f"a = {'[' * 2000}{']' * 2000}", "a = 1979-05-27T07:32:00Z", "[[levels]]")
        )
        return line.encode() + b"\n" + data
    return toml(change(rng, tomllib.loads(data.decode()))).encode("utf-8", "surrogatepass")


def toml(tree: Any) -> str:
    """A table as TOML, all that is in it inline."""
    return "".join(f"{json.dumps(key, ensure_ascii=False)} = {_inline(value)}\n" for key, value in tree.items())


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_inline(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return json.dumps(value, ensure_ascii=True).replace("Infinity", "inf").replace("\\ud", "\\u0")


def of_yaml(rng: Random, data: bytes) -> bytes:
    """One place of a document changed, or what YAML has beside its values added."""
    if rng.random() < 0.2:
        bomb = "a: &a [x, x]\n" + "".join(
            f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefghijkl", "bcdefghijklm", strict=True)
        )
        called = "x: !!python/object/apply:os.system ['touch executed']\n"
        return (
            rng.choice((bomb, called, "x: " + "[" * 500 + "]" * 500 + "\n", "<<: *x\n", "? [a]\n: b\n")).encode() + data
        )
    return yaml.safe_dump(change(rng, yaml.safe_load(data)), allow_unicode=True).encode("utf-8", "surrogatepass")


class Touch:
    """What leaves a mark where it is unpickled."""

    def __reduce__(self) -> tuple[Any, ...]:
        """Call what must not be called."""
        return Path.touch, (Path("executed"),)


def load_tensors(ending: str, data: bytes) -> Any:
    """The tensors of a file."""
    if ending == ".safetensors":
        return load_safetensors(data)
    if ending in (".npz", ".npy"):
        loaded = np.load(io.BytesIO(data))
        return torch.from_numpy(loaded) if ending == ".npy" else {key: torch.from_numpy(loaded[key]) for key in loaded}
    return torch.load(io.BytesIO(data), weights_only=True)


def save_tensors(ending: str, value: Any) -> bytes:
    """Tensors as a file; what a format cannot hold is left out, or given names."""
    buffer = io.BytesIO()
    if ending in (".pt", ".pth"):
        torch.save(value, buffer)
        return buffer.getvalue()
    if ending == ".npy" and getattr(value, "numel", int)() < MOST_NUMBERS:
        np.save(buffer, np.asarray(value))
        return buffer.getvalue()
    named = (
        value if isinstance(value, dict) else dict(enumerate(value if isinstance(value, (list, tuple)) else [value]))
    )
    tensors = ((str(key), item) for key, item in named.items() if isinstance(item, torch.Tensor))
    held = {key: item for key, item in tensors if item.numel() < MOST_NUMBERS}  # these formats hold no strides of 0
    if ending == ".safetensors":
        return save_safetensors({key: item.contiguous().clone() for key, item in held.items()})
    arrays: dict[str, Any] = {key.replace("/", ""): np.asarray(item) for key, item in held.items()}
    np.savez_compressed(buffer, **arrays)
    return buffer.getvalue()


def of_tensor(rng: Random, tensor: torch.Tensor) -> torch.Tensor:
    """Another dtype, shape or layout, or some other values; one that claims to be much more stays so."""
    if tensor.numel() >= MOST_NUMBERS:
        return tensor
    choice = rng.randrange(9)
    if choice == 0:
        return tensor.to(getattr(torch, rng.choice(DTYPES)))
    if choice == 1 and tensor.ndim:
        return tensor.transpose(rng.randrange(tensor.ndim), rng.randrange(tensor.ndim))
    if choice == 2 and tensor.ndim:
        axis = rng.randrange(tensor.ndim)
        return tensor.narrow(axis, 0, rng.choice((0, 1, tensor.shape[axis] // 2)) if tensor.shape[axis] else 0)
    if choice == 3:
        return rng.choice(
            (tensor[None], tensor.flatten(), tensor.reshape(-1, 1), tensor.sum(), torch.cat([tensor, tensor]))
        )
    if choice == 4:
        return rng.choice((tensor[..., :0], tensor.to_sparse(), torch.empty(tensor.shape, device="meta")))
    if choice == 5:  # a few bytes that claim to be much more
        return tensor.flatten()[:1].expand(rng.choice((7, 10**6, 10**12)))
    changed = tensor.clone().to(torch.float32 if rng.random() < 0.3 else tensor.dtype)
    flat = changed.view(-1)
    if choice == 6 and flat.numel():
        flat *= rng.choice((0, -1, 1e-3, 300, 1e30) if flat.is_floating_point() else (0, -1, 2))
    else:
        for _ in range(rng.choice((1, 3, 100)) if flat.numel() else 0):
            value = rng.choice(VALUES)
            flat[rng.randrange(flat.numel())] = (
                value if flat.is_floating_point() else int(min(abs(value), 1e9)) if value == value else 0
            )
    return changed


def _with_tensors(ending: str) -> Mutator:
    """What changes the tensors in a file, or how they are put together."""

    def change_tensors(rng: Random, data: bytes) -> bytes:
        value = load_tensors(ending, data)
        choice, root = rng.randrange(10), [list(value) if isinstance(value, tuple) else value]
        places = list(_leaves(root))
        home, key = rng.choice([(home, key) for home, key in places if isinstance(home[key], torch.Tensor)])
        if choice == 0 and home is not root:
            del home[key]
        elif choice == 1 and isinstance(home, dict):
            home[rng.choice((*TEXTS, 3, None))] = home.pop(key)
        elif choice == 2:
            home[key] = rng.choice((None, 1, "text", [], {}, [home[key]] * 3, {"boxes": home[key]}, Touch(), home))
        elif choice == 3:
            root[0] = rng.choice(([root[0]], {"x": root[0]}, (root[0], 1), list(root) * 4))
        else:
            home[key] = of_tensor(rng, home[key])
        return save_tensors(
            ending, tuple(root[0]) if isinstance(value, tuple) and isinstance(root[0], list) else root[0]
        )

    return change_tensors


def of_photo(rng: Random, data: bytes) -> bytes:
    """Another mode, size, format or orientation; or cut short."""
    with Image.open(io.BytesIO(data)) as opened:
        photo = opened.convert(rng.choice(("RGB", "L", "P", "RGBA", "CMYK", "1", "I;16", "LA")))
    photo = photo.resize(rng.choice(((80, 60), (60, 80), (1, 1), (1, 3000), (3000, 1), (79, 61))))
    exif = Image.Exif()
    exif[0x0112] = rng.choice((0, 1, 2, 3, 5, 6, 8, 9, 65535))
    buffer = io.BytesIO()
    form = rng.choice(("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "PPM", "EPS", "PDF"))
    keeps = form in ("JPEG", "PNG", "TIFF", "WEBP")
    (photo if form in ("PNG", "TIFF") else photo.convert("RGB")).save(buffer, form, **({"exif": exif} if keeps else {}))
    made = buffer.getvalue()
    return made if rng.random() < 0.6 else made[: rng.randrange(len(made))]


BY_ENDING: dict[str, tuple[Mutator, ...]] = {
    ".xml": (of_xml, of_xml, of_words, of_lines),
    ".json": (of_json, of_json, of_words),
    ".toml": (of_toml, of_toml, of_words, of_lines),
    ".yaml": (of_yaml, of_words, of_lines),
    ".pt": (_with_tensors(".pt"),),
    ".npz": (_with_tensors(".npz"),),
    ".npy": (_with_tensors(".npy"),),
    ".safetensors": (_with_tensors(".safetensors"),),
    ".jpg": (of_photo,),
    ".png": (of_photo,),
}
