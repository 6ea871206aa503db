"""Read pickles as data: an interpreter of their instructions that imports and calls nothing.

Python's own unpickler imports and calls what a file names. This one has no import and no call: a
name in the file is looked up in a table of makers (`_makers.py`), which build arrays, numbers,
sparse matrices and containers; any other name is refused before anything happens.
"""

from __future__ import annotations

import codecs
import pickletools
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol

from clipface_cli.assets._limits import MAX_OPERATIONS
from clipface_cli.assets._makers import MAKERS, Maker, Node, is_plain_key, script_maker
from clipface_cli.budget import Refused

_MARK = object()
_OPERATIONS = {operation.code: operation for operation in pickletools.opcodes}
_READ_ERRORS = (ValueError, EOFError, IndexError, OverflowError, MemoryError, RecursionError)
_CONSTANTS: dict[str, Any] = {
    "NONE": None,
    "NEWTRUE": True,
    "NEWFALSE": False,
    "EMPTY_TUPLE": (),
}
_PUSHED = {
    "INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT",
    "STRING", "BINSTRING", "SHORT_BINSTRING", "UNICODE", "BINUNICODE", "SHORT_BINUNICODE",
    "BINUNICODE8", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BYTEARRAY8",
}  # fmt: skip


class Source(Protocol):
    """A binary file from which pickles are read."""

    def read(self, count: int, /) -> bytes: ...
    def readline(self) -> bytes: ...


def unpickle(
    file: Source,
    persistent: Callable[[Any], Node] | None = None,
    script: bool = False,
    extra: Mapping[tuple[str, str], Maker] | None = None,
) -> Any:
    """The value of the next pickle in `file`, with nodes where `_makers.resolve` puts arrays.

    persistent: makes the node for a persistent id (torch storages). script: names that start with
    `__torch__.` are modules of a TorchScript archive. extra: further makers.
    Raises Refused when the pickle names anything else, is damaged, or asks for too much.
    """
    machine = _Machine(persistent, script, {**MAKERS, **(extra or {})})
    try:
        return machine.run(file)
    except Refused:
        raise
    except _READ_ERRORS as error:
        raise Refused(f"its pickle is damaged or cut off ({error})") from error
    except (TypeError, KeyError, AttributeError) as error:
        raise Refused(f"its pickle does not describe data ({error})") from error


