"""Make `votes.csv` from the American National Election Study of 1996 that statsmodels carries.

944 voters: Dole (1) or Clinton (0); where they place themselves from left (1) to right (7); age in
years; level of education (1 to 7) and of income (1 to 24).
"""

from pathlib import Path

import statsmodels.api as sm

NAMES = {"vote": "dole", "selfLR": "right", "age": "age", "educ": "education", "income": "income"}

table = sm.datasets.anes96.load_pandas().data[list(NAMES)].rename(columns=NAMES).astype(int)
table.to_csv(Path(__file__).with_name("votes.csv"), index=False)
