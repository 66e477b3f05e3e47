"""How near the default answer comes to long, checked Markov chains, on posteriors known to all."""
