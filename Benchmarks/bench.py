#!/usr/bin/env python3
"""Measures Martlet beside its peers, all in one run on one machine, and prints the tables of README.md.

    Benchmarks/bench.py [--quick] [SECTION…]      SECTION: floor acceptance submission relay lists local idle start queue latency
"""

import argparse
import json
import os
import pathlib
import poplib
import resource
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from peers import ROOT, SCRATCH, Martlet, OpenSMTPD, Postfix, Sink, SubmissionPostfix  # noqa: E402
from processes import resident_bytes, wait_until  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
SIZE = 4096
ROUNDS = 3


def compiled(source, *flags):
    """A small C program of this folder, compiled into a scratch folder."""
    made = pathlib.Path(tempfile.gettempdir()) / f"martlet-bench-{os.getpid()}-{pathlib.Path(source).stem}"
    subprocess.run(["cc", "-O2", "-Wall", "-o", made, HERE / source, *flags], check=True)
    return made


def pump(port, sessions, messages, reuse=True, to="someone@remote.test", size=SIZE):
    """Sends with Postfix's smtp-source; returns the seconds it took."""
    began = time.monotonic()
    subprocess.run(
        ["smtp-source", "-s", str(sessions), *(["-d"] if reuse else []), "-m", str(messages), "-l", str(size),
         "-f", "sender@elsewhere.test", "-t", to, f"127.0.0.1:{port}"], check=True, timeout=600)
    return time.monotonic() - began


def table(title, head, rows):
    print(f"\n### {title}\n")
    print("| " + " | ".join(head) + " |")
    print("| " + " | ".join("---" for _ in head) + " |")
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    sys.stdout.flush()


def progress(text):
    print(f"… {text}", file=sys.stderr, flush=True)


SHAPES = {"20 sessions": (20, True), "100 sessions": (100, True), "20 sessions, a connection each message": (20, False)}


def acceptance(quick):
    """Durable acceptance with delivery held: the median of rounds that take turns between the servers."""
    peers = [
        lambda: Sink(),
        lambda: Martlet("--outbound", "hold"),
        lambda: Postfix({"smtpd_client_restrictions": "check_client_access static:HOLD"}),
        lambda: OpenSMTPD(),
    ]
    messages = {"smtp-sink": 20000, "Martlet": 20000, "Postfix": 3000, "OpenSMTPD": 200}
    rates, costs, syncs = {}, {}, {}
    for make in peers:
        try:
            with make() as peer:
                syncs[peer.name] = peer.syncs
                # OpenSMTPD makes and deletes files, which this kind of disk is slow at: one round of it says enough.
                for _ in range(1 if quick or peer.name == "OpenSMTPD" else ROUNDS):
                    for shape, (sessions, reuse) in SHAPES.items():
                        progress(f"acceptance: {peer.name}, {shape}")
                        count = messages[peer.name] // (5 if quick else 1)
                        before = peer.cpu()
                        seconds = pump(peer.port, sessions, count, reuse)
                        rates.setdefault((peer.name, shape), []).append(count / seconds)
                        costs.setdefault((peer.name, shape), []).append((peer.cpu() - before) / count * 1e6)
        except Exception as error:  # a peer that cannot be had is said, not passed over
            print(f"not measured: {error}", file=sys.stderr)
    names = list(syncs)
    ours = {shape: statistics.median(rates[("Martlet", shape)]) for shape in SHAPES}
    rows = []
    for shape in SHAPES:
        for name in names:
            rate, cost = statistics.median(rates[(name, shape)]), statistics.median(costs[(name, shape)])
            rows.append([shape, name, f"{rate:,.0f}", f"{cost:.0f}", f"{ours[shape] / rate:.2f}", syncs[name]])
    table("Acceptance: messages of 4 KiB, delivery held",
          ["load", "server", "messages/s", "CPU µs a message", "Martlet ÷ server", "what it syncs"], rows)


SUBMISSION_SHAPES = {"20 connections, kept": (20, 0), "20 sessions, a connection and log-in each message": (20, 1)}


