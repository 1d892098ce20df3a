"""The command line: what it prints, what it ends with, and what it can do while the server stands still."""

import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import BINARY, Martlet, Wire, eventually, folder, free_port, letter  # noqa: E402


def call(*arguments, stdin=None, name=None, environment=None):
    """Runs the program, under another name where one is given: (exit status, standard output, standard error)."""
    done = subprocess.run([name or BINARY, *map(str, arguments)], capture_output=True, text=True, timeout=240, input=stdin,
                          env={**os.environ, **(environment or {})})
    return done.returncode, done.stdout, done.stderr


class SuspensionTests(unittest.TestCase):
    def test_a_suspended_destination_is_shown_with_its_reason_and_stays_so_over_a_crash(self):
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen(5)
            silent.settimeout(120)
            next_hop = f"127.0.0.1:{silent.getsockname()[1]}"
            with Martlet("--outbound", next_hop, "--set", 'relay.networks=["127.0.0.0/8"]') as martlet:
                self.assertEqual(martlet.run("queue", "suspend", "not a name")[0], 64)
                self.assertEqual(martlet.run("queue", "resume", next_hop)[0], 1)
                martlet.control("queue", "suspend", f"[127.0.0.1]:{silent.getsockname()[1]}", "--reason", "they asked us")
                martlet.send(letter("waits", "dan@remote.test"), "dan@remote.test")
                martlet.kill()
                martlet.start()
                found = eventually(lambda: [d for d in martlet.json("queue", "destinations") if d["ready"]],
                                   "the message waits for its destination")
                self.assertEqual([(d["state"], d["reason"]) for d in found], [("suspended", "they asked us")])
                self.assertEqual([m["state"] for m in martlet.json("queue", "list")], ["suspended"])
                self.assertIn("they asked us", martlet.control("queue", "destinations"))
                martlet.control("queue", "resume", found[0]["destination"])
                silent.accept()[0].close()


class DirectoryTests(unittest.TestCase):
    def exercise(self, martlet):
        martlet.control("domain", "add", "bücher.test")
        self.assertIn({"domain": "xn--bcher-kva.test", "kind": "local", "unicode": "bücher.test"}, martlet.json("domain", "list"))
        martlet.control("account", "add", "zoe@bücher.test", stdin="a-long-secret\n")
        self.assertIn("zoe@xn--bcher-kva.test", [account["account"] for account in martlet.json("account", "list")])
        martlet.control("account", "password", "zoe@bücher.test", stdin="another-secret\n")
        martlet.control("alias", "add", "info@bücher.test", "zoe@bücher.test", "someone@elsewhere.test")
        self.assertEqual(martlet.json("alias", "list"), [
            {"alias": "info@xn--bcher-kva.test", "targets": ["zoe@xn--bcher-kva.test", "someone@elsewhere.test"]}])
        martlet.control("alias", "remove", "info@bücher.test")
        martlet.control("account", "remove", "zoe@bücher.test")
        martlet.control("domain", "remove", "bücher.test")
        self.assertNotIn("xn--bcher-kva.test", [domain["domain"] for domain in martlet.json("domain", "list")])

    def refuse(self, martlet):
        for arguments, stdin, expected in [
            (("domain", "add", "not a domain"), None, 64),
            (("account", "add", "no-address"), "a-long-secret\n", 64),
            (("account", "add", "zoe@example.test"), "", 64),
            (("account", "add", "zoe@example.test"), "short\n", 1),
            (("account", "remove", "nobody@example.test"), None, 1),
            (("account", "add", "zoe@not-here.test"), "a-long-secret\n", 1),
        ]:
            status, output, errors = martlet.run(*arguments, stdin=stdin)
            self.assertEqual(status, expected, f"{arguments}: {errors}")
            self.assertEqual(output, "", arguments)
            self.assertEqual(len(errors.strip().splitlines()), 1, f"one sentence, not {errors!r}")

    def test_a_running_server_and_one_that_stands_still_answer_alike(self):
        with Martlet() as martlet:
            self.exercise(martlet)
            self.refuse(martlet)
            martlet.send(letter("kept"), "alice@example.test")
            martlet.receives()
            martlet.stop()
            self.exercise(martlet)
            self.refuse(martlet)
            self.assertIn("delivered to alice@example.test", martlet.control("trace", "alice@example.test"))
            status, _, errors = martlet.run("queue", "list")
            self.assertEqual(status, 69, errors)


