"""Transactions that go on after their connection was lost (CHECKPOINT, RFC 1845), from outside and from one server to another."""

import pathlib
import re
import socket
import sys
import threading
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import Martlet, Wire, eventually, letter  # noqa: E402

OFFER = ["--set", "smtp.checkpoint=true"]
MAIL = "MAIL FROM:<carol@elsewhere.test> TRANSID=<1@elsewhere.test>"


class CuttingRelay:
    """Hands a connection on to a port, and ends the first ones when that many octets came from the client."""

    def __init__(self, port, *cuts):
        self.target, self.cuts, self.passed = port, list(cuts), []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.close()

    def _accept(self):
        while True:
            try:
                near = self.listener.accept()[0]
            except OSError:
                return
            far = socket.create_connection(("127.0.0.1", self.target), 20)
            cut = self.cuts.pop(0) if self.cuts else None
            threading.Thread(target=self._answer, args=(far, near), daemon=True).start()
            threading.Thread(target=self._hand, args=(near, far, cut), daemon=True).start()

    def _hand(self, near, far, cut):
        passed = 0
        try:
            while cut is None or passed < cut:
                octets = near.recv(65536 if cut is None else min(65536, cut - passed))
                if not octets:
                    break
                far.sendall(octets)
                passed += len(octets)
        except OSError:
            pass
        self.passed.append(passed)
        for end in (near, far):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            end.close()

    @staticmethod
    def _answer(far, near):
        try:
            while octets := far.recv(65536):
                near.sendall(octets)
        except OSError:
            pass


def opened(martlet):
    """A connection whose MAIL is answered, once the server has ended the one before."""
    def attempt():
        wire = Wire(martlet.port("smtp"))
        wire.ask("EHLO client.elsewhere.test")
        reply = wire.ask(MAIL)
        if reply.startswith("450 4.5.0"):
            wire.socket.close()
            return None
        return wire, reply
    return eventually(attempt, "the transaction is let go")


class ResumptionTests(unittest.TestCase):
    def test_content_goes_on_where_a_line_began(self):
        # Small, and larger than memory takes.
        for lines in [10, 40_000]:
            content = letter(body="\r\n".join(f"..{n} a line" for n in range(lines)))
            wire_form = re.sub(r"(?m)^\.", "..", content).encode()
            with Martlet(*OFFER) as martlet:
                with opened(martlet)[0] as wire:
                    wire.ask("RCPT TO:<alice@example.test>")
                    self.assertEqual(wire.ask("DATA")[:3], "354")
                    wire.send(wire_form[:len(wire_form) * 2 // 3])
                wire, reply = opened(martlet)
                with wire:
                    offset = int(re.fullmatch(r"355 (\d+) .*", reply)[1])
                    self.assertEqual(content[offset - 2:offset], "\r\n")
                    self.assertEqual(wire.ask("DATA"), f"354 Send previously checkpointed message starting at octet {offset}")
                    rest = re.sub(r"(?m)^\.", "..", content[offset:])
                    self.assertEqual(wire.ask(f"{rest}.")[:3], "250")
                    self.assertEqual(wire.ask("QUIT")[:3], "221")
                messages = martlet.receives()
                self.assertEqual(len(messages), 1)
                self.assertTrue(messages[0].endswith(content.rstrip("\r\n").encode()))

    def test_a_reply_that_nobody_heard_is_told_again(self):
        with Martlet(*OFFER) as martlet:
            with opened(martlet)[0] as wire:
                wire.ask("RCPT TO:<alice@example.test>")
                wire.ask("DATA")
                said = wire.ask(letter("once") + ".")
            wire, reply = opened(martlet)
            with wire:
                self.assertEqual(reply[:4], "355 ")
                self.assertEqual(wire.ask("DATA")[:3], "354")
                self.assertEqual(wire.ask("."), said)
            self.assertEqual(len(martlet.receives()), 1)


class PassingOnTests(unittest.TestCase):
    def test_a_server_goes_on_at_another_through_a_bad_connection(self):
        content = letter("large", "x@remote.test", "alice@example.test", body="\r\n".join(f".{n} a line" for n in range(60_000)))
        with Martlet("--set", 'relay.networks=["127.0.0.0/8"]', *OFFER) as far, CuttingRelay(far.port("smtp"), 200_000, 300_000) as relay:
            with Martlet("--outbound", f"127.0.0.1:{relay.port}") as near:
                session = near.smtp("submission")
                session.ehlo("client.test")
                session.login("alice@example.test", "alice-secret")
                session.sendmail("alice@example.test", ["x@remote.test"], content)
                session.quit()

                def relayed():
                    near.control("queue", "flush")
                    text = near.control("trace", "x@remote.test")
                    return text if "relayed" in text else None
                told = eventually(relayed, "it is relayed", patience=60, every=0.5)
                self.assertRegex(told, r"MAIL FROM:<alice@example\.test> SIZE=\d+ .*TRANSID=<\w{13}\.[0-9a-f]{20}@[^ >]+>")
                self.assertRegex(told, r"S: 355 \d+ is the transaction offset")
                self.assertLess(sum(relay.passed), len(content) * 2)
                trace = far.control("trace", "x@remote.test")
                self.assertIn("went on at octet", trace)
                self.assertEqual(trace.count("went on at octet"), 1)


if __name__ == "__main__":
    unittest.main()
