"""The kinds of diagnostic that reading data can give."""

from __future__ import annotations

from typing import NoReturn

from ppl.text import DataError, Kind

NOT_FOUND = Kind(
    "data-not-found",
    "A word of the command line that is neither an option nor the model names a data file, or, as "
    "`NAME=FILE`, a variable and its file. The file must exist and be readable; `-` stands for "
    "standard input.",
)
FORMAT = Kind(
    "data-format",
    "The kind of a data file is told from its ending: `.npy` holds one array, `.npz` several by "
    "name, `.json` numbers and nested lists by name, `.csv`, `.tsv` and `.parquet` a table with "
    "named columns, `.nc` (netCDF) and `.zarr` arrays with named axes. A file without an ending, "
    "and standard input, are told by their first bytes. Files with pickled objects are refused, "
    "because opening one runs code that it brings.",
)
DAMAGED = Kind(
    "data-damaged",
    "The file does not hold what its ending promises: it is empty, cut short, or a line of it "
    "cannot be read. Nothing is guessed: what cannot be read whole is not read at all.",
)
NEEDS_EXTRA = Kind(
    "needs-an-extra",
    "The core needs NumPy, SciPy, autograd and Lark only. Some kinds of files need another "
    "library, which is imported when such a file is read: pyarrow for `.parquet`, h5netcdf and "
    "h5py for netCDF 4, zarr for `.zarr`. `pip install 'ppl[data]'` installs them all.",
)
RAGGED = Kind(
    "data-ragged",
    "Nested lists become arrays, so all lists of one depth must have the same length. Groups of "
    "different sizes are written as one long list of values beside a list that gives each value's "
    "group; a missing value is `null`.",
)
NOT_NUMBERS = Kind(
    "data-not-numbers",
    "Data are real numbers, whole numbers, truth values (0 and 1) or texts (labels, which become "
    "positions in their sorted order). Complex numbers, dates and other objects have no single "
    "meaning as a number, so the choice is yours: hours since a start, a real and an imaginary "
    "part, and so on.",
)
TWICE = Kind(
    "data-twice",
    "Every name stands for one array. The same name from two files, or twice in one, is an error, "
    "even if the values agree. Names are compared in the Unicode form NFKC, as in a model: `σ²` "
    "and `σ2` are the same name.",
)
WORD = Kind(
    "data-argument",
    "Data are given as `FILE`, as `NAME=FILE`, or as `NAME=FILE:KEY` for one array of a file that "
    "holds several, or one column of a table.",
)
RENAMED = Kind(
    "data-renamed",
    "A name in a model consists of letters, digits and underscores. Columns and keys with other "
    "characters are offered under a name in which those are replaced by an underscore.",
    severity="note",
)
UNPACKED = Kind(
    "data-unpacked",
    "Parquet and Zarr of 64 MB and more are unpacked once, part by part, to temporary files in the "
    "folder that `TMPDIR` names. They are gone when the program ends.",
    severity="note",
)
NO_HEADER = Kind(
    "data-no-header",
    "The first line of a `.csv` or `.tsv` file names its columns. Where that line holds numbers "
    "only, the file is taken as one array without names: rows by columns, or a vector where there "
    "is one column.",
    severity="note",
)
UNNAMED = Kind(
    "data-unnamed-column",
    "A column whose name is empty (often the row numbers that a data frame was written with) "
    "cannot be referred to and is left out.",
    severity="note",
)


def fail(kind: Kind, message: str, help: str | None = None) -> NoReturn:
    """Raise a `DataError` with one diagnostic."""
    raise DataError((kind(message, help=help),))


NOT_OBSERVED = Kind(
    "data-not-observed",
    "A random variable is observed if it is declared `data`, if nothing depends on it, or if it is "
    "named explicitly (`NAME=FILE`, `--observe NAME`, a keyword in Python). A latent's name that "
    "merely occurs in a data file, as simulated truths do, is not observed.",
    severity="warning",
)
UNUSED = Kind(
    "data-unused",
    "Names of the data that the model does not have are left aside.",
    severity="note",
)
NONE_USED = Kind(
    "none-of-the-data-used",
    "Data are bound by name. Where the model has none of the names, the answer would be that of "
    "the prior, which is hardly what the data were given for. Data that are left aside beside "
    "others that are used are only noted.",
)
NOTHING_OBSERVED = Kind(
    "nothing-observed",
    "Without a statement `~` whose left side is data, and without `factor`, there is nothing to "
    "learn from: all that the answer can show is the prior.",
    severity="warning",
)
NO_SUCH_DATA = Kind(
    "data-missing",
    "What a model declares as `data` and gives no distribution must be given; so must what is to "
    "be observed.",
)
NO_PLACE = Kind(
    "data-without-a-name",
    "A file that holds one array without a name is bound to the name that the file's own name "
    "says, or else to the one observable that has no data yet.",
)
SHAPE = Kind(
    "data-shape",
    "Data must have the axes that the model gives them, and one dimension has one size.",
)
VALUE = Kind(
    "data-value",
    "Values must lie where the model says: in the declared set, in the support of their "
    "distribution, or among the positions of the dimension that they point into.",
)
MISSING = Kind(
    "data-missing-values",
    "Missing values (NaN, null, an empty cell) of data with a distribution are predicted, and "
    "inferred where others depend on them. Where they have no distribution and are read, where "
    "they are a part of a vector whose rest has no known distribution, and under `Censored`, they "
    "are an error.",
)
MISSING_NOTED = Kind(
    "data-missing-noted",
    "Missing values are left out of the likelihood and predicted; where other quantities depend on "
    "them they are latent, and inferred with the rest.",
    severity="note",
)
FORGOTTEN = Kind(
    "data-not-read",
    "Data of an outcome at positions of which no statement speaks, on its left side or in another "
    "expression, do not count. Positions start at 0, so a range `1:N` leaves the first one out.",
    severity="note",
)
WEIGHTED_LATENT = Kind(
    "weighted-latent",
    "A weight says how often an observation was made, or how much it counts. A latent is not "
    "observed: its distribution is its prior, which stands once. What is drawn after the fit "
    "ignores weights.",
    wrong="data w, y\nz ~ Normal(0, 1) weight w\ny ~ Normal(z, 1)",
    right="data w, y\nz ~ Normal(0, 1)\ny ~ Normal(z, 1) weight w",
)
TEXT = Kind(
    "data-text",
    "Texts are labels: positions in a dimension. They cannot be calculated with.",
)
SIZE_FOUND = Kind(
    "size-from-positions",
    "Where nothing else says how large a dimension is, the largest position that points into it "
    "does.",
    severity="note",
)
