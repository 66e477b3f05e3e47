"""Make `words.csv`: how often 60 documents of 80 words have each of 12 words; 3 topics."""

from pathlib import Path

import numpy as np

rng = np.random.default_rng(6)
documents, length, words, topics = 60, 80, 12, 3
topic = np.full((topics, words), 0.02)
for k in range(topics):
    topic[k, 4 * k : 4 * k + 4] = 0.21
topic /= topic.sum(axis=1, keepdims=True)
share = rng.dirichlet(np.full(topics, 0.5), documents)
counts = rng.multinomial(length, share @ topic)
rows = [f"{d},{w},{counts[d, w]}" for d in range(documents) for w in range(words) if counts[d, w]]
Path(__file__).with_name("words.csv").write_text("doc,word,times\n" + "\n".join(rows) + "\n")
