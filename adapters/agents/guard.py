"""The guard: starts one program and sees to it that nothing of it outlives its time.

Run as a file by `guards.py` (`python -I -S guard.py`) this is the nursery: it has everything imported and
forks a guard whenever four descriptors come in on its socket: the program's standard input, output and error,
and a socket between worker and guard. Only the standard library, nothing of ours.

On that socket come one line of JSON (the order), then `until <CLOCK_BOOTTIME seconds>` about once a second,
or `stop`. Back go lines of JSON: `{"guard": pid}`, `{"started": pid}` or `{"refused": errno}`, `{"stuck":
[pids]}` where something will not die, and at the end `{"ended": {...}}`, only when no process of the program
lives.

The tree is ended (SIGTERM, a grace, SIGKILL) on `stop`, when the socket closes (the worker is gone), when
no newer `until` came before the last one was near (the worker is frozen), when the time of the order is over,
and when the program itself ended but left something behind. The guard is a subreaper: what double-forks or
calls setsid becomes its child and is found in /proc. Where there is none (macOS), the program's process group
is all that can be ended, and the end says so (`"tree": false`).
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import resource
import select
import signal
import socket
import sys
import time
from typing import Any, NoReturn

CONTROL = 3
SWEEP = 0.05  # seconds of one round of SIGKILL
PATIENCE = 8.0  # seconds of SIGKILL after which the worker is told what will not die
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)  # it goes on while the machine sleeps
PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
PR_SET_CHILD_SUBREAPER = 36


def boottime() -> float:
    """Seconds on the clock of the lease."""
    return time.clock_gettime(CLOCK)


def prctl(option: int, value: int) -> bool:
    """Linux's prctl(2); False where there is none or it refused."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        return bool(ctypes.CDLL(None).prctl(option, value, 0, 0, 0) == 0)
    except (OSError, AttributeError):
        return False


class Worker:
    """The other end of the socket. Where it is gone, what we say goes nowhere."""

    def __init__(self) -> None:
        self.buffer = b""
        self.gone = False

    def order(self) -> dict[str, Any]:
        """Wait for the order; leave where none will come."""
        while b"\n" not in self.buffer:
            self.read()
            if self.gone:
                os._exit(0)
        line, _, self.buffer = self.buffer.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def read(self) -> None:
        """Take what came; blocks where nothing did."""
        try:
            data = os.read(CONTROL, 1 << 20)
        except ConnectionError:
            data = b""
        self.gone = not data
        self.buffer += data

    def lines(self) -> list[list[str]]:
        """The whole lines that came, as words."""
        *whole, self.buffer = self.buffer.split(b"\n")
        return [line.decode().split() for line in whole]

    def tell(self, **what: object) -> None:
        """Say one thing."""
        try:
            os.write(CONTROL, json.dumps(what).encode() + b"\n")
        except OSError:
            self.gone = True


