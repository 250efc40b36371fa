"""`make mutants` can do its work: the guards that it takes out stand where it looks for them."""

from __future__ import annotations

import pytest

from tests.chaos.mutants import MUTANTS, ROOT, Mutant


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda one: one.name)
def test_the_lines_of_a_mutant_and_its_tests_are_there(mutant: Mutant) -> None:
    for name, old, _ in mutant.changes:
        assert old in (ROOT / name).read_text(encoding="utf-8"), name
    for test in mutant.tests:
        path, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / path).read_text(encoding="utf-8")
