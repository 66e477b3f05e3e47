"""All models of the repository, and what the parser takes each piece of them for."""

from pathlib import Path

from ppl.syntax.parse import Parser
from ppl.syntax.tables import load
from ppl.syntax.token import Token
from ppl.text import Source

ROOT = Path(__file__).parents[2]
MODELS = sorted([*ROOT.glob("examples/*/*.ppl"), *ROOT.glob("benchmarks/accuracy/models/*.ppl")])
TRICKY = """\
# words that are keywords in one place and names in another
data data[N] > 0 missing -1, weight[N], from[N] in J from 1
dim K = 3, guide_size
param W[K] in Simplex, s > 0 = 1e-3
fn twice(missing) { double = 2 * missing; double }
informal ~ Normal(0, inf)
normal = if not informal < 2 and .5 >= pi then twice(1.) else format(μ_σ²)
for n in N, k in 1:K { z[n, k] ~ Gamma(mu = 1, sigma = 2) in (0, 3) }
data ~ Normal(sum(z[n, 0] for n in N) % 3, s) weight weight
factor logp(Normal(0, 1), -W[0] ^ 2)
require W[0] != W[1]
x[K] ~ Mixture([.3, .7], Normal(0, 1), Normal(3, 1)) > -1
guide { default ~ meanfield }
"""
KEYWORDS = {"_FOR", "_IN", "_IF", "_THEN", "_ELSE", "AND", "OR", "NOT"}
SOFT = {"_WEIGHT", "_MISSING", "_FROM"}
DECLARING = {"_DATA", "_DIM", "_PARAM", "_FN", "_GUIDE", "_FACTOR", "_REQUIRE"}


def texts() -> list[str]:
    """Return the models as texts."""
    return [TRICKY, *(path.read_text(encoding="utf-8") for path in MODELS)]


def tokens_of(text: str) -> list[Token]:
    """Return the tokens as the parser reads them, in the state in which it reads them."""
    found: list[Token] = []

    class Listening(Parser):
        def next_token(self) -> Token:
            token = super().next_token()
            if token.text.strip():
                found.append(token)
            return token

    Listening(Source("model.ppl", text), load()).run()
    return found


def kind_of(token: Token) -> str:
    """Return what a highlighter should take a token for."""
    if token.kind in KEYWORDS | SOFT:
        return "keyword"
    if token.kind in DECLARING:
        return "declaration"
    if token.kind == "NAME":
        return "number" if token.text == "pi" else "name"
    if token.kind in ("NUMBER", "STRING"):
        return token.kind.lower()
    return "sign"