def submission(quick):
    """People's mail: STARTTLS, AUTH SCRAM-SHA-256 and messages of 4 KiB, delivery held; rounds take turns between the servers."""
    source = compiled("submission_source.c", "-lssl", "-lcrypto", "-lpthread")
    peers = {
        "Martlet": (lambda: Martlet("--outbound", "hold"), 587, "alice@example.test", "alice-secret"),
        "Postfix": (lambda: SubmissionPostfix("alice@example.test", "alice-secret"), 25, "alice@example.test", "alice-secret"),
    }
    counts = {("Martlet", 0): 20000, ("Postfix", 0): 3000, ("Martlet", 1): 2000, ("Postfix", 1): 1000}
    rates, costs = {}, {}
    try:
        for _ in range(1 if quick else ROUNDS):
            for name, (make, service, user, password) in peers.items():
                with make() as peer:
                    port = peer.base + service if name == "Martlet" else peer.port
                    for shape, (sessions, per) in SUBMISSION_SHAPES.items():
                        progress(f"submission: {name}, {shape}")
                        count = counts[(name, per)] // (10 if quick else 1)
                        before = peer.cpu()
                        seconds = float(subprocess.run(
                            [source, str(port), str(sessions), str(count), str(per), str(SIZE), user, password, "someone@remote.test"],
                            check=True, capture_output=True, text=True, timeout=600).stdout)
                        rates.setdefault((name, shape), []).append(count / seconds)
                        costs.setdefault((name, shape), []).append((peer.cpu() - before) / count * 1e6)
    finally:
        source.unlink()
    rows = []
    for shape in SUBMISSION_SHAPES:
        ours = statistics.median(rates[("Martlet", shape)])
        for name in peers:
            rate, cost = statistics.median(rates[(name, shape)]), statistics.median(costs[(name, shape)])
            rows.append([shape, name, f"{rate:,.0f}", f"{cost:.0f}", f"{ours / rate:.2f}"])
    table("Submission: AUTH SCRAM-SHA-256 over TLS, messages of 4 KiB, delivery held (Postfix with Cyrus SASL; the aim is 5)",
          ["load", "server", "messages/s", "CPU µs a message", "Martlet ÷ server"], rows)


def relay(quick):
    """In through SMTP, spooled, out to smtp-sink: until the sink has the last message."""
    count = {"Martlet": 2000 if quick else 20000, "Postfix": 500 if quick else 3000}
    rows, rates = [], {}
    for name in count:
        for _ in range(1 if quick else ROUNDS):
            with Sink() as sink:
                make = {
                    "Martlet": lambda: Martlet("--outbound", f"127.0.0.1:{sink.port}"),
                    "Postfix": lambda: Postfix({"relayhost": f"[127.0.0.1]:{sink.port}"}),
                }[name]
                with make() as peer:
                    progress(f"relay: {name}")
                    before, began = peer.cpu(), time.monotonic()
                    pump(peer.port, 20, count[name])
                    wait_until(lambda: sink.received() >= count[name], 300, f"{name} relays everything")
                    rates.setdefault(name, []).append((count[name] / (time.monotonic() - began),
                                                       (peer.cpu() - before) / count[name] * 1e6))
    medians = {name: statistics.median(rate for rate, _ in found) for name, found in rates.items()}
    for name, found in rates.items():
        rows.append([name, f"{medians[name]:,.0f}", f"{statistics.median(cost for _, cost in found):.0f}",
                     f"{medians['Martlet'] / medians[name]:.2f}"])
    table("Relay: SMTP in, spool, SMTP out to smtp-sink", ["server", "messages/s", "CPU µs a message", "Martlet ÷ server"], rows)


