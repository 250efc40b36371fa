"""Links: one person with accounts on several platforms becomes one member.

A code is made on one platform, told to its maker alone, and said on another. It holds for ten minutes and
once; only its hash is kept. Who made it stays, with their role: so whoever is talked into saying somebody
else's code can give away nothing that the other does not have.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from core import audit, people
from core.errors import Invalid, NotAllowed, NotFound, Refusal
from core.people import Member
from core.store import links as rows
from core.turns import Turn

HOLDS = timedelta(minutes=10)
_LETTERS = "23456789ABCDEFGHJKMNPQRSTVWXYZ"  # none that is read as another
_LENGTH = 8
_COST = 2**12  # of scrypt: milliseconds for us, centuries for who has the hash and ten minutes


@dataclass(frozen=True, slots=True)
class Joined:
    """Two members became one: who stays, and how they are known from now on."""

    member: Member
    platforms: tuple[str, ...]


async def offer(turn: Turn, member: Member) -> str:
    """A new code; the earlier one of the member holds no more."""
    made = "".join(secrets.choice(_LETTERS) for _ in range(_LENGTH))
    digest = _hash(member.organization, made)
    await rows.keep(turn.connection, member.organization, member.pk, digest, turn.now + HOLDS)
    await audit.record(
        turn,
        organization=member.organization,
        member=member.pk,
        action="member.link_offered",
        subject=f"member:{member.pk}",
    )
    return f"{made[:4]}-{made[4:]}"


async def join(turn: Turn, member: Member, code: str) -> Joined | Refusal:
    """Make the speaker one with whoever made the code. A code that was said is used up, also where the
    answer is a refusal: that is why it is returned, not raised."""
    await people.order(turn, member.organization)
    maker = await rows.burn(turn.connection, member.organization, _hash(member.organization, code), turn.now)
    everyone = {one.pk: one for one in await people.everyone(turn, member.organization)}
    stays, gone = everyone.get(maker or 0), everyone.get(member.pk)
    if stays is None or gone is None:
        return NotFound(
            "That code is not known, or holds no more.",
            hint="Say `link` on the other platform for a new one, and say it here within ten minutes.",
        )
    if (refusal := await _refusal(turn, stays, gone)) is not None:
        return refusal
    await rows.join(turn.connection, gone.pk, stays.pk, stays.email or gone.email)
    known = tuple(row.platform for row in await rows.accounts(turn.connection, stays.pk))
    await audit.record(
        turn,
        organization=stays.organization,
        member=stays.pk,
        action="member.linked",
        subject=f"member:{stays.pk}",
        data={"from": gone.pk, "name": gone.name, "platforms": list(known)},
    )
    return Joined(stays, known)


async def _refusal(turn: Turn, stays: Member, gone: Member) -> Refusal | None:
    """Why these two are not made one; None where they may be."""
    if stays.pk == gone.pk:
        return Invalid(
            "You made that code with this account.",
            hint="Say it where you are known by another account. It is used up: say `link` for a new one.",
        )
    if gone.role is not None and not stays.may(gone.role):
        return NotAllowed(
            f"You are {gone.role} here, and the account that made the code is {stays.role or 'nobody'}.",
            hint="Say `link` with this account, and the new code with the other one: your role stays.",
        )
    theirs = {(row.platform, row.tenant) for row in await rows.accounts(turn.connection, gone.pk)}
    both = theirs & {(row.platform, row.tenant) for row in await rows.accounts(turn.connection, stays.pk)}
    if both:
        platform = sorted(both)[0][0]
        return Invalid(
            f"Both are accounts of the same place in {platform}.",
            hint="Two people stay two members. An admin gives roles: role NAME operator",
        )
    return None


def _hash(organization: int, code: str) -> str:
    plain = "".join(letter for letter in code.upper() if letter.isalnum())
    salt = f"slashjob link {organization}".encode()
    return hashlib.scrypt(plain.encode(), salt=salt, n=_COST, r=8, p=1).hex()
