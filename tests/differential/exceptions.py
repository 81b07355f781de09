"""Where a difference or a refusal is right, with the sentence that decides it."""

from __future__ import annotations

import re

from .cases import Case

# Of an operator: what decides.
REASONS: dict[str, str] = {}
# Of an operator, a part of the refusal's text: why it is right to refuse.
REFUSALS: list[tuple[str, str, str]] = []


def reason(case: Case) -> str | None:
    """Why a case may differ from what others give; None for a case that may not."""
    return None


def refusal(case: Case, text: str) -> str | None:
    """Why ovlite may refuse a case; None where it may not."""
    name = case.label.split()[0]
    for operator, pattern, sentence in REFUSALS:
        if operator == name and re.search(pattern, text):
            return sentence
    return None