def lists(quick):
    """A post to a list: until it is queued for all members, and until the sink has every copy; beside messages of one recipient."""
    members = 1000 if quick else 10000
    plain, copies, queued = [], [], []
    for _ in range(1 if quick else ROUNDS):
        with Sink() as sink, Martlet("--outbound", f"127.0.0.1:{sink.port}") as peer:
            progress("lists: messages of one recipient")
            before, began = peer.cpu(), time.monotonic()
            pump(peer.port, 20, members)
            wait_until(lambda: sink.received() >= members, 300, "everything is relayed")
            plain.append((members / (time.monotonic() - began), (peer.cpu() - before) / members * 1e6))
            peer.administer("list", "add", "news@example.test", "--owner", "alice@example.test", "--post", "anyone")
            peer.administer("list", "members", "add", "news@example.test", "--file", "-",
                            stdin="".join(f"m{number}@remote.test\n" for number in range(members)))
            progress("lists: a post")
            done, before, began = sink.received(), peer.cpu(), time.monotonic()
            pump(peer.port, 1, 1, to="news@example.test")
            # The first copy comes after the post is queued for all members.
            wait_until(lambda: sink.received() > done, 60, "the first copy is out", every=0.005)
            queued.append(time.monotonic() - began)
            wait_until(lambda: sink.received() >= done + members, 300, "all copies are out", every=0.005)
            copies.append((members / (time.monotonic() - began), (peer.cpu() - before) / members * 1e6))
    rate = statistics.median(rate for rate, _ in copies)
    ours = statistics.median(rate for rate, _ in plain)
    table(f"Mailing lists: a post of 4 KiB to {members:,} members at smtp-sink",
          ["what", "copies/s", "CPU µs a copy", "÷ plain relay"],
          [["messages of one recipient, in and out", f"{ours:,.0f}", f"{statistics.median(c for _, c in plain):.0f}", "1.00"],
           ["the post's copies, from its first octet on", f"{rate:,.0f}", f"{statistics.median(c for _, c in copies):.0f}",
            f"{rate / ours:.2f}"]])
    print(f"\nUntil the post is queued for all and its first copy is out: {statistics.median(queued):.2f} s (aim: < 1 s).")


def mailbox_count(base):
    session = poplib.POP3("127.0.0.1", base + 110, timeout=30)
    session.user("alice@example.test")
    session.pass_("alice-secret")
    count = session.stat()[0]
    session.quit()
    return count


def local(quick):
    """Into one account's mailbox: Postfix into a Maildir, Martlet into its store."""
    rows, rates = [], {}
    for name, count in {"Martlet": 1000 if quick else 10000, "Postfix": 300 if quick else 2000}.items():
        for _ in range(1 if quick else ROUNDS):
            if name == "Martlet":
                peer, address = Martlet(), "alice@example.test"
            else:
                peer, address = Postfix({"home_mailbox": "Maildir/", "virtual_mailbox_domains": "example.test",
                                         "mydestination": "", "virtual_mailbox_maps": "static:alice/",
                                         "virtual_uid_maps": "static:65534", "virtual_gid_maps": "static:65534"}), "alice@example.test"
                peer.settings["virtual_mailbox_base"] = peer.folder / "mail"
                (peer.folder / "mail").mkdir(mode=0o777)
                os.chmod(peer.folder / "mail", 0o777)
            with peer:
                progress(f"local: {name}")
                new = peer.folder / "mail/alice/new"
                delivered = (lambda: mailbox_count(peer.base)) if name == "Martlet" else (
                    lambda: len(os.listdir(new)) if new.exists() else 0)
                before, began = peer.cpu(), time.monotonic()
                pump(peer.port, 20, count, to=address)
                wait_until(lambda: delivered() >= count, 300, f"{name} delivers everything", every=0.05)
                rates.setdefault(name, []).append((count / (time.monotonic() - began), (peer.cpu() - before) / count * 1e6))
    medians = {name: statistics.median(rate for rate, _ in found) for name, found in rates.items()}
    for name, found in rates.items():
        rows.append([name, f"{medians[name]:,.0f}", f"{statistics.median(cost for _, cost in found):.0f}",
                     f"{medians['Martlet'] / medians[name]:.2f}"])
    table("Local delivery into one mailbox", ["server", "messages/s", "CPU µs a message", "Martlet ÷ server"], rows)


