"""Make `engel.csv` from the copy of Engel's (1857) data that statsmodels carries.

Yearly income and expenditure on food of 235 Belgian working-class households, in francs.
"""

from pathlib import Path

import statsmodels.api as sm

table = sm.datasets.engel.load_pandas().data.rename(columns={"foodexp": "food"})
table[["income", "food"]].round(2).to_csv(Path(__file__).with_name("engel.csv"), index=False)
