"""Every law for every distribution of the table."""

import pytest

from ppl.distributions import DISTRIBUTIONS

from .laws import LAWS


@pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)
@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_law(name, law):
    record = DISTRIBUTIONS[name]
    if law.__name__ in record.exceptions:
        pytest.skip(record.exceptions[law.__name__])
    law(record)


def test_exceptions_name_laws():
    names = {law.__name__ for law in LAWS}
    for record in DISTRIBUTIONS.values():
        assert set(record.exceptions) <= names
