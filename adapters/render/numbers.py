"""Numbers as people read them: `12,345.68`, `1.2M`, `€1,234`, `12.5%`. Pure."""

from __future__ import annotations

import math

DECIMALS_LIMIT = 12
SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£", "JPY": "¥", "INR": "₹"}
_STEPS = ((1e12, "T"), (1e9, "B"), (1e6, "M"), (1e3, "k"))
_SPELLED_OUT = 1e15  # above, digits are noise: 1.23e+20


def number(value: float, decimals: int | None = None) -> str:
    """With thousands separators. Without `decimals`: as many as say something, at most two (or four
    for numbers below one)."""
    if not math.isfinite(value):
        return "–"
    if abs(value) >= _SPELLED_OUT:
        return _signed(f"{value:.4g}") if isinstance(value, float) else _signed(_scientific(value))
    if decimals is not None:
        places = max(0, min(decimals, DECIMALS_LIMIT))
        return _signed(f"{value:,.{places}f}")
    if isinstance(value, int) or float(value).is_integer():
        return _signed(f"{value:,.0f}")
    places = 2 if abs(value) >= 1 else 4
    text = f"{value:,.{places}f}".rstrip("0").rstrip(".")
    if text in ("0", "-0"):
        text = f"{value:.2g}"
    return _signed(text)


def compact(value: float) -> str:
    """Three digits and a letter, for labels: `1.23M`, `45.6k`, `-0.5`."""
    if not math.isfinite(value):
        return "–"
    if abs(value) >= 1e15:
        return number(value)
    for index, (size, letter) in enumerate(_STEPS):
        if abs(value) >= size * (0.99995 if index < len(_STEPS) - 1 else 0.9995):
            return _signed(f"{_three_digits(value / size)}{letter}")
    return _signed(_three_digits(value))


def money(value: float, currency: str = "", decimals: int | None = None) -> str:
    """With its currency: a sign before, a word after. Cents only where there are any, and then two."""
    places = decimals if decimals is not None else (0 if float(value).is_integer() else 2)
    return with_unit(number(value, places), currency)


def percent(share: float, decimals: int = 1) -> str:
    """A share as percent: 0.125 is `12.5%`."""
    text = number(share * 100, decimals)
    return (text.rstrip("0").rstrip(".") if "." in text else text) + "%"


def with_unit(text: str, unit: str) -> str:
    """The number's text with its unit: `€12`, `-€12`, `12%`, `12 clicks`."""
    unit = SYMBOLS.get(unit, unit)
    if not unit:
        return text
    if unit in SYMBOLS.values():
        return f"-{unit}{text[1:]}" if text.startswith("-") else f"{unit}{text}"
    return f"{text}{unit}" if unit in ("%", "°") else f"{text} {unit}"


def amount(value: float, unit: str) -> str:
    """A number with its unit, whatever that is: money with cents, everything else as it comes."""
    symbol = SYMBOLS.get(unit, unit)
    return money(value, symbol) if symbol in SYMBOLS.values() else with_unit(number(value), unit)


def _three_digits(value: float) -> str:
    if 0 < abs(value) < 0.01:
        return f"{value:.2g}"
    places = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2
    text = f"{value:.{places}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _scientific(value: int) -> str:
    digits = str(abs(value))
    return f"{'-' if value < 0 else ''}{digits[0]}.{digits[1:4]}e+{len(digits) - 1}"


def _signed(text: str) -> str:
    return text[1:] if text.startswith("-") and not any(one in text for one in "123456789") else text