class Tree:
    """The program and everything that came from it."""

    def __init__(self, order: dict[str, Any], *, whole: bool) -> None:
        self.whole = whole  # every descendant is found, not only the process group
        self.status: int | None = None
        self.childless = False
        self.problem, problem = os.pipe()
        guard = os.getpid()
        self.main = os.fork()
        if self.main == 0:
            become(order, problem, guard)
        os.close(problem)

    def reap(self) -> None:
        """Collect what has ended, orphans too."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                self.childless = True
                return
            if pid == self.main:
                self.status = status
            if pid == 0:
                return

    @property
    def over(self) -> bool:
        """Nothing of it lives."""
        if self.whole or not self.childless:
            return self.childless
        try:
            os.killpg(self.main, 0)
        except OSError:
            return True
        return False

    def pids(self) -> list[int]:
        """Every process of the tree, also one whose first thread alone has ended (it looks like a zombie)."""
        if not self.whole:
            return [] if self.over else [self.main]
        below: dict[int, list[int]] = {}
        for pid, parent in parents().items():
            below.setdefault(parent, []).append(pid)
        found: list[int] = []
        look = [os.getpid()]
        while look:
            new = below.get(look.pop(), [])
            found += new
            look += new
        return found

    def signal(self, number: int) -> None:
        """Send it to all of them."""
        for pid in self.pids():
            deliver(pid, number, group=not self.whole)

    def kill(self) -> None:
        """End it from the root: what a killed process leaves behind becomes our child, and is next.

        It is quick, so that what forks away all the time is caught between two of its forks.
        """
        if not self.whole:
            self.signal(signal.SIGKILL)
            return
        limit = boottime() + SWEEP
        while not self.childless and boottime() < limit:
            for pid in children():
                deliver(pid, signal.SIGKILL)
            self.reap()

    def end(self) -> None:
        """Kill it until it is over, or nothing more helps."""
        limit = boottime() + PATIENCE
        while not self.over and boottime() < limit:
            self.kill()
            self.reap()


def children() -> list[int]:
    """Our own children, those that we got from the dead too."""
    me = os.getpid()
    try:
        with open(f"/proc/{me}/task/{me}/children", "rb") as file:  # noqa: PTH123
            return [int(pid) for pid in file.read().split()]
    except FileNotFoundError:  # a kernel without CONFIG_PROC_CHILDREN
        return [pid for pid, parent in parents().items() if parent == me]


def parents() -> dict[int, int]:
    """Every process of the system with its parent."""
    found = {}
    for name in os.listdir("/proc"):  # noqa: PTH208 - this file starts quickly
        if not name.isdecimal():
            continue
        try:
            with open(f"/proc/{name}/stat", "rb") as file:  # noqa: PTH123
                found[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
        except OSError:
            continue  # it ended meanwhile
    return found


def deliver(pid: int, number: int, *, group: bool = False) -> None:
    """Send a signal; what has ended, or belongs to somebody else, is left alone."""
    try:
        (os.killpg if group else os.kill)(pid, number)
    except (ProcessLookupError, PermissionError):
        return


def become(order: dict[str, Any], problem: int, guard: int) -> NoReturn:
    """In the child: turn into the program. What prevents that is told through `problem`."""
    try:
        os.setsid()
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            os._exit(127)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, [])
        offer_to_oom_killer()
        for name, value in order["limits"].items():
            limit(getattr(resource, name), value)
        os.chdir(unpack(order["folder"]))
        environment = {unpack(name): unpack(value) for name, value in order["environment"].items()}
        os.execve(  # noqa: S606 - no shell is the point
            unpack(order["executable"]), [unpack(one) for one in order["arguments"]], environment
        )
    except OSError as error:
        os.write(problem, str(error.errno).encode())
    except BaseException:  # whatever it is: this is a fork, which has to say so and end, never go on
        os.write(problem, str(errno.EINVAL).encode())
    finally:
        os._exit(127)


def unpack(text: str) -> bytes:
    """Text as the kernel takes it; bytes of paths that are no UTF-8 travel as surrogates."""
    return text.encode("utf-8", "surrogateescape")


def limit(kind: int, value: int) -> None:
    """Set a limit, never above what we are allowed ourselves."""
    _, most = resource.getrlimit(kind)
    value = value if most == resource.RLIM_INFINITY else min(value, most)
    resource.setrlimit(kind, (value, value))


def offer_to_oom_killer() -> None:
    """Let memory trouble end the program before it ends the worker or the guard."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:  # noqa: PTH123
            file.write("500")
    except OSError:
        return  # no Linux, or not allowed: the kernel chooses by itself


