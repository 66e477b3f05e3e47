"""Make `x.npy`: the first 1,000 of scikit-learn's handwritten digits, 8 x 8 pixels, on or off."""

from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

images = load_digits().data[:1000]
np.save(Path(__file__).with_name("x.npy"), (images > 7).astype(np.int8))
