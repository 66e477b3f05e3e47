"""Pictures of a fit by Matplotlib, to be looked at, changed and saved.

Comes after the fit and knows it only by what everybody can ask it. The report page draws by itself
(`ppl.report.plots`) and needs none of this. Every function returns a `matplotlib.figure.Figure`;
nothing global is touched, so no window opens and no state is left.
"""

from ppl.plots.pictures import elbo, pairs, plot, posterior, predictive

__all__ = ["elbo", "pairs", "plot", "posterior", "predictive"]
