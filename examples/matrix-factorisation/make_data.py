"""Make `ratings.csv`: 900 of the 60 x 40 ratings of items by users, of rank 2 with noise."""

from pathlib import Path

import numpy as np

rng = np.random.default_rng(8)
users, items, rank = 60, 40, 2
taste, trait = rng.standard_normal((users, rank)), rng.standard_normal((items, rank))
every = np.stack(np.meshgrid(np.arange(users), np.arange(items), indexing="ij"), -1).reshape(-1, 2)
seen = every[np.sort(rng.choice(len(every), 900, replace=False))]
rating = 3 + np.sum(taste[seen[:, 0]] * trait[seen[:, 1]], axis=1)
rating += 0.3 * rng.standard_normal(len(seen))
rows = [f"{u},{i},{r:.2f}" for (u, i), r in zip(seen, rating, strict=True)]
text = "user,item,rating\n" + "\n".join(rows) + "\n"
Path(__file__).with_name("ratings.csv").write_text(text)