def idle(quick):
    """Resident memory of the idle server, and of each idle connection after its greeting and EHLO."""
    count = 1000 if quick else 10000
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(65536, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    with Martlet("--set", f"limits.connections={count + 100}", "--set", f"limits.connections-per-address={count + 100}") as peer:
        time.sleep(2)
        empty = resident_bytes(peer.pid)
        held = []
        for n in range(count):
            connection = socket.create_connection(("127.0.0.1", peer.port), 10)
            assert connection.recv(512).startswith(b"220")
            connection.sendall(b"EHLO idle.test\r\n")
            assert connection.recv(2048).startswith(b"250")
            held.append(connection)
        time.sleep(2)
        full = resident_bytes(peer.pid)
        for connection in held:
            connection.close()
    table("Memory", ["what", "measured", "aim"], [
        ["idle server", f"{empty / 2**20:.1f} MiB", "≤ 40 MiB"],
        [f"one of {count:,} idle SMTP connections", f"{(full - empty) / count / 1024:.2f} KiB", "≤ 8 KiB"],
    ])


def start(quick):
    """Starting with a full queue, and the memory then."""
    count = 10000 if quick else 100000
    peer = Martlet("--outbound", "hold")
    with peer:
        progress(f"start: queueing {count:,} messages")
        pump(peer.port, 100, count)
        peer.kill()
        began = time.monotonic()
        peer.start()
        wait_until(lambda: greeted(peer.port), 60, "the restarted server greets", every=0.002)
        seconds = time.monotonic() - began
        time.sleep(2)
        resident = resident_bytes(peer.pid)
    table(f"Start with {count:,} messages queued, after SIGKILL", ["what", "measured", "aim"], [
        ["until it greets on port 25", f"{seconds:.2f} s", "< 1 s"],
        ["resident memory then", f"{resident / 2**20:.0f} MiB", "< 150 MiB"],
    ])


def queue(quick):
    """A large queue: how long each queue command takes, the memory, and a start with all of it."""
    count = 20000 if quick else 1000000
    with Martlet("--outbound", "hold", "--set", "spool.max-size=64GiB") as peer:
        began = time.monotonic()
        for number in range(10):
            progress(f"queue: {count // 10:,} messages for d{number}.test")
            pump(peer.port, 100, count // 10, to=f"someone@d{number}.test", size=1024)
        pump(peer.port, 1, 10, to="someone@few.test", size=1024)
        filled = time.monotonic() - began

        def run(*arguments):
            began = time.monotonic()
            done = subprocess.run([ROOT / ".build/release/martlet", "queue", *arguments, "--data", peer.folder / "data"],
                                  capture_output=True, text=True)
            assert done.returncode == 0, f"queue {' '.join(arguments)}: {done.stderr}"
            return time.monotonic() - began, done.stdout

        def waiting():
            return sum(d["ready"] + d["deferred"] + d["held"] + d["inFlight"] for d in json.loads(run("destinations", "--json")[1]))

        def settled():
            """Whether everything is held again, after it was let go and the configuration held it once more."""
            return all(d["ready"] + d["inFlight"] == 0 for d in json.loads(run("destinations", "--json")[1]))

        rows = []

        def measure(*command, times=1):
            progress(f"queue: {' '.join(command)}")
            seconds = max(run(*command)[0] for _ in range(times))
            rows.append([" ".join("ID" if word == first else word for word in command), f"{seconds:.3f} s", "< 1 s"])

        def memory(when):
            rows.append([f"resident memory {when} (at most so far)",
                         f"{resident_bytes(peer.pid) / 2**20:.0f} MiB ({resident_bytes(peer.pid, 'VmHWM') / 2**20:.0f} MiB)",
                         "< 500 MiB"])

        wait_until(lambda: waiting() >= count, 60, "everything is queued", every=0.5)
        memory("after filling")
        first = json.loads(run("list", "--limit", "1", "--json")[1])[0]["id"]
        # The slowest of three, of what can be done again.
        for command in (
            ["list", "--limit", "100"], ["list"], ["list", "--domain", "few.test"], ["list", "--domain", "d5.test"],
            ["list", "--domain", "none.test"], ["list", "--state", "deferred"], ["show", first], ["destinations"],
            ["orders"], ["flush"], ["flush", "--domain", "few.test"], ["hold", first], ["release", first],
            ["hold", "--domain", "few.test"], ["release", "--domain", "few.test"], ["reroute", first, "--to", "-"],
        ):
            measure(*command, times=3)
        for command in (
            ["suspend", "d1.test", "--reason", "bench"], ["resume", "d1.test"], ["hold", "--all"], ["hold", "--domain", "d2.test"],
            ["flush", "--domain", "d2.test"], ["reroute", "--domain", "d2.test", "--to", "-"], ["reroute", "--all", "--to", "-"],
            ["release", "--domain", "few.test"], ["release", "--domain", "d3.test"], ["bounce", first], ["delete", "--domain", "few.test"],
        ):
            measure(*command)
        wait_until(settled, 120, "what was released is held again", every=1)
        measure("release", "--all")
        # While all of it is looked at anew, as after every release.
        measure("list", "--limit", "100", times=3)
        measure("hold", "--all")
        memory("after these orders")
        before = waiting()
        peer.kill()
        began = time.monotonic()
        peer.start()
        wait_until(lambda: greeted(peer.port), 120, "the restarted server greets", every=0.005)
        rows.append(["a start, after SIGKILL, until it greets", f"{time.monotonic() - began:.2f} s", ""])
        measure("hold", "--all")
        wait_until(lambda: waiting() >= before, 300, "the queue is taken up", every=0.5)
        rows.append(["the same start, until all is taken up", f"{time.monotonic() - began:.1f} s", ""])
        memory("after the start")
        measure("bounce", "--domain", "d4.test")
        measure("list", "--limit", "100", times=3)
        measure("delete", "--domain", "d4.test")
        measure("delete", "--all")
        memory("at the end")
    table(f"Queue commands with {count:,} messages, filled in {filled:.0f} s", ["command", "measured", "aim"], rows)


def greeted(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 1) as connection:
            return connection.recv(100).startswith(b"220")
    except OSError:
        return False


def latency(quick):
    """The time from the end of the content to its 250, at half the full rate, on this disk and on one of 1 ms a sync."""
    source, slow = compiled("paced_source.c"), compiled("slow_sync.c", "-shared", "-fPIC", "-ldl")
    rows = []
    try:
        for disk, environment in (("as it is", {}), ("fdatasync takes 1 ms", {"LD_PRELOAD": str(slow)})):
            with Martlet("--outbound", "hold", environment=environment) as peer:
                count = 4000 if quick else 20000
                pump(peer.port, 20, count // 4)
                full = count / pump(peer.port, 20, count)
                progress(f"latency: disk {disk}, full rate {full:,.0f}/s")
                seconds = 2 if quick else 10
                printed = subprocess.run(
                    [source, str(peer.port), "20", f"{full / 2:.0f}", str(seconds), str(SIZE), "sender@elsewhere.test",
                     "someone@remote.test"], check=True, capture_output=True, text=True).stdout.split()
                rows.append([disk, f"{full:,.0f}", f"{float(printed[1]):,.0f}", *printed[2:]])
    finally:
        source.unlink()
        slow.unlink()
    table("Acceptance latency, 20 sessions at half the full rate (ms; the aim is p99 < 10)",
          ["disk", "full rate", "rate", "p50", "p90", "p99", "p99.9", "max"], rows)


def floor(quick):
    """What the machine allows: raw fdatasync of 4 KiB overwritten in place, one after the other."""
    path = pathlib.Path(SCRATCH) / f"martlet-bench-{os.getpid()}.raw"
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    rows = []
    try:
        os.write(file, b"\0" * (16 << 20))
        os.fsync(file)
        for size in (4096, 65536, 262144):
            block, count = b"x" * size, 200 if quick else 2000
            began = time.monotonic()
            for n in range(count):
                os.pwrite(file, block, n * size % (16 << 20))
                os.fdatasync(file)
            seconds = time.monotonic() - began
            rows.append([f"{size // 1024} KiB", f"{count / seconds:,.0f}", f"{seconds / count * 1e6:.0f}"])
    finally:
        os.close(file)
        path.unlink()
    table("Floor: overwrite and fdatasync, one at a time", ["write", "syncs/s", "µs each"], rows)


SECTIONS = {f.__name__: f for f in (floor, acceptance, submission, relay, lists, local, idle, start, queue, latency)}


def main():
    parser = argparse.ArgumentParser(description="Measures Martlet beside its peers in one run.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=" ".join(SECTIONS))
    parser.add_argument("--quick", action="store_true", help="few messages and one round: does it work at all")
    options = parser.parse_args()
    unknown = [name for name in options.sections if name not in SECTIONS]
    if unknown:
        parser.error(f"no section {unknown[0]}: there are {' '.join(SECTIONS)}")
    for name in options.sections or SECTIONS:
        SECTIONS[name](options.quick)


if __name__ == "__main__":
    main()
