"""The grammar: `parse` reads a typed line, `spell` is its exact inverse, `COMMANDS` is the table of all."""

from core.commands.command import Command, Reference, read_reference
from core.commands.grammar import not_yet
from core.commands.line import LINE_LIMIT
from core.commands.repairs import parse
from core.commands.spec import Choice, Name, Place, Spec
from core.commands.spelling import spell, spell_value
from core.commands.table import COMMANDS

__all__ = [
    "COMMANDS",
    "LINE_LIMIT",
    "Choice",
    "Command",
    "Name",
    "Place",
    "Reference",
    "Spec",
    "not_yet",
    "parse",
    "read_reference",
    "spell",
    "spell_value",
]
