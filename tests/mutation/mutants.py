"""Small edits of a module that change what it does: one comparison, number, argument or statement at a time."""

from __future__ import annotations

import ast
import copy
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import CodeType

Edit = tuple[str, ast.AST]
BOUNDS: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Lt: ast.LtE, ast.LtE: ast.Lt}
OPPOSITES: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Gt: ast.LtE,
    ast.GtE: ast.Lt,
    ast.Lt: ast.GtE,
    ast.LtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
}
TWINS = [("min", "max"), ("amin", "amax"), ("argmin", "argmax"), ("minimum", "maximum"), ("any", "all")]
TWINS += [("floor", "ceil"), ("zeros", "ones"), ("zeros_like", "ones_like"), ("clamp_min", "clamp_max")]
TWIN = dict(TWINS) | {second: first for first, second in TWINS}
# Parts of the syntax that do nothing, or only say how a number is written.
UNSEEN = {"annotation", "returns", "type_comment", "format_spec"}
# Their first two arguments can change places, or mean nothing at run time.
EITHER_WAY = {"min", "max", "minimum", "maximum", "logical_and", "logical_or", "isclose", "cast", "zip", "field"}
EITHER_WAY |= {"equal", "iou", "sides_iou", "promote_types", "is_same"}


@dataclass(frozen=True)
class Mutant:
    """One edit: where it is, and the module that it gives."""

    path: Path
    line: int
    column: int
    first: int
    """The lines of the statement that it is in, as far as they run together."""
    last: int
    edit: str
    source: str
    """The line that was edited."""
    names: tuple[str, ...]
    """What the edited statement binds, where it runs on import; nothing inside a function."""
    tree: ast.Module
    node: ast.AST
    replacement: ast.AST

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.edit}: {self.source}"

    def code(self) -> CodeType:
        """The edited module, compiled."""
        edited = _replaced(self.tree, self.node, self.replacement)
        return compile(edited, str(self.path.absolute()), "exec")


def siblings(paths: list[Path]) -> dict[str, str]:
    """For a field that one class alone has, another one of that class that has the same type."""
    found: dict[str, str] = {}
    owners = Counter[str]()
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                kin: dict[str, list[str]] = {}
                for field in node.body:
                    if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                        kin.setdefault(ast.unparse(field.annotation), []).append(field.target.id)
                owners.update(name for names in kin.values() for name in names)
                for names in kin.values():
                    if len(names) > 1:
                        found |= dict(zip(names, names[1:] + names[:1], strict=True))
    return {name: other for name, other in found.items() if owners[name] == 1}


def mutants_of(path: Path, fields: dict[str, str]) -> list[Mutant]:
    """Every edit of a module, in the order of its lines."""
    text = path.read_text()
    lines = text.splitlines()
    tree = ast.parse(text)
    found = []
    for node, place in _editable(tree, _Place(())):
        for edit, replacement in _edits(node, fields):
            line, column = getattr(node, "lineno", place.first), getattr(node, "col_offset", 0)
            source = lines[line - 1].strip()
            where = (path, line, column, place.first, place.last)
            found.append(Mutant(*where, edit, source, place.names, tree, node, replacement))
    return sorted(found, key=lambda mutant: (mutant.line, mutant.column, mutant.edit))


@dataclass(frozen=True)
class _Place:
    names: tuple[str, ...]
    first: int = 0
    last: int = 0
    inside: bool = False
    """Inside a function: it runs when that is called."""