class QueueTests(unittest.TestCase):
    def test_a_message_is_held_released_rerouted_and_deleted(self):
        with Martlet("--outbound", "hold", "--set", "relay.networks=127.0.0.0/8") as martlet:
            self.assertEqual(martlet.json("queue", "list"), [])
            martlet.send(letter(to="dora@elsewhere.test"), "dora@elsewhere.test")
            martlet.send(letter(to="emil@other.test"), "emil@other.test")
            waiting = eventually(lambda: len(m := martlet.json("queue", "list", "--state", "held")) == 2 and m, "both are held")
            self.assertEqual([message["recipients"] for message in waiting], [["dora@elsewhere.test"], ["emil@other.test"]])
            self.assertEqual({message["state"] for message in waiting}, {"held"})
            first = waiting[0]["id"]
            self.assertEqual(len(martlet.json("queue", "list", "--domain", "other.test")), 1)
            self.assertEqual(martlet.json("queue", "show", first)["summary"]["id"], first)
            with socket.socket() as silent:
                silent.bind(("127.0.0.1", 0))
                silent.listen()
                martlet.control("queue", "reroute", first, "--to", f"127.0.0.1:{silent.getsockname()[1]}")
                martlet.control("queue", "release", first)
                silent.settimeout(120)
                silent.accept()[0].close()
            martlet.control("queue", "hold", first)
            self.assertIn("by another route", martlet.control("trace", first))
            martlet.control("queue", "delete", "--domain", "elsewhere.test")
            eventually(lambda: len(martlet.json("queue", "list")) == 1, "one message is left")
            self.assertIn("1 message held", martlet.control("queue", "hold", "--all"))
            self.assertIn("1 message released", martlet.control("queue", "release", "--all"))
            self.assertIn("No order", martlet.control("queue", "orders"))
            martlet.control("queue", "bounce", "--all")
            eventually(lambda: all(m["sender"] == "" or m["sender"] == "<>" for m in martlet.json("queue", "list")),
                       "only the report is left")

    def test_what_selects_nothing_or_no_message_is_refused(self):
        with Martlet() as martlet:
            for arguments, expected in [(("queue", "hold"), 64), (("queue", "hold", "X", "--all"), 64),
                                        (("queue", "show", "not-an-id"), 64), (("queue", "show", "0000000000000"), 1),
                                        (("queue", "nonsense"), 64), (("nonsense",), 64)]:
                status, output, errors = martlet.run(*arguments)
                self.assertEqual(status, expected, f"{arguments}: {output}{errors}")

    def test_an_instance_that_is_not_there_is_status_69(self):
        for command in [("queue", "list"), ("account", "list"), ("trace", "x")]:
            self.assertEqual(call(*command, "--data", "/nonexistent/martlet")[0], 69, command)