class _Machine:
    """The stack and memo of one pickle."""

    def __init__(
        self,
        persistent: Callable[[Any], Node] | None,
        script: bool,
        makers: Mapping[tuple[str, str], Maker],
    ) -> None:
        self.persistent, self.script, self.makers = persistent, script, makers
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self, file: Source) -> Any:
        for _ in range(MAX_OPERATIONS):
            code = file.read(1)
            if not code:
                raise EOFError("it ends in the middle")
            operation = _OPERATIONS.get(code.decode("latin-1"))
            if operation is None:
                raise ValueError(f"there is no instruction {code!r}")
            name = operation.name
            if name == "STOP":
                return self.pop()
            self.step(name, _argument(operation, file))
        raise Refused(f"its pickle has more than {MAX_OPERATIONS:,} instructions")

    def step(self, name: str, argument: Any) -> None:
        if name in _PUSHED:
            self.stack.append(argument)
        elif name in _CONSTANTS:
            self.stack.append(_CONSTANTS[name])
        elif name in ("PROTO", "FRAME"):
            return
        else:
            handler = getattr(self, f"do_{name.lower()}", None)
            if handler is None:
                raise Refused(f"its pickle uses {name}, which data has no need of")
            handler(argument)

    def pop(self) -> Any:
        if not self.stack or self.stack[-1] is _MARK:
            raise IndexError("a value is missing")
        return self.stack.pop()

    def pop_to_mark(self) -> list[Any]:
        for index in range(len(self.stack) - 1, -1, -1):
            if self.stack[index] is _MARK:
                values = self.stack[index + 1 :]
                del self.stack[index:]
                return values
        raise IndexError("a mark is missing")

    # --- stack and memo ---

    def do_mark(self, _: None) -> None:
        self.stack.append(_MARK)

    def do_pop(self, _: None) -> None:
        self.stack.pop()

    def do_pop_mark(self, _: None) -> None:
        self.pop_to_mark()

    def do_dup(self, _: None) -> None:
        self.stack.append(self.stack[-1])

    def do_put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    do_binput = do_long_binput = do_put

    def do_memoize(self, _: None) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def do_get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    do_binget = do_long_binget = do_get

    # --- containers ---

    def do_empty_list(self, _: None) -> None:
        self.stack.append([])

    def do_empty_dict(self, _: None) -> None:
        self.stack.append({})

    def do_empty_set(self, _: None) -> None:
        self.stack.append([])

    def do_list(self, _: None) -> None:
        self.stack.append(self.pop_to_mark())

    do_frozenset = do_list

    def do_tuple(self, _: None) -> None:
        self.stack.append(tuple(self.pop_to_mark()))

    def do_tuple1(self, _: None) -> None:
        self.stack.append((self.pop(),))

    def do_tuple2(self, _: None) -> None:
        second, first = self.pop(), self.pop()
        self.stack.append((first, second))

    def do_tuple3(self, _: None) -> None:
        third, second, first = self.pop(), self.pop(), self.pop()
        self.stack.append((first, second, third))

    def do_dict(self, _: None) -> None:
        values = self.pop_to_mark()
        self.stack.append({})
        _set_items(self.stack[-1], values)

    def do_append(self, _: None) -> None:
        value = self.pop()
        _list(self.stack[-1]).append(value)

    def do_appends(self, _: None) -> None:
        values = self.pop_to_mark()
        _list(self.stack[-1]).extend(values)

    do_additems = do_appends

    def do_setitem(self, _: None) -> None:
        value, key = self.pop(), self.pop()
        _set_items(self.stack[-1], [key, value])

    def do_setitems(self, _: None) -> None:
        values = self.pop_to_mark()
        _set_items(self.stack[-1], values)

    # --- names and what is made from them ---

    def maker(self, module: str, name: str) -> Maker:
        if self.script and module.startswith("__torch__."):
            return script_maker()
        made = self.makers.get((module, name))
        if made is None:
            _refuse_name(module, name)
        return made

    def do_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.stack.append(self.maker(module, name))

    def do_stack_global(self, _: None) -> None:
        name, module = self.pop(), self.pop()
        if not (isinstance(name, str) and isinstance(module, str)):
            raise Refused("its pickle names something by what is not text")
        self.stack.append(self.maker(module, name))

    def do_reduce(self, _: None) -> None:
        arguments, maker = self.pop(), self.pop()
        self.stack.append(_made(maker, arguments))

    do_newobj = do_reduce

    def do_inst(self, argument: str) -> None:
        values = self.pop_to_mark()
        module, _, name = argument.partition(" ")
        self.stack.append(_made(self.maker(module, name), tuple(values)))

    def do_obj(self, _: None) -> None:
        maker, *values = self.pop_to_mark()
        self.stack.append(_made(maker, tuple(values)))

    def do_build(self, _: None) -> None:
        state = self.pop()
        target = self.stack[-1]
        if isinstance(target, Node):
            target.set_state(state)
        elif not isinstance(target, dict):  # a state_dict's attributes hold nothing we need
            raise Refused("its pickle sets the state of what has none")

    def do_persid(self, argument: str) -> None:
        self.push_persistent(argument)

    def do_binpersid(self, _: None) -> None:
        self.push_persistent(self.pop())

    def push_persistent(self, identity: Any) -> None:
        if self.persistent is None:
            raise Refused("its pickle refers to data outside of it")
        self.stack.append(self.persistent(identity))


def _argument(operation: pickletools.OpcodeInfo, file: Any) -> Any:
    if operation.arg is None:
        return None
    if operation.name == "STRING":
        return _python2_text(file.readline())
    return operation.arg.reader(file)


def _python2_text(line: bytes) -> str:
    """A quoted Python 2 string; pickletools reads only those that are ASCII."""
    text = line.strip()
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        raise ValueError("a string lacks its quotes")
    return codecs.escape_decode(text[1:-1])[0].decode("latin-1")


def _made(maker: Any, arguments: Any) -> Any:
    if not isinstance(maker, Maker):
        raise Refused("its pickle calls what is not a type")
    if not isinstance(arguments, tuple):
        raise Refused("its pickle makes something from what are not arguments")
    return maker.make(*arguments)


def _set_items(target: Any, values: list[Any]) -> None:
    if not isinstance(target, dict) or len(values) % 2:
        raise Refused("its pickle fills a mapping that is none")
    for key, value in zip(values[::2], values[1::2], strict=True):
        if not is_plain_key(key):
            raise Refused("its pickle uses something other than text or numbers as a key")
        target[key] = value


def _list(target: Any) -> list[Any]:
    if not isinstance(target, list):
        raise Refused("its pickle appends to what is not a list")
    return target


def _refuse_name(module: str, name: str) -> NoReturn:
    full = f"{module}.{name}"[:80]
    raise Refused(f"it asks for {full!r}, which is code, not data; nothing of it was run")
