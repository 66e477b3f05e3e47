"""Make `patients.csv`: about 3,000 patients of 300 clinics of very different size, simulated.

A patient's outcome is the clinic's level, an effect of the dose, and noise.
"""

from pathlib import Path

import numpy as np

rng = np.random.default_rng(3)
clinics = 300
level = 10 + 2 * rng.standard_normal(clinics)
sizes = 1 + rng.poisson(rng.gamma(1.5, 6, clinics))
clinic = np.repeat(np.arange(clinics), sizes)
dose = rng.uniform(0, 4, clinic.size).round(2)
outcome = level[clinic] - 0.8 * dose + 1.5 * rng.standard_normal(clinic.size)
with Path(__file__).with_name("patients.csv").open("w") as file:
    file.write("clinic,dose,outcome\n")
    for row in zip(clinic, dose, outcome, strict=True):
        file.write("{},{:.2f},{:.3f}\n".format(*row))
