"""What must hold after chaos: read from the rows, from what the jobs really did, and from what Slack has."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import pairwise
from time import localtime, strftime
from typing import Any

import sqlalchemy as sa

from core.store import tables
from tests.chaos.world import ALONE, CAPS, FAULT, World

EVERY = {"skips": 2, "queues": 4, "replaces": 6, "allows": 2, "flaky": 6}  # seconds
ATTEMPTS = {"queues": 3, "flaky": 4, "many": 2}
REPEATED = ("failed", "lost", "interrupted", "timed_out")


class Proof:
    """The rows of everything, read once; `mistakes` says what does not hold."""

    def __init__(self, world: World) -> None:
        self.world = world
        with world.engine.connect() as connection:
            self.rows = {
                table.name: connection.execute(sa.select(table)).mappings().all()
                for table in (
                    tables.jobs, tables.schedules, tables.firings, tables.batches, tables.locks, tables.runs,
                    tables.attempts, tables.deliveries, tables.incidents,
                )
            }  # fmt: skip
        self.jobs = {row["pk"]: row["name"] for row in self.rows["jobs"]}
        self.batches = {row["pk"]: row for row in self.rows["batches"]}
        self.runs = {row["pk"]: row for row in self.rows["runs"]}
        self.by_id = {row["id"]: row for row in self.rows["runs"]}
        self.effects = world.effects

    def mistakes(self) -> list[str]:
        """Every rule that was broken, with where."""
        rules = (
            self.instants, self.overlaps, self.caps, self.tries, self.did, self.retries, self.alerts,
            self.delivered, self.wishes, self.told, self.rest,
        )  # fmt: skip
        return [f"{rule.__name__}: {one}" for rule in rules for one in rule()]

    def figures(self) -> dict[str, Any]:
        """How much there was to prove."""
        return {
            "due instants": len(self.rows["firings"]),
            "batches": dict(Counter(row["state"] for row in self.rows["batches"])),
            "runs": dict(Counter(row["status"] for row in self.rows["runs"])),
            "attempts": dict(Counter(row["outcome"] for row in self.rows["attempts"])),
            "deliveries": dict(Counter(row["state"] for row in self.rows["deliveries"])),
            "signs of life": len(self.effects),
            "wishes": len(self.world.accepted),
            "answers": dict(self.world.answers),
            "answered afterwards": sum(map(self.world.told, self.world.accepted)),
            "posts": sum(len(place.messages) for place in self.world.slack.places.values()),
        }

    def instants(self) -> Iterator[str]:
        """No due instant is missing or doubled; what started has its batch."""
        names = {row["pk"]: row["name"] for row in self.rows["schedules"]}
        due: dict[int, list[Any]] = defaultdict(list)
        for row in self.rows["firings"]:
            due[row["schedule"]].append((row["due_at"], row["until_at"] or row["due_at"]))
            if row["outcome"] == "started" and row["batch"] not in self.batches:
                yield f"{names[row['schedule']]} started nothing at {row['due_at']}"
        if set(EVERY) - {names[pk] for pk in due}:
            yield "a schedule was never due"
        for pk, instants in due.items():
            step = timedelta(seconds=EVERY[names[pk]])
            for (_, until), (following, _) in pairwise(sorted(instants)):
                if following - until != step:
                    yield f"{names[pk]}: between {until} and {following}"
        started = Counter(
            (row["job"], row["due_at"]) for row in self.rows["batches"] if row["trigger"] == "schedule"
        )
        for (job, at), number in started.items():
            if number > 1:
                yield f"{self.jobs[job]} has {number} batches for {at}"

    def overlaps(self) -> Iterator[str]:
        """Batches that exclude each other follow each other, in what they really did."""
        for lane in ALONE:
            spans = _spans((self._batch(run), place) for place, run in self._signs(lane))
            for (one, (_, end)), (other, (begin, _)) in pairwise(spans):
                if begin < end:
                    yield f"{lane}: #{other} began before #{one} had ended (line {begin} of the effects)"

    def caps(self) -> Iterator[str]:
        """No more runs of a job at once than it allows."""
        for lane, most in CAPS.items():
            spans = _spans((tuple(self.effects[place][2:4]), place) for place, _ in self._signs(lane))
            for run, (begin, _) in spans:
                at_once = sum(1 for _, (first, last) in spans if first <= begin <= last)
                if at_once > most:
                    yield f"{lane}: {at_once} at once when {run} began"

    def tries(self) -> Iterator[str]:
        """Every run has ended, and each of its tries has its row and its outcome."""
        known: dict[int, list[Any]] = defaultdict(list)
        for row in self.rows["attempts"]:
            known[row["run"]].append(row)
        for pk, run in self.runs.items():
            numbers = sorted(row["number"] for row in known[pk])
            if numbers != list(range(1, run["attempt"] + 1)):
                yield f"{run['id']} has tries {numbers} and says {run['attempt']}"
            if run["ended_at"] is None:
                yield f"{run['id']} is {run['status']}"
            if any(not row["outcome"] for row in known[pk]):
                yield f"{run['id']} has a try without an outcome"
            outcomes = [row["outcome"] for row in sorted(known[pk], key=lambda row: row["number"])]
            if outcomes.count("succeeded") > (run["status"] == "succeeded"):
                yield f"{run['id']} is {run['status']} after {outcomes}"

    def did(self) -> Iterator[str]:
        """Each try was begun at most once, one after the other; what succeeded was done whole."""
        outcomes = {
            (self.runs[row["run"]]["id"], row["number"]): row["outcome"] for row in self.rows["attempts"]
        }
        signs: dict[tuple[str, int], list[str]] = defaultdict(list)
        last: dict[str, int] = {}
        for sign, _, run, attempt, *_ in self.effects:
            signs[run, int(attempt)].append(sign)
            if last.get(run, 0) > int(attempt):
                yield f"{run}: try {attempt} lived on after try {last[run]} had begun"
            last[run] = int(attempt)
        for key, given in signs.items():
            if key not in outcomes:
                yield f"{key} was done, and has no row"
            if given.count("begin") != 1:
                yield f"{key} was begun {given.count('begin')} times"
        for key, outcome in outcomes.items():
            if outcome == "succeeded" and [signs[key].count(one) for one in ("begin", "end")] != [1, 1]:
                yield f"{key} succeeded with {signs[key]}"

    def retries(self) -> Iterator[str]:
        """What did not succeed had every try that it was owed."""
        for run in self.runs.values():
            name = self.jobs[run["job"]]
            if run["status"] == "interrupted" and name == "allows":
                yield f"{run['id']} of {name} may be begun again, and is interrupted"
            owed = ATTEMPTS.get(name, 1)
            asked = run["cancel_requested_at"] is not None
            if run["status"] in REPEATED and run["attempt"] < owed and not asked:
                yield f"{run['id']} of {name} is {run['status']} after {run['attempt']} of {owed} tries"

    def alerts(self) -> Iterator[str]:
        """Who has to know of a failure was told, by its own alert or that of what keeps failing."""
        told = {row["subject"] for row in self.rows["deliveries"] if row["kind"] == "alert"}
        for pk, batch in self.batches.items():
            if batch["state"] not in ("failed", "partly_failed") or batch["channel"] is None:
                continue
            subjects = {f"batch:{batch['id']}"} | {
                f"incident:{one['id']}"
                for one in self.rows["incidents"]
                if one["job"] == batch["job"] and one["first_batch"] <= pk <= one["last_batch"]
            }
            if not subjects & told:
                yield f"#{pk} of {self.jobs[batch['job']]} {batch['state']} without a word"

    def delivered(self) -> Iterator[str]:
        """No delivery is lost; what is there twice is known to be in doubt."""
        posts: Counter[str] = Counter()
        there: dict[str, list[str]] = defaultdict(list)
        known = set()
        for place in self.world.slack.places.values():
            for message in place.messages:
                known.add(message["ts"])
                payload = message.get("metadata", {}).get("event_payload", {})
                if "delivery" in payload:
                    posts[str(payload["delivery"])] += 1
                    at = strftime("%H:%M:%S", localtime(float(message["ts"])))
                    place_of = f" in thread {message['thread_ts']}" if message.get("thread_ts") else ""
                    there[str(payload["delivery"])].append(f"at {at}{place_of}")
        for row in self.rows["deliveries"]:
            where = f"{row['kind']} of {row['subject']}"
            if row["state"] not in ("sent", "unknown", "suppressed"):
                yield f"{where} is {row['state']}: {row['error']}"
            if (
                row["state"] == "sent"
                and row["external_id"]
                and row["external_id"].rpartition(":")[2] not in known
            ):
                yield f"{where} is sent, and Slack has no {row['external_id']}"
            if posts[row["id"]] > 1 and row["state"] != "unknown":
                yield f"{where} is {row['state']} and there {posts[row['id']]} times: {there[row['id']]}"
            if row["state"] == "sent" and row["version"] != row["sent_version"]:
                yield f"{where} is not up to date"

    def wishes(self) -> Iterator[str]:
        """What was said and acknowledged was started once, or answered; nothing was started twice."""
        made = Counter(
            wish
            for wish in {(run["parameters"].get("wish", "none"), run["batch"]) for run in self.runs.values()}
            if wish[0] != "none"
        )
        batches = Counter(wish for wish, _ in made)
        for wish, number in batches.items():
            if number > 1:
                yield f"{wish} was started {number} times"
        for wish in self.world.accepted:
            if not batches[wish] and not self.world.told(wish):
                yield f"{wish} was acknowledged, and neither started nor answered"

    def told(self) -> Iterator[str]:
        """Whoever asked while something was broken was told what, and not of an error of the bot's own."""
        shown = [str(message) for message in self.world.slack.ephemerals]
        for text in self.world.faults + [one for one in shown if FAULT in one]:
            yield text[:300]

    def rest(self) -> Iterator[str]:
        """Nothing is left behind."""
        if self.rows["locks"]:
            yield f"locks are held: {self.rows['locks']}"

    def _signs(self, lane: str) -> Iterator[tuple[int, str]]:
        return (
            (place, line[2]) for place, line in enumerate(self.effects) if len(line) > 3 and line[1] == lane
        )

    def _batch(self, run: str) -> int:
        return int(self.by_id[run]["batch"]) if run in self.by_id else -1


def _spans(signs: Iterator[tuple[Any, int]]) -> Sequence[tuple[Any, tuple[int, int]]]:
    """(who, (first line, last line)) of everybody, by their first line."""
    found: dict[Any, tuple[int, int]] = {}
    for who, place in signs:
        found[who] = (found.get(who, (place, place))[0], place)
    return sorted(found.items(), key=lambda one: one[1])