class SendmailTests(unittest.TestCase):
    def test_the_names_of_sendmail(self):
        place = folder()
        names = {name: place / name for name in ("sendmail", "mailq", "newaliases")}
        for link in names.values():
            link.symlink_to(BINARY)
        with Martlet() as martlet:
            here = {"MARTLET_DATA": str(martlet.data)}
            text = "To: alice@example.test\nCc: bob@example.test\nSubject: by sendmail\n\nhello\n.\nstill here\n"
            self.assertEqual(call("-t", "-oi", "-f", "bob@example.test", stdin=text, name=names["sendmail"], environment=here)[0], 0)
            for user in ("alice", "bob"):
                message = martlet.receives(user)[0]
                self.assertIn(b"Return-Path: <bob@example.test>", message)
                self.assertIn(b"\r\n.\r\nstill here", message)
            status, _, _ = call("-i", "-f", "alice@example.test", "--", "far@elsewhere.test", stdin="Subject: far\n\nx\n",
                                name=names["sendmail"], environment=here)
            self.assertEqual(status, 0)
            self.assertIn("far@elsewhere.test", call(name=names["mailq"], environment=here)[1])
            self.assertIn("far@elsewhere.test", call("-bp", name=names["sendmail"], environment=here)[1])
            self.assertEqual(call(name=names["newaliases"], environment=here)[0], 0)
            dialogue = call("-bs", stdin="EHLO here\r\nQUIT\r\n", name=names["sendmail"], environment=here)[1]
            self.assertTrue(dialogue.startswith("220 "), dialogue)
            self.assertIn("\r\n221 " if "\r\n" in dialogue else "\n221 ", dialogue)
            martlet.stop()
            self.assertEqual(call("alice@example.test", stdin="x\n", name=names["sendmail"], environment=here)[0], 75)
        shutil.rmtree(place)


    def deliver(self, martlet, *arguments, stdin):
        done = subprocess.run([BINARY, "sendmail", "--data", martlet.data, *arguments], capture_output=True, timeout=240, input=stdin)
        return done.returncode, done.stdout

    def test_octets_of_any_charset_arrive_as_they_were_written(self):
        text = b"Subject: caf\xe9\n\n\xff\xfe \xc3 latin caf\xe9\n"
        with Martlet() as martlet:
            self.assertEqual(self.deliver(martlet, "-i", "alice@example.test", stdin=text)[0], 0)
            lines = text.replace(b"\n", b"\r\n")
            dialogue = (b"EHLO here\r\nMAIL FROM:<bob@example.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n"
                        + lines + b".\r\nMAIL FROM:<bob@example.test>\r\nRCPT TO:<bob@example.test>\r\n"
                        + b"BDAT %d LAST\r\n" % len(lines) + lines + b"QUIT\r\n")
            status, answers = self.deliver(martlet, "-bs", stdin=dialogue)
            self.assertEqual(status, 0)
            self.assertEqual(answers.count(b"250 2.0.0"), 2, answers)
            self.assertTrue(answers.rstrip().splitlines()[-1].startswith(b"221"), answers)
            for message in martlet.receives("alice") + martlet.receives("bob", count=2):
                self.assertIn(b"Subject: caf\xe9\r\n", message)
                self.assertIn(b"\r\n\xff\xfe \xc3 latin caf\xe9", message)

    def test_a_permanent_refusal_is_told_as_one(self):
        with Martlet("--set", "limits.message-size=1MiB") as martlet:
            large = b"Subject: large\n\n" + b"x" * 70 * 20000 + b"\n"
            self.assertEqual(self.deliver(martlet, "alice@example.test", stdin=large)[0], 1)
            begin = b"MAIL FROM:<bob@example.test>\r\nRCPT TO:<alice@example.test>\r\nDATA\r\n"
            dialogue = b"EHLO here\r\n" + begin + large.replace(b"\n", b"\r\n") + b".\r\n"
            dialogue += begin + b"Subject: small\r\n\r\nx\r\n.\r\nQUIT\r\n"
            answers = self.deliver(martlet, "-bs", stdin=dialogue)[1].splitlines()
            self.assertTrue(any(line.startswith(b"552 5.3.4") for line in answers), answers)
            self.assertFalse(any(line.startswith(b"451") for line in answers), answers)
            self.assertIn(b"Subject: small", martlet.receives("alice")[0])
            # More than is taken at all has its answer too, and the session goes on.
            huge = b"EHLO here\r\n" + begin + b"x" * (65 << 20) + b"\r\n.\r\nNOOP\r\nQUIT\r\n"
            answers = self.deliver(martlet, "-bs", stdin=huge)[1].splitlines()
            self.assertEqual([line[:3] for line in answers[-3:]], [b"552", b"250", b"221"], answers)


