"""Exim and OpenSMTPD from Debian's packages, which exclude Postfix's: each runs in a root folder of its own (chroot), in
which it finds the paths and users that it was built with. They are the final destination of `remote.test`, into maildirs, and
hand all other mail on to `next_hop`, a port of 127.0.0.1."""

import base64
import os
import pathlib
import re
import shutil
import signal
import smtplib
import subprocess
import sys
import unittest

from martlet import ROOT, Wire, eventually, folder, free_port, letter
from peers import listens

UNPACKED = ROOT / ".build/peers"
USERS = ("dan", "eve", "fay", "gus", "hal", "later")

# For a Martlet that shall not wait long before it tries again.
SOON = ["--set", 'queue.first-retries=["1s"]', "--set", 'queue.retry="1s"', "--set", 'queue.longest-retry="1s"']

# What may be spoiled on the way: lines of dots, the longest line, octets beyond ASCII, blanks at an end, an empty last line.
BODY = "\r\n".join([".", "..", ".leading", "middle . dot", "x" * 998, "Grüße, 你好", "blanks  ", "\ttab", ".", "", "end", ""])


def eight_bits(subject, to, sender):
    header = "MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n"
    return (header + letter(subject, to, sender, BODY)).encode()


def hand(peer, to, content, sender="dan@remote.test", mail_options=(), rcpt_options=()):
    """Gives a message to a peer, to hand on."""
    with smtplib.SMTP("127.0.0.1", peer.port, timeout=60) as session:
        session.sendmail(sender, to, content, mail_options, rcpt_options)


def queue_empties(martlet):
    eventually(lambda: "@remote.test" not in martlet.control("queue", "list"), "nothing is left in the queue", patience=60)


def submit_binary(martlet, to, binary):
    """A message of BODY=BINARYMIME, by BDAT."""
    content = (b"MIME-Version: 1.0\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary\r\n"
               b"From: <alice@example.test>\r\nSubject: binary\r\n\r\n" + binary)
    login = base64.b64encode(b"\0alice@example.test\0alice-secret").decode()
    with Wire(martlet.port("submission")) as wire:
        for command in ("EHLO client.test", f"AUTH PLAIN {login}", "MAIL FROM:<alice@example.test> BODY=BINARYMIME",
                        f"RCPT TO:<{to}>", b"BDAT %d LAST\r\n%s" % (len(content), content)):
            reply = wire.ask(command)
            assert reply[0] == "2", reply


def skip_where_it_cannot_run():
    """For `setUpModule`: says loudly why none of a module's tests runs."""
    if os.geteuid() != 0:
        reason = "only root may change the root folder, as Exim and OpenSMTPD need it"
    else:
        done = subprocess.run(["chroot", "/", "true"], capture_output=True, text=True)
        reason = done.returncode and f"the root folder cannot be changed here: {done.stderr.strip()}"
    if reason:
        print(f"\nSKIPPED: {reason}", file=sys.stderr)
        raise unittest.SkipTest(reason)


def libraries(program):
    """What a program is linked with, as ldd tells it."""
    told = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    if "not found" in told:
        raise AssertionError(f"libraries of {program} are missing (Scripts/install-packages test):\n{told}")
    return set(re.findall(r"(/\S+) \(0x", told))