def _editable(node: ast.AST, place: _Place) -> Iterator[tuple[ast.AST, _Place]]:
    """Every node that does something, with the statement that it is in: no annotation, no text."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dataclass":
        return  # frozen or not, slots or not
    if isinstance(node, ast.keyword) and node.arg in ("strict", "gc"):
        return  # a guard; what the collector of cycles looks at
    if isinstance(node, ast.Assign) and any(name.endswith("_AT_ONCE") for name in _bound(node)):
        return  # how much is worked on at a time: memory and time alone
    if _is_for_types(node):
        return
    function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    for name, value in ast.iter_fields(node):
        if name in UNSEEN:
            continue
        below = place
        if function and name in ("body",):
            below = _Place((), inside=True)
        elif isinstance(node, ast.stmt):
            below = _Place(place.names if place.inside else place.names + _bound(node), 0, 0, place.inside)
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                at = below
                if isinstance(child, ast.stmt):
                    at = _Place(below.names, child.lineno, child.end_lineno or child.lineno, below.inside)
                    if not below.inside:
                        at = _Place(below.names + _bound(child), at.first, at.last)
                elif isinstance(child, ast.expr):
                    statement = place if place.first and not isinstance(node, ast.stmt) else None
                    first = statement.first if statement else child.lineno
                    last = statement.last if statement else child.end_lineno or child.lineno
                    at = _Place(below.names, first, last, below.inside)
                else:
                    at = _Place(below.names, place.first, place.last, below.inside)
                yield child, at
                yield from _editable(child, at)


def _is_for_types(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def _bound(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.ClassDef | ast.FunctionDef):
        return (node.name,)
    targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
    return tuple(name.id for target in targets if target for name in ast.walk(target) if isinstance(name, ast.Name))


def _replaced(tree: ast.Module, node: ast.AST, replacement: ast.AST) -> ast.Module:
    class Replace(ast.NodeTransformer):
        def visit(self, each: ast.AST) -> ast.AST:
            if each is node:
                return ast.copy_location(replacement, each) if hasattr(each, "lineno") else replacement
            changed = copy.copy(each)  # the parts that are not edited are shared
            for name, value in ast.iter_fields(each):
                if isinstance(value, list):
                    setattr(changed, name, [self.visit(e) if isinstance(e, ast.AST) else e for e in value])
                elif isinstance(value, ast.AST):
                    setattr(changed, name, self.visit(value))
            return changed

    edited = Replace().visit(tree)
    assert isinstance(edited, ast.Module)
    return ast.fix_missing_locations(edited)


def _edits(node: ast.AST, fields: dict[str, str]) -> Iterator[Edit]:
    for kind, edits in _EDITS.items():
        if isinstance(node, kind):
            yield from edits(node)
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load) and node.attr in fields:
        yield f".{node.attr} -> .{fields[node.attr]}", ast.Attribute(node.value, fields[node.attr], node.ctx)


def _compare(node: ast.Compare) -> Iterator[Edit]:
    for place, operator in enumerate(node.ops):
        for table in (BOUNDS, OPPOSITES):
            if type(operator) in table:
                other = table[type(operator)]()
                edited = ast.Compare(node.left, [*node.ops[:place], other, *node.ops[place + 1 :]], node.comparators)
                yield f"{_name(operator)} -> {_name(other)}", edited


def _binary(node: ast.BinOp) -> Iterator[Edit]:
    if type(node.op) in ARITHMETIC and not isinstance(node.left, ast.JoinedStr):
        other = ARITHMETIC[type(node.op)]()
        yield f"{_name(node.op)} -> {_name(other)}", ast.BinOp(node.left, other, node.right)


def _augmented(node: ast.AugAssign) -> Iterator[Edit]:
    if type(node.op) in ARITHMETIC:
        other = ARITHMETIC[type(node.op)]()
        yield f"{_name(node.op)}= -> {_name(other)}=", ast.AugAssign(node.target, other, node.value)


def _boolean(node: ast.BoolOp) -> Iterator[Edit]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield f"{_name(node.op)} -> {_name(other)}", ast.BoolOp(other, node.values)


def _unary(node: ast.UnaryOp) -> Iterator[Edit]:
    if not isinstance(node.op, ast.UAdd):
        yield f"no {_name(node.op)}", node.operand


def _constant(node: ast.Constant) -> Iterator[Edit]:
    value = node.value
    if isinstance(value, bool):
        yield f"{value} -> {not value}", ast.Constant(not value)
    elif isinstance(value, int):
        yield f"{value} -> {value + 1}", ast.Constant(value + 1)
    elif isinstance(value, float):
        other = (value * 1.1 if value > 1e-3 else value * 10) or 1.0
        yield f"{value} -> {other:.6g}", ast.Constant(other)


def _call(node: ast.Call) -> Iterator[Edit]:
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""
    if name in TWIN:
        twin = ast.Name(TWIN[name], ast.Load())
        func = ast.Attribute(called.value, twin.id, twin.ctx) if isinstance(called, ast.Attribute) else twin
        yield f"{name} -> {twin.id}", ast.Call(func, node.args, node.keywords)
    first_two = [each for each in node.args[:2] if isinstance(each, ast.Name | ast.Attribute | ast.Subscript)]
    if (
        len({ast.dump(each) for each in first_two}) == 2
        and name not in EITHER_WAY
        and not any(map(_is_class, first_two))
    ):
        swapped = [node.args[1], node.args[0], *node.args[2:]]
        yield f"arguments of {name} swapped", ast.Call(called, swapped, node.keywords)


def _is_class(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id[:1].isupper() and not node.id.isupper()


def _condition(node: ast.If | ast.IfExp) -> Iterator[Edit]:
    if not isinstance(node.test, ast.Compare | ast.UnaryOp) and not _is_for_types(node):
        negated = copy.copy(node)
        negated.test = ast.UnaryOp(ast.Not(), node.test)
        yield "condition negated", negated


def _filter(node: ast.comprehension) -> Iterator[Edit]:
    if node.ifs:
        yield "filter dropped", ast.comprehension(node.target, node.iter, [], node.is_async)


def _statement(node: ast.Expr | ast.Break | ast.Continue) -> Iterator[Edit]:
    if not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call):
        yield "statement dropped", ast.Pass()


def _name(operator: ast.AST) -> str:
    return type(operator).__name__


_EDITS: dict[type | tuple[type, ...], Callable[..., Iterator[Edit]]] = {
    ast.Compare: _compare,
    ast.BinOp: _binary,
    ast.AugAssign: _augmented,
    ast.BoolOp: _boolean,
    ast.UnaryOp: _unary,
    ast.Constant: _constant,
    ast.Call: _call,
    (ast.If, ast.IfExp): _condition,
    ast.comprehension: _filter,
    (ast.Expr, ast.Break, ast.Continue): _statement,
}
