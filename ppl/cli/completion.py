"""Scripts that make a shell complete the words of `ppl`, written from the table of commands."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ppl.cli.commands import COMMANDS
from ppl.cli.words import Command, OneOf, Option


def bash() -> str:
    """Return the script for bash."""
    cases = "\n".join(_bash_case(command) for command in COMMANDS.values())
    return _BASH.format(commands=" ".join((*COMMANDS, "help", "--help", "--version")), cases=cases)


def zsh() -> str:
    """Return the script for zsh."""
    described = "\n".join(
        f"    '{name}:{_quoted(command.summary)}'" for name, command in COMMANDS.items()
    )
    cases = "\n".join(_zsh_case(command) for command in COMMANDS.values())
    return _ZSH.format(commands=described, cases=cases)


def fish() -> str:
    """Return the script for fish."""
    lines = ["# completion of `ppl` for fish", "complete -c ppl -n __fish_use_subcommand -f"]
    for name, command in COMMANDS.items():
        summary = _quoted(command.summary)
        lines.append(f"complete -c ppl -n __fish_use_subcommand -a {name} -d '{summary}'")
        here = f"complete -c ppl -n '__fish_seen_subcommand_from {name}'"
        lines.extend(
            f"{here} -l {option.flag[2:]} -d '{_quoted(option.help)}'{_fish(option)}"
            for option in command.options
        )
        words = _words(command)
        if words:
            lines.append(f"{here} -f -a '{' '.join(words)}'")
    return "\n".join(lines) + "\n"


SHELLS: Mapping[str, Callable[[], str]] = {"bash": bash, "zsh": zsh, "fish": fish}


def _choices(option: Option) -> tuple[str, ...]:
    return option.read.choices if isinstance(option.read, OneOf) else ()


def _words(command: Command) -> tuple[str, ...]:
    """Return the words that a command takes, where they are known and no files."""
    match command.name:
        case "distributions":
            from ppl.reference import distribution_lines

            return tuple(distribution_lines())
        case "functions":
            from ppl.reference import function_lines

            return tuple(function_lines())
        case "explain":
            from ppl.pipeline import codes

            return codes()
        case "completion":
            return tuple(SHELLS)
        case _:
            return ()


def _bash_case(command: Command) -> str:
    values = "".join(
        f"\n        {option.flag}) COMPREPLY=($(compgen -W '{' '.join(choices)}' -- \"$word\"));"
        " return ;;"
        for option in command.options
        if (choices := _choices(option))
    )
    inner = f'\n      case "$before" in{values}\n      esac' if values else ""
    flags = " ".join((*(option.flag for option in command.options), "--help"))
    words = " ".join(_words(command))
    return f"    {command.name}){inner}\n      flags='{flags}'\n      words='{words}' ;;"


def _zsh_case(command: Command) -> str:
    specs = [_zsh_option(option) for option in command.options]
    words = _words(command)
    specs.append(f"'*:word:({' '.join(words)})'" if words else "'*:file:_files'")
    lines = " \\\n        ".join(("'--help[show examples and options]'", *specs))
    return f"    {command.name})\n      _arguments \\\n        {lines} ;;"


def _zsh_option(option: Option) -> str:
    text = _quoted(option.help).replace("[", "\\[").replace("]", "\\]").replace(":", "\\:")
    again = "*" if option.many else ""
    if not option.value:
        return f"'{option.flag}[{text}]'"
    choices = _choices(option)
    action = f"({' '.join(choices)})" if choices else "_files" if _takes_file(option) else " "
    return f"'{again}{option.flag}[{text}]:{option.value.lower()}:{action}'"


def _fish(option: Option) -> str:
    if not option.value:
        return ""
    choices = _choices(option)
    if choices:
        return f" -x -a '{' '.join(choices)}'"
    return " -r" if _takes_file(option) else " -x"


def _takes_file(option: Option) -> bool:
    return option.value.startswith(("FILE", "FIT"))


def _quoted(text: str) -> str:
    return text.replace("'", "").replace("`", "")


_BASH = """\
# completion of `ppl` for bash
_ppl() {{
  local word="${{COMP_WORDS[COMP_CWORD]}}" before="${{COMP_WORDS[COMP_CWORD-1]}}" flags words
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '{commands}' -- "$word"))
    return
  fi
  case "${{COMP_WORDS[1]}}" in
{cases}
    *) return ;;
  esac
  case "$word" in
    -*) COMPREPLY=($(compgen -W "$flags" -- "$word")) ;;
    *) [ -z "$words" ] || COMPREPLY=($(compgen -W "$words" -- "$word")) ;;
  esac
}}
complete -o bashdefault -o default -F _ppl ppl
"""

_ZSH = """\
#compdef ppl
# completion of `ppl` for zsh
_ppl() {{
  local -a commands
  commands=(
{commands}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command="${{words[2]}}"
  shift words
  (( CURRENT-- ))
  case "$command" in
{cases}
  esac
}}
compdef _ppl ppl
"""
