"""Wrong lines, wrong order, floods and silence: the right reply or a close, and others are served meanwhile."""

import contextlib
import pathlib
import resource
import shutil
import socket
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import Martlet, Wire, eventually, letter  # noqa: E402


class HostileTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.martlet = Martlet("--set", "limits.connections=12000", "--set", "limits.connections-per-address=12000").start()

    @classmethod
    def tearDownClass(cls):
        cls.martlet.stop()
        shutil.rmtree(cls.martlet.data, ignore_errors=True)

    def wire(self):
        return Wire(self.martlet.port("smtp"))

    def resident(self):
        with open(f"/proc/{self.martlet.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS:")) * 1024

    def still_serves(self):
        with self.wire() as other:
            self.assertTrue(other.ask("EHLO other.test").startswith("250"))
            self.assertTrue(other.ask("NOOP").startswith("250"))

    def test_wrong_lines_get_the_right_replies(self):
        cases = [
            ("WHAT", "500"), ("DATA", "503"), ("RCPT TO:<alice@example.test>", "503"), ("MAIL FROM:<a@b.test> NONSENSE=1", "5"),
            ("MAIL FROM:a b", "501"), ("MAIL", "501"), ("EHLO", "501"), ("HELO", "501"), (b"NO\0OP\r\n", "500"), (b"\xff\xfe\r\n", "500"),
            ("NOOP " + "x" * 3000, "500"), ("STARTTLS now", "501"), ("AUTH", "5"), ("VRFY", "501"),
        ]
        for command, code in cases:
            with self.subTest(command), self.wire() as wire:
                if not str(command).startswith(("EHLO", "HELO")):
                    wire.ask("EHLO client.test")
                answer = wire.ask(command)
                self.assertTrue(answer.startswith(code), f"{command!r}: {answer}")
                self.assertTrue(wire.ask("NOOP").startswith("250"))

    def test_a_chunk_of_unknown_size_ends_the_connection(self):
        with self.wire() as wire:
            wire.ask("EHLO client.test")
            self.assertTrue(wire.ask("BDAT x").startswith("501"))
            self.assertTrue(wire.closed())
        self.still_serves()

    def test_a_line_without_end_takes_no_memory(self):
        before = self.resident()
        with self.wire() as wire:
            try:
                for _ in range(400):
                    wire.send(b"x" * 65536)
            except OSError:
                pass
            self.assertLess(self.resident() - before, 32 << 20)
        self.still_serves()

    def test_smuggled_commands_stay_content_or_are_refused(self):
        endings = [b"\n.\n", b"\r\n.\n", b"\n.\r\n", b"\r.\r", b"\r\n.\r", b"\r.\r\n", b"\r\r\n.\r\r\n", b"\r\n\0.\r\n"]
        for ending in endings:
            with self.subTest(ending), self.wire() as wire:
                wire.ask("EHLO client.test")
                wire.ask("MAIL FROM:<carol@elsewhere.test>")
                wire.ask("RCPT TO:<alice@example.test>")
                self.assertTrue(wire.ask("DATA").startswith("354"))
                wire.send(b"Subject: smuggling\r\n\r\nfirst" + ending + b"MAIL FROM:<evil@example.com>\r\nRCPT TO:<bob@example.test>\r\n"
                          b"DATA\r\nsecond\r\n.\r\nNOOP\r\n")
                first = wire.reply()
                self.assertTrue(first.startswith(("5", "250 2.0.0")), first)
                if first.startswith("5"):
                    self.assertTrue(wire.closed())
                else:
                    self.assertTrue(wire.reply().startswith("250 2.0.0"), "the NOOP")
        self.assertEqual(self.martlet.mailbox("bob"), [])
        told = eventually(lambda: self.martlet.control("trace", "alice@example.test"), "the trace")
        self.assertIn("muggl", told)

    def test_a_client_that_is_still_sending_hears_why_it_is_refused(self):
        for _ in range(10):
            with self.wire() as wire:
                wire.ask("EHLO client.test")
                wire.ask("MAIL FROM:<carol@elsewhere.test>")
                wire.ask("RCPT TO:<alice@example.test>")
                self.assertTrue(wire.ask("DATA").startswith("354"))
                wire.send(b"a bare\nnewline\r\n" + b"and much more\r\n" * 300_000)
                self.assertTrue(wire.reply().startswith("5"))
                self.assertEqual(wire.socket.recv(1), b"")

    def test_nothing_sent_before_the_handshake_survives_it(self):
        import ssl
        wire = self.wire()
        wire.ask("EHLO client.test")
        self.assertTrue(wire.ask("STARTTLS\r\nMAIL FROM:<injected@evil.test>\r\n".encode()).startswith("220"))
        context = ssl._create_unverified_context()
        wire.socket = context.wrap_socket(wire.socket)
        self.assertTrue(wire.ask("EHLO client.test").startswith("250"))
        self.assertTrue(wire.ask("RCPT TO:<alice@example.test>").startswith("503"))
        wire.socket.close()

    def test_endless_pipelining_without_reading_is_bounded(self):
        before = self.resident()
        connections = []
        for _ in range(4):
            connection = socket.create_connection(("127.0.0.1", self.martlet.port("smtp")), 60)
            connection.settimeout(1)
            connections.append(connection)
            try:
                for _ in range(2000):
                    connection.sendall(b"NOOP\r\n" * 5000)
            except (TimeoutError, OSError):
                pass
        self.assertLess(self.resident() - before, 64 << 20)
        self.still_serves()
        for connection in connections:
            connection.close()

    def test_a_half_closed_connection_gets_its_answers(self):
        with self.wire() as wire:
            wire.send(b"EHLO client.test\r\nNOOP\r\n")
            wire.socket.shutdown(socket.SHUT_WR)
            self.assertTrue(wire.reply().startswith("250"))
            self.assertTrue(wire.reply().startswith("250"))
            self.assertTrue(wire.closed())

    def test_slow_senders_are_served_to_their_end_and_hold_nobody_up(self):
        message = letter("drop by drop", to="bob@example.test").encode()
        commands = (b"EHLO slow.test\r\n", b"MAIL FROM:<carol@elsewhere.test>\r\n", b"RCPT TO:<bob@example.test>\r\n", b"DATA\r\n",
                    message + b".\r\n")
        with contextlib.ExitStack() as stack:
            slow = [stack.enter_context(self.wire()) for _ in range(50)]
            # Each octet in a segment of its own, all clients in turn.
            for command in commands:
                for octet in command:
                    for wire in slow:
                        wire.send(bytes([octet]))
                self.still_serves()
                for wire in slow:
                    self.assertRegex(wire.reply(), "^(250|354)")
        arrived = self.martlet.receives("bob", count=50)
        self.assertTrue(all(b"drop by drop" in message for message in arrived))
        session = self.martlet.pop("bob")
        for n in range(len(arrived)):
            session.dele(n + 1)
        session.quit()

    def test_a_sender_that_is_too_slow_is_told_and_cut(self):
        with Martlet("--set", "limits.command-timeout=15s", "--set", "limits.content-timeout=15s") as martlet:
            with Wire(martlet.port("smtp")) as wire:
                wire.ask("EHLO slow.test")
                wire.send(b"NO")
                self.assertTrue(wire.reply().startswith("421"))
                self.assertTrue(wire.closed())
            with Wire(martlet.port("smtp")) as wire:
                for command in ("EHLO slow.test", "MAIL FROM:<carol@elsewhere.test>", "RCPT TO:<alice@example.test>", "DATA"):
                    wire.ask(command)
                wire.send(b"Subject: never whole\r\n")
                self.assertTrue(wire.closed())
            self.assertEqual(martlet.mailbox("alice"), [])

    def test_ten_thousand_connections_are_held_and_others_served(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20000), hard))
        held, before = [], self.resident()
        try:
            for _ in range(10000):
                held.append(socket.create_connection(("127.0.0.1", self.martlet.port("smtp")), 120))
            self.still_serves()
            self.martlet.send(letter("among many"), "alice@example.test")
            self.martlet.receives("alice")
            self.assertLess(self.resident() - before, 10000 * 16 * 1024)
        finally:
            for connection in held:
                connection.close()

    def test_relaying_tricks_are_denied(self):
        tricks = ["dan@remote.test", "dan%remote.test@example.test", '"dan@remote.test"@example.test', "@example.test:dan@remote.test",
                  "dan@[127.0.0.1]", "remote.test!dan@example.test", '"dan@remote.test"']
        for sender in ("carol@elsewhere.test", "alice@example.test", ""):
            for trick in tricks:
                with self.subTest(sender=sender, trick=trick), self.wire() as wire:
                    wire.ask("EHLO client.test")
                    wire.ask(f"MAIL FROM:<{sender}>")
                    self.assertTrue(wire.ask(f"RCPT TO:<{trick}>").startswith("5"))


if __name__ == "__main__":
    unittest.main()
