"""Code checks a user of grade-school arithmetic would write: does an answer end, and are its sums right?

They see the answer alone. Nothing of it is executed: a sum is parsed, and only numbers and + - * / are worked out.
"""

from __future__ import annotations

import ast
import operator
import re

from replay_policies import Policy

_MARKED = re.compile(r"#### *-?\$?[\d,]*\.?\d+[^\n]*\s*$")
_BARE = re.compile(r"#### *-?\d[\d,]*\.?\d*\s*$")
_WHOLE = re.compile(r"####[^\n]*\d[^\n]*$|[.!?)\]*]$")
_NOTE = re.compile(r"<<([^=<>]+)=([^<>]+)>>")
_NUMBER = r"\d+(?:\.\d+)?"
_SUM = re.compile(rf"({_NUMBER}(?: *[-+*/] *{_NUMBER})+) *= *(-?{_NUMBER})(?![\d.]*\d| *[-+*/^%(])")
_TIMES = re.compile(r"(?<=\d) *[x×] *(?=\d)")
_MIDWAY = re.compile(r"[-+*/^%)(\w.] *$")
"""Before what looks like a sum: it is the tail of a longer one, or of an unknown's."""
_WORDS = re.compile(r"[A-Za-z]{2,}[.,:;]? *$")
_OPERATORS = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_LEAST_OFF = 0.01
"""Of the result; less is rounding."""


def ends_in_a_marked_number(output: str, source: str) -> str | None:
    """The form that the few-shot prompt showed: a last line `#### 18`."""
    return None if _MARKED.search(output) else "does not end in '#### number'"


def ends_in_a_bare_number(output: str, source: str) -> str | None:
    """The same with nothing but the number after the mark: no unit, no word, no sign of money."""
    return None if _BARE.search(output) else "does not end in '#### number' and nothing more"


def is_finished(output: str, source: str) -> str | None:
    """Does it come to an end, on a line that states a number?"""
    text = output.strip()
    last = text.rpartition("\n")[2]
    return None if re.search(r"\d", last) and _WHOLE.search(text) else "does not come to a result"


def sums_are_right(output: str, source: str) -> str | None:
    """Each `2 + 3 = 5` in the text, and each note `<<2+3=5>>`, worked out again."""
    text = _TIMES.sub("*", output.replace(",", "").replace("$", ""))
    written = [(m[1], m[2]) for m in _SUM.finditer(text) if _begins(text[: m.start()])]
    noted = [(m[1], m[2]) for m in _NOTE.finditer(text)]
    wrong = next((f"{left}={right}" for left, right in (*written, *noted) if _is_wrong(left, right)), None)
    return None if wrong is None else f"a sum is wrong: {wrong[:80]}"


def _begins(before: str) -> bool:
    return not _MIDWAY.search(before) or bool(_WORDS.search(before))


def _is_wrong(left: str, right: str) -> bool:
    """Not where a side is more than numbers."""
    found, said = _value(left), _value(right)
    return found is not None and said is not None and abs(found - said) > _LEAST_OFF * max(1.0, abs(found))


def _value(text: str) -> float | None:
    try:
        return _worked_out(ast.parse(text.strip(), mode="eval").body)
    except (SyntaxError, ValueError, KeyError, ZeroDivisionError, RecursionError, OverflowError):
        return None


def _worked_out(node: ast.expr) -> float:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_worked_out(operand)
        case ast.BinOp(left=left, op=op, right=right):
            return float(_OPERATORS[type(op)](_worked_out(left), _worked_out(right)))
        case _:
            raise ValueError("more than a sum of numbers")


CHECKS = (is_finished, sums_are_right)

GSM8K_POLICIES = (
    Policy("check: ends in '#### number'", checks=(ends_in_a_marked_number,)),
    Policy("check: ends in '#### number' alone", checks=(ends_in_a_bare_number,)),
    Policy("check: is finished", checks=(is_finished,)),
    Policy("check: its sums are right", checks=(sums_are_right,)),
    Policy("checks: is finished, its sums are right", checks=CHECKS),
)
