"""The compiler and the interpreter agree on models written by hand."""

import pytest

from tests.interpreter.compare import check
from tests.interpreter.models import CASES, Case


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_log_joint_is_what_the_text_says(case: Case) -> None:
    check(case.text, case.data, table=case.table, sizes=case.sizes)