class Rooted:
    """What the two have in common; `next_hop` may be set until the `with` block begins."""

    package = programs = accounts = spools = None

    def __init__(self, next_hop=None, port=None):
        self.folder = folder()
        self.root = self.folder / "root"
        self.port = port or free_port()
        self.next_hop = next_hop
        self.process = None

    def __enter__(self):
        try:
            self.furnish()
            self.configure()
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def furnish(self):
        unpacked = UNPACKED / self.package
        if not unpacked.exists():
            raise AssertionError(f"{unpacked} is not there: Scripts/install-packages test")
        for made in ("dev", "etc", "home", "mail", "run", "tmp", "var/run", *self.spools):
            (self.root / made).mkdir(parents=True, exist_ok=True)
        copies = {path: unpacked / path for path in self.programs} | {"bin/sh": pathlib.Path("/bin/sh").resolve()}
        for source in list(copies.values()):
            copies |= {library.lstrip("/"): library for library in libraries(source)}
        for path, source in copies.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, self.root / path)
            (self.root / path).chmod(0o755)
        for writable in ("mail", "tmp"):
            (self.root / writable).chmod(0o777)
        # Not a device, which may not be made everywhere.
        (self.root / "dev/null").touch()
        (self.root / "dev/null").chmod(0o666)
        people = {**self.accounts, **{name: 2000 + number for number, name in enumerate(USERS)}}
        self.write("etc/passwd", "root:x:0:0::/:/bin/sh\n" + "".join(
            f"{name}:x:{number}:{number}::/home/{name}:/bin/sh\n" for name, number in people.items()))
        self.write("etc/group", "root:x:0:\n" + "".join(f"{name}:x:{number}:\n" for name, number in people.items()))
        self.write("etc/hosts", "127.0.0.1 localhost\n")
        self.write("etc/resolv.conf", "lookup file\n")
        for name, number in people.items():
            (self.root / "home" / name).mkdir()
            os.chown(self.root / "home" / name, number, number)
        for name, owner in self.spools.items():
            os.chown(self.root / name, people.get(owner, 0), people.get(owner, 0))
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=peer.test",
                        "-keyout", self.root / "etc/key.pem", "-out", self.root / "etc/cert.pem"], check=True, capture_output=True)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def launch(self, *command):
        """In a process group, so that what it starts ends with it."""
        with open(self.folder / "said", "ab") as said:
            self.process = subprocess.Popen(["chroot", self.root, *command], stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                            cwd="/", env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}, start_new_session=True)
        self.comes_to(self.listening, "listens")

    def listening(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.package} ended with {self.process.returncode}: {self.said()}")
        return listens(self.port)

    def stop(self):
        if not self.process:
            return
        for way in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.process.pid, way)
                self.process.wait(10)
            except (ProcessLookupError, subprocess.TimeoutExpired):
                pass
        self.process.wait()
        self.process = None

    def said(self):
        path = self.folder / "said"
        return path.read_text(errors="replace") if path.exists() else ""

    def mailbox(self, user):
        """Every message of a maildir as bytes, with the newlines that it has on disk."""
        new = self.root / "mail" / user / "new"
        return [path.read_bytes() for path in sorted(new.iterdir())] if new.exists() else []

    def receives(self, user, count=1):
        return self.comes_to(lambda: (found := self.mailbox(user)) and len(found) >= count and found,
                             f"has {count} messages for {user}")

    def comes_to(self, condition, what):
        """Waits as `eventually`; a failure tells how its log ends."""
        try:
            return eventually(condition, f"{self.package} {what}", patience=60)
        except AssertionError as failure:
            raise AssertionError(f"{failure}\n{self.log()[-3000:]}") from None