class Watch:
    """When the tree has to end, and why. `why` is empty as long as it may live."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.grace: float = order["grace"]
        self.linger: float = order["linger"]
        self.ends_at: float = order["ends_at"]
        self.why = ""
        self.kill_at = float("inf")
        self.left_at = float("inf")
        self.until = -1.0
        self.extend(order["until"])

    def extend(self, until: float) -> None:
        """The worker holds the run until then. A quarter of what is left is kept for the ending.

        Hearing the same again changes nothing: else what is kept would shrink as the end comes near.
        """
        if until == self.until:
            return
        self.until = until
        spare = min(self.grace, max(0.0, until - boottime()) / 4)
        self.stop_at = until - spare
        self.dead_at = until - spare / 4

    def decide(self, tree: Tree, worker: Worker, *, stop: bool) -> bool:
        """Whether the tree has to end from now on; True once."""
        now = boottime()
        if tree.status is not None and self.left_at == float("inf"):
            self.left_at = now + self.linger
        if self.why:
            return False
        reasons = {
            "stop": stop,
            "closed": worker.gone,
            "lease": now >= self.stop_at,
            "time": now >= self.ends_at,
            "left": now >= self.left_at,
        }
        self.why = next((name for name, true in reasons.items() if true), "")
        if self.why:
            self.kill_at = now + self.grace
        return bool(self.why)

    def pause(self) -> float:
        """Seconds until something may have to be done; short sleeps, a sleeping machine stops them."""
        if self.why:
            return max(0.0, min(0.1, min(self.kill_at, self.dead_at) - boottime()))
        return max(0.0, min(1.0, min(self.stop_at, self.ends_at, self.left_at) - boottime()))

    def must_kill(self) -> bool:
        """The grace is over."""
        return bool(self.why) and boottime() >= min(self.kill_at, self.dead_at)


def guard(order: dict[str, Any], worker: Worker, alarm: int, *, whole: bool) -> None:
    """Start the program, watch it, and report when nothing of it is left."""
    watch = Watch(order)
    if not welcome(watch, worker):
        worker.tell(ended={"status": None, "why": "stop", "left": 0, "tree": whole})
        return
    tree = Tree(order, whole=whole)
    let_go_of_its_output()
    try:
        left = tend(tree, watch, worker, alarm)
    finally:
        tree.end()  # it is over, unless something here went wrong
    worker.tell(ended={"status": tree.status, "why": watch.why, "left": left, "tree": whole})


def tend(tree: Tree, watch: Watch, worker: Worker, alarm: int) -> int:
    """See it to its end; returns how many processes there were when they had to be ended."""
    listening = {CONTROL, alarm, tree.problem}
    killing_since, left, stuck, pause = 0.0, 0, False, 0.02
    while True:
        tree.reap()
        if tree.over and tree.problem not in listening:
            return left
        ready, _, _ = select.select(listening, [], [], pause if killing_since else watch.pause())
        if alarm in ready:
            os.read(alarm, 4096)
        if tree.problem in ready:
            listening.discard(tree.problem)
            tell_start(tree, worker)
        if CONTROL in ready:
            worker.read()
        if worker.gone:
            listening.discard(CONTROL)
        tree.reap()
        if watch.decide(tree, worker, stop=obey(watch, worker)):
            left = len(tree.pids())
            tree.signal(signal.SIGTERM)
            tree.signal(signal.SIGCONT)
        if watch.must_kill():
            listening.discard(tree.problem)
            killing_since = killing_since or boottime()
            tree.kill()
        if killing_since and not stuck and boottime() > killing_since + PATIENCE:
            stuck, pause = True, 1.0
            worker.tell(stuck=tree.pids())


def tell_start(tree: Tree, worker: Worker) -> None:
    """The program runs, or what kept it from that."""
    code = os.read(tree.problem, 16)
    if code:
        worker.tell(refused=int(code))
    else:
        worker.tell(started=tree.main)


def obey(watch: Watch, worker: Worker) -> bool:
    """Heed what the worker said; whether it said stop."""
    lines = worker.lines()
    for words in lines:
        if words[:1] == ["until"]:
            watch.extend(float(words[1]))
    return ["stop"] in lines


def welcome(watch: Watch, worker: Worker) -> bool:
    """The program is still wanted: a guard that was slow to start must not begin what was given up."""
    if select.select([CONTROL], [], [], 0)[0]:
        worker.read()
    stop = obey(watch, worker)
    return not stop and not worker.gone and boottime() < min(watch.stop_at, watch.ends_at)


def let_go_of_its_output() -> None:
    """The program's descriptors are not ours: who reads them must see their end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)


def serve(descriptors: list[int]) -> NoReturn:
    """Be the guard of one program."""
    os.setpgid(0, 0)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number, inheritable=number != CONTROL)
    os.closerange(CONTROL + 1, 256)
    alarm, ring = os.pipe()
    os.set_blocking(alarm, False)
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    whole = prctl(PR_SET_CHILD_SUBREAPER, 1) and os.path.isdir("/proc/self")  # noqa: PTH112
    worker = Worker()
    worker.tell(guard=os.getpid())
    guard(worker.order(), worker, alarm, whole=whole)
    os._exit(0)  # nothing to tidy, and it is quicker


def main() -> NoReturn:
    """The nursery: fork a guard for every four descriptors, until the worker is gone."""
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)  # only the worker decides; its end is the socket's end
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # guards that ended need nobody to collect them
    let_go_of_its_output()
    orders = socket.socket(fileno=CONTROL)
    while True:
        try:
            wanted, descriptors, _, _ = socket.recv_fds(orders, 1, 4)
        except ConnectionError:
            wanted = b""
        if not wanted:
            os._exit(0)
        try:
            if os.fork() == 0:
                serve(descriptors)
        except OSError as error:
            said = {"refused": error.errno, "ended": {"status": None, "why": "", "left": 0, "tree": True}}
            os.write(descriptors[CONTROL], json.dumps(said).encode() + b"\n")
        for descriptor in descriptors:
            os.close(descriptor)


if __name__ == "__main__":
    main()