class Service:
    """`martlet serve` from a configuration file, started as root and serving as nobody."""

    def __init__(self, place, *lines, tables=""):
        self.place, self.port = place, free_port()
        os.chmod(place, 0o755)
        doors = "".join(f"{name} = []\n" for name in ("submission", "submissions", "pop3", "pop3s"))
        self.file = place / "martlet.toml"
        self.data = place / "data"
        self.text = (f'hostname = "mail.example.test"\ndata = "{self.data}"\nuser = "nobody"\n' + "".join(line + "\n" for line in lines)
                     + f'[listen]\nsmtp = ["127.0.0.1:{self.port}"]\n{doors}' + tables)
        self.file.write_text(self.text)
        os.chmod(self.file, 0o644)
        self.log = open(place / "log", "w+")

    def said(self):
        return (self.place / "log").read_text()

    def __enter__(self):
        self.process = subprocess.Popen([BINARY, "serve", "--config", self.file], stderr=self.log)

        def greets():
            assert self.process.poll() is None, self.said()
            try:
                return Wire(self.port)
            except OSError:
                return None

        eventually(greets, "the server greets").socket.close()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(90)
        self.log.close()


@unittest.skipUnless(os.geteuid() == 0, "takes root to act for others")
class LocalUserTests(unittest.TestCase):
    def setUp(self):
        self.place = folder()
        # Where every user can run it.
        self.program = self.place / "martlet"
        try:
            os.link(BINARY, self.program)
        except OSError:
            shutil.copy(BINARY, self.program)

    def tearDown(self):
        shutil.rmtree(self.place)

    def as_user(self, user, *arguments, stdin=None, **environment):
        done = subprocess.run([self.program, *map(str, arguments)], capture_output=True, text=True, timeout=240, input=stdin,
                              user=user, group="nogroup", extra_groups=[], cwd="/",
                              env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", **environment})
        return done.returncode, done.stdout, done.stderr

    def test_every_user_sends_mail_as_themselves_and_does_nothing_else(self):
        socket_path = self.place / "run" / "submit.sock"
        with Service(self.place, tables=f'[sendmail]\nsocket = "{socket_path}"\n[outbound]\nmode = "hold"\n') as service:
            self.assertEqual(os.stat(socket_path).st_mode & 0o777, 0o666)
            where = {"MARTLET_SENDMAIL_SOCKET": str(socket_path), "MARTLET_DATA": str(service.data)}
            status, _, errors = self.as_user("daemon", "sendmail", "far@elsewhere.test", stdin="Subject: hello\n\nx\n", **where)
            self.assertEqual((status, errors), (0, ""))
            waiting = json.loads(call("queue", "list", "--json", "--data", service.data)[1])
            self.assertEqual([message["sender"] for message in waiting], ["daemon@mail.example.test"])
            # Orders are not for them, and they are told so and not that there is no server.
            for command in (["queue", "list"], ["account", "list"], ["trace", "x"]):
                status, output, errors = self.as_user("daemon", *command, **where)
                self.assertEqual((status, output), (1, ""), errors)
                self.assertIn("not for you", errors)
            # Another instance that was named is not replaced by this one.
            other = {**where, "MARTLET_DATA": str(self.place / "other")}
            self.assertEqual(self.as_user("daemon", "sendmail", "far@elsewhere.test", stdin="x\n", **other)[0], 75)
        self.assertEqual(self.as_user("daemon", "sendmail", "far@elsewhere.test", stdin="x\n", **where)[0], 75)

    def test_keys_and_passwords_of_root_serve_a_server_that_is_not(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", self.place / "key.pem", "-out",
                        self.place / "certificate.pem", "-days", "30", "-subj", "/CN=mail.example.test"], check=True, capture_output=True)
        password = self.place / "password"
        password.write_text("secret\n")
        for file in (password, self.place / "key.pem"):
            os.chmod(file, 0o600)
        tables = (f'[sendmail]\nsocket = ""\n[tls]\ncertificate = "{self.place}/certificate.pem"\nkey = "{self.place}/key.pem"\n'
                  f'[outbound]\nmode = "smart-host"\nsmart-host = "127.0.0.1:9"\nusername = "relay"\npassword-file = "{password}"\n')
        with Service(self.place, tables=tables) as service:
            with Wire(service.port) as wire:
                self.assertIn("STARTTLS", wire.ask("EHLO here"))
            self.assertIn(f"nobody cannot read {self.place}/key.pem", service.said())
            status, output, errors = call("config", "check", service.file)
            self.assertEqual(status, 0, errors)
            self.assertIn(f"cannot read {self.place}/key.pem", errors)
            service.file.write_text(service.text.replace("[listen]", "[limits]\nrecipients = 7\n[listen]"))
            service.process.send_signal(signal.SIGHUP)

            def offers():
                with Wire(service.port) as wire:
                    return "RCPTMAX=7" in wire.ask("EHLO here")

            eventually(offers, f"the new limit holds: {service.said()}")
            eventually(lambda: "the old one stays in use" in service.said(), "the log tells of the certificate")
            eventually(lambda: "the password that was read at start stays in use" in service.said(), "and of the password")
            os.chmod(password, 0o644)
            status, _, errors = call("config", "check", service.file)
            self.assertEqual(status, 64)
            self.assertIn("open to others", errors)
            os.chmod(password, 0o600)
            os.chmod(self.place / "key.pem", 0o644)
            self.assertIn("can be read by every user", call("config", "check", service.file)[2])


