"""The command that an editor starts: ``ppl lsp``."""

from __future__ import annotations

from ppl.cli.words import Arguments, refuse


def lsp(arguments: Arguments) -> int:
    """Serve an editor over standard input and output."""
    if arguments.files:
        refuse(f"`ppl lsp` takes no file, and `{arguments.files[0]}` is given")
    try:
        from ppl.lsp.server import serve
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] not in ("pygls", "lsprotocol"):
            raise
        refuse("the language server needs pygls", "install it: `pip install 'ppl[lsp]'`")
    serve()
    return 0