class Exim(Rooted):
    """`later@remote.test` is put off with 451 until `open()`; a subject of "unwanted" is refused after the content."""

    package = "exim4-daemon-light"
    programs = ["usr/sbin/exim4"]
    accounts = {"Debian-exim": 900}
    spools = {"var/spool/exim4": "Debian-exim", "var/log/exim4": "Debian-exim", "mail": "Debian-exim"}

    def __init__(self, next_hop=None, smtp_transport=(), **settings):
        super().__init__(next_hop)
        self.smtp_transport = smtp_transport
        self.settings = settings

    def configure(self):
        (self.root / "etc/key.pem").chmod(0o644)
        settings = {
            "primary_hostname": "exim.test", "qualify_domain": "remote.test", "keep_environment": "",
            "daemon_smtp_ports": self.port, "local_interfaces": "127.0.0.1", "log_file_path": "/var/log/exim4/%s",
            "log_selector": "+all", "pid_file_path": "/run/exim.pid", "notifier_socket": "",
            "tls_advertise_hosts": "*",
            "tls_certificate": "/etc/cert.pem", "tls_privatekey": "/etc/key.pem", "smtputf8_advertise_hosts": "*",
            "dsn_advertise_hosts": "*", "allow_utf8_domains": "true", "acl_smtp_rcpt": "recipient", "acl_smtp_data": "content",
            # It would need a setuid program to deliver as others.
            "deliver_drop_privilege": "true", **self.settings,
        }
        away = ["hosts_require_tls = *", *self.smtp_transport]
        self.write("etc/exim4/exim4.conf", "".join(f"{key} = {value}\n" for key, value in settings.items()) + f"""
            begin acl
            recipient:
              defer domains = remote.test
                    local_parts = later
                    condition = ${{if exists{{/tmp/open}}{{no}}{{yes}}}}
                    message = 4.7.1 come back later
              deny  domains = remote.test
                    !local_parts = {" : ".join(USERS)} : grüße
                    message = 5.1.1 nobody of that name
              accept
            content:
              deny  condition = ${{if eq{{$h_subject:}}{{unwanted}}}}
                    message = 5.7.1 nobody wants this
              accept
            begin routers
            here:
              driver = accept
              domains = remote.test
              local_parts = {" : ".join(USERS)} : grüße
              transport = maildir
            away:
              driver = manualroute
              domains = ! remote.test
              route_list = * 127.0.0.1
              self = send
              transport = away
            begin transports
            maildir:
              driver = appendfile
              maildir_format
              directory = /mail/$local_part_data
              return_path_add
              envelope_to_add
            away:
              driver = smtp
              port = {self.next_hop or 9}
              allow_localhost
              {chr(10).join(away)}
            begin retry
            * * F,1d,1s
            """)

    def start(self):
        self.launch("/usr/sbin/exim4", "-bdf", "-q1s")

    def open(self):
        self.write("tmp/open", "")

    def log(self):
        """What it logged of what it did: arrivals (<=), deliveries (=>), failures (**) and so on."""
        path = self.root / "var/log/exim4/main"
        return path.read_text(errors="replace") if path.exists() else self.said()


class OpenSMTPD(Rooted):
    """`later@remote.test` is put off with 424 until `open()`, as OpenSMTPD does when it cannot look for a .forward file.

    Debian 12's is linked with OpenSSL 3, with which it cannot be a TLS server: every handshake fails
    (https://github.com/OpenSMTPD/OpenSMTPD/issues/1171). As a client it can."""

    package = "opensmtpd"
    programs = ["usr/sbin/smtpd", "usr/sbin/smtpctl", "usr/libexec/opensmtpd/mail.maildir"]
    accounts = {"opensmtpd": 901, "opensmtpq": 902}
    spools = {"var/lib/opensmtpd/empty": "root", "var/spool/smtpd": "root"}

    def __init__(self, next_hop=None, listen="", lines=()):
        super().__init__(next_hop)
        self.listen, self.lines = listen, lines

    def configure(self):
        (self.root / "etc/key.pem").chmod(0o600)
        (self.root / "var/spool/smtpd").chmod(0o711)
        (self.root / "home/later").chmod(0o1777)
        self.write("etc/smtpd.conf", f"""
pki peer cert "/etc/cert.pem"
pki peer key "/etc/key.pem"
{chr(10).join(self.lines)}
listen on 127.0.0.1 port {self.port} hostname "opensmtpd.test" {self.listen}
action "here" maildir "/mail/%{{user.username}}"
action "away" relay host "smtp+tls://127.0.0.1:{self.next_hop or 9}" tls no-verify helo "opensmtpd.test"
match from any for domain {{ "remote.test", "xn--bcher-kva.remote.test" }} action "here"
match from any for any action "away"
""")

    def start(self):
        self.launch("/usr/sbin/smtpd", "-d", "-T", "smtp", "-T", "mta")

    def open(self):
        (self.root / "home/later").chmod(0o755)

    def flush(self):
        """Tries what waits at once, also where nobody answered: its own delays are of minutes."""
        for number in re.findall(r"(?m)^(\d+)\.", self.control("show", "routes")):
            self.control("resume", "route", number)
        self.control("schedule", "all")

    def control(self, *arguments):
        group = f"--userspec=0:{self.accounts['opensmtpq']}"
        return subprocess.run(["chroot", group, self.root, "/usr/sbin/smtpctl", *arguments], capture_output=True, text=True,
                              cwd="/").stdout

    def log(self):
        """What it logged, with every line of its sessions: `smtp: … <<<` as a server, `mta: … >>>` as a client."""
        return self.said()