class ConfigurationTests(unittest.TestCase):
    def setUp(self):
        self.place = folder()
        self.file = self.place / "martlet.toml"

    def tearDown(self):
        shutil.rmtree(self.place)

    def write(self, **values):
        lines = {"hostname": "mail.example.test", "data": str(self.place / "data")}
        doors = ("submission", "submissions", "pop3", "pop3s")
        text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in lines.items())
        text += f"[listen]\nsmtp = [\"127.0.0.1:{self.port}\"]\n" + "".join(f"{name} = []\n" for name in doors)
        text += "[limits]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in values.items())
        self.file.write_text(text)

    def offers(self):
        with Wire(self.port) as wire:
            return wire.ask("EHLO here")

    def test_the_sample_is_in_order(self):
        status, sample, _ = call("config", "sample")
        self.assertEqual(status, 0)
        self.file.write_text(sample.replace('# hostname = "', 'hostname = "'))
        self.assertEqual(call("config", "check", self.file)[0], 0)

    def test_every_error_is_said_with_its_line(self):
        self.file.write_text("hostnam = 1\n[limits]\nrecipients = 0\n[nonsense]\n")
        status, output, errors = call("config", "check", self.file)
        self.assertEqual((status, output), (64, ""))
        self.assertEqual([line.split(": ")[0] for line in errors.splitlines()],
                         [f"{self.file}:1", f"{self.file}:3", f"{self.file}:4"])
        self.assertEqual(call("serve", "--config", self.file)[0], 64)
        self.assertEqual(call("config", "check", self.place / "missing.toml")[0], 64)
        self.assertEqual(call("dev", "--set", "limits.nonsense=1", "--data", self.place / "d")[0], 64)

    def test_a_reload_keeps_connections_and_wrong_files_change_nothing(self):
        self.port = free_port()
        self.write(recipients=3)
        log = open(self.place / "log", "w+")
        # As root the server would become the user martlet, which may not exist here.
        os.chmod(self.place, 0o755)
        os.chmod(self.file, 0o644)
        process = subprocess.Popen([BINARY, "serve", "--config", self.file, "--set", "user=nobody"], stderr=log)
        try:
            def greets():
                self.assertIsNone(process.poll(), (self.place / "log").read_text())
                try:
                    return Wire(self.port)
                except OSError:
                    return None

            before = eventually(greets, "the server greets")
            self.assertIn("LIMITS RCPTMAX=3", before.ask("EHLO here"))
            self.write(recipients=1)
            process.send_signal(signal.SIGHUP)
            eventually(lambda: "LIMITS RCPTMAX=1" in self.offers(), "the new limit holds")
            self.assertIn("RCPTMAX=3", before.ask("EHLO here"))
            self.write(recipients="none")
            process.send_signal(signal.SIGHUP)
            eventually(lambda: "limits.recipients" in (self.place / "log").read_text(), "the log names the key")
            self.assertIn("LIMITS RCPTMAX=1", self.offers())
            before.socket.close()
            self.assertEqual(os.stat(self.place / "data").st_mode & 0o777, 0o700)
            self.assertEqual(os.stat(self.place / "data/control.sock").st_mode & 0o777, 0o600)
            if os.geteuid() == 0:
                status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                tasks = [task.read_text() for task in pathlib.Path(f"/proc/{process.pid}/task").glob("*/status")]
                for text in [status, *tasks]:
                    self.assertNotIn("\t0", next(line for line in text.splitlines() if line.startswith("Uid:")))
            process.send_signal(signal.SIGTERM)
            self.assertEqual(process.wait(90), 0)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            log.close()

    def test_systemd_hands_over_sockets_and_is_told_of_readiness(self):
        self.port = free_port()
        self.write()
        os.chmod(self.place, 0o755)
        os.chmod(self.file, 0o644)
        notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        notices.bind(str(self.place / "notify"))
        os.chmod(self.place / "notify", 0o777)
        notices.settimeout(120)
        listener = socket.socket()
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        # The shell takes the place of systemd: it puts the socket at descriptor 3 and becomes the program.
        process = subprocess.Popen(
            ["/bin/sh", "-c", f'exec 3<&{listener.fileno()} && LISTEN_PID=$$ exec "$@"', "sh", BINARY, "serve", "--config",
             self.file, "--set", "user=nobody"], pass_fds=[listener.fileno()], stderr=subprocess.DEVNULL,
            env={**os.environ, "LISTEN_FDS": "1", "LISTEN_FDNAMES": "smtp", "NOTIFY_SOCKET": str(self.place / "notify")})
        listener.close()
        try:
            self.assertEqual(notices.recv(200), b"READY=1")
            with Wire(port) as wire:
                self.assertTrue(wire.greeting.startswith("220 mail.example.test"), wire.greeting)
            process.send_signal(signal.SIGHUP)
            self.assertTrue(notices.recv(200).startswith(b"RELOADING=1\nMONOTONIC_USEC="))
            self.assertEqual(notices.recv(200), b"READY=1")
            process.send_signal(signal.SIGTERM)
            self.assertEqual(notices.recv(200), b"STOPPING=1")
            self.assertEqual(process.wait(90), 0)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
            notices.close()


class StopTests(unittest.TestCase):
    def test_clients_of_every_kind_do_not_keep_the_server_from_stopping(self):
        with Martlet() as martlet:
            idle = [Wire(martlet.port("smtp")) for _ in range(20)]
            half = Wire(martlet.port("smtp"))
            for command in ("EHLO here", "MAIL FROM:<a@elsewhere.test>", "RCPT TO:<alice@example.test>", "DATA"):
                half.ask(command)
            half.send(b"half a mess")
            pop = Wire(martlet.port("pop3"))
            control = [socket.socket(socket.AF_UNIX) for _ in range(6)]
            for connection in control:
                connection.connect(str(martlet.data / "control.sock"))
            bare = [socket.create_connection(("127.0.0.1", martlet.port(name))) for name in ("submissions", "pop3s")]
            self.assertEqual(martlet.stop(patience=90), 0)
            self.assertNotIn("Not everything ended in time", martlet.said())
            for connection in [*control, *(wire.socket for wire in [*idle, half, pop]), *bare]:
                connection.close()


if __name__ == "__main__":
    unittest.main()
