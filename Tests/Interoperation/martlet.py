"""Starts the built program as a user would and talks to it from outside. Python's standard library only."""

import json
import os
import pathlib
import poplib
import shutil
import signal
import smtplib
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARY = pathlib.Path(os.environ.get("MARTLET", ROOT / ".build/debug/martlet")).resolve()
SERVICES = {"lmtp": 24, "smtp": 25, "pop3": 110, "odmr": 366, "mtqp": 1038, "submissions": 465, "submission": 587, "pop3s": 995}


def eventually(condition, what, patience=120, every=0.05):
    """Waits for a condition and returns its value; what is being waited for is the failure's sentence."""
    deadline = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {patience} s: {what}")
        time.sleep(every)


_next_port = 21000 + (os.getpid() * 61) % 90 * 100


def free_port():
    """A port of 127.0.0.1 that nobody has, and that the system gives to no outgoing connection."""
    global _next_port
    for _ in range(9000):
        _next_port = 21000 + (_next_port - 21000 + 1) % 9000
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", _next_port))
                return _next_port
            except OSError:
                continue
    raise AssertionError("no free port")


# Below the ports that the system gives to outgoing connections.
_next_base = 10000 + (os.getpid() * 61) % 90 * 100


def free_base():
    """A base such that base + every service's well-known port is free on 127.0.0.1; each call tries others."""
    global _next_base
    for _ in range(300):
        _next_base = 10000 + (_next_base - 10000 + 1201) % 9000
        probes = []
        try:
            for offset in SERVICES.values():
                probe = socket.socket()
                probes.append(probe)
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", _next_base + offset))
            return _next_base
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise AssertionError("no free range of ports")


def folder():
    return pathlib.Path(tempfile.mkdtemp(prefix="martlet-test-"))


class Martlet:
    """`martlet dev` on ports and in a folder of its own."""

    host = "127.0.0.1"

    def __init__(self, *arguments, data=None, base=None, environment=None):
        self.own = data is None
        self.data = pathlib.Path(data) if data else folder()
        self.base = base or free_base()
        self.arguments = [str(argument) for argument in arguments]
        self.environment = {**os.environ, **(environment or {})}
        self.process = None

    def port(self, service):
        return self.base + SERVICES[service]

    def start(self):
        self.data.mkdir(parents=True, exist_ok=True)
        self.log = open(self.data / "test.log", "ab")
        self.begins = self.log.tell()
        self.process = subprocess.Popen(
            [BINARY, "dev", "--data", self.data, "--base-port", str(self.base), *self.arguments],
            stdout=self.log, stderr=self.log, env=self.environment)
        eventually(self._greets, f"the server greets; its log: {self.said()}", patience=180)
        return self

    def _greets(self):
        if self.process.poll() is not None:
            raise AssertionError(f"martlet dev ended with {self.process.returncode}: {self.said()}")
        # SMTP is the first of the doors: the last is open when the server says so.
        if b" is ready." not in (self.data / "test.log").read_bytes()[self.begins:]:
            return False
        try:
            # This door is opened last.
            with socket.create_connection((self.host, self.port("pop3s")), 60):
                pass
            with socket.create_connection((self.host, self.port("smtp")), 60) as connection:
                return connection.recv(512).startswith(b"220")
        except OSError:
            return False

    def said(self):
        try:
            return (self.data / "test.log").read_text(errors="replace")[-3000:]
        except FileNotFoundError:
            return ""

    def kill(self):
        """As a power cut: no goodbye."""
        self.process.kill()
        self.process.wait()
        self.log.close()

    def stop(self, patience=90):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(patience)
        self.log.close()
        return self.process.returncode

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError("the server did not stop in 90 s")
        finally:
            if self.own:
                shutil.rmtree(self.data, ignore_errors=True)

    def run(self, *arguments, stdin=None):
        """An administration command: (exit status, standard output, standard error)."""
        done = subprocess.run([BINARY, *map(str, arguments), "--data", self.data], capture_output=True, text=True,
                              timeout=240, input=stdin, env=self.environment)
        return done.returncode, done.stdout, done.stderr

    def control(self, *arguments, stdin=None):
        status, output, errors = self.run(*arguments, stdin=stdin)
        assert status == 0, f"martlet {' '.join(map(str, arguments))}: {status}: {errors or output}"
        return output

    def json(self, *arguments):
        return json.loads(self.control(*arguments, "--json"))

    def smtp(self, service="smtp"):
        return smtplib.SMTP(self.host, self.port(service), timeout=120)

    def send(self, content, to, sender="carol@elsewhere.test", **options):
        with self.smtp() as session:
            return session.sendmail(sender, to, content, **options)

    def pop(self, user="alice", utf8=True):
        session = poplib.POP3(self.host, self.port("pop3"), timeout=120)
        if utf8:
            session.utf8()
        session.user(f"{user}@example.test")
        session.pass_(f"{user}-secret")
        return session

    def mailbox(self, user="alice"):
        """Every message of a mailbox as bytes."""
        session = self.pop(user)
        messages = [b"\r\n".join(session.retr(n + 1)[1]) for n in range(session.stat()[0])]
        session.quit()
        return messages

    def receives(self, user="alice", count=1, patience=120):
        return eventually(lambda: (found := self.mailbox(user)) and len(found) >= count and found,
                          f"{user} has {count} messages", patience=patience, every=0.1)


def submit(martlet, to, content, mail_options=(), rcpt_options=(), user="alice"):
    """Hands a message in as one of the people here."""
    sender = f"{user}@example.test"
    with martlet.smtp("submission") as session:
        session.login(sender, f"{user}-secret")
        session.sendmail(sender, to, content, mail_options, rcpt_options)


def letter(subject="a letter", to="alice@example.test", sender="carol@elsewhere.test", body="Hello.", identifier=None):
    identifier = identifier or f"{time.monotonic_ns()}@elsewhere.test"
    return (f"From: <{sender}>\r\nTo: <{to}>\r\nSubject: {subject}\r\nMessage-ID: <{identifier}>\r\n"
            f"Date: Mon, 23 Nov 2026 12:00:00 +0000\r\n\r\n{body}\r\n")


class Wire:
    """A bare connection, for what no client library would send."""

    def __init__(self, port, host="127.0.0.1", greeting=True):
        self.socket = socket.create_connection((host, port), 120)
        self.buffer = b""
        if greeting:
            self.greeting = self.reply()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        while b"\r\n" not in self.buffer:
            received = self.socket.recv(65536)
            if not received:
                raise EOFError(f"closed; unread: {self.buffer!r}")
            self.buffer += received
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def reply(self):
        """One whole reply, its lines joined by newlines."""
        lines = [self.line()]
        while lines[-1][3:4] == b"-":
            lines.append(self.line())
        return b"\n".join(lines).decode(errors="replace")

    def ask(self, command):
        self.send(command if isinstance(command, bytes) else command + "\r\n")
        return self.reply()

    def closed(self):
        """Whether the server ends the connection, whatever it still says before."""
        try:
            while self.socket.recv(65536):
                pass
            return True
        except ConnectionResetError:
            return True
