"""Signed return paths and such for each recipient, with a real Postfix that finds out afterwards that nobody is there."""

import email
import pathlib
import re
import shutil
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import BINARY, Martlet, Wire, eventually, folder, letter, submit  # noqa: E402
from peers import Postfix, Sink  # noqa: E402


def paths(sink, count):
    found = eventually(lambda: (m := [re.search(r"(?m)^X-Mail-Args: <(\S+)>", t) for t in sink.messages()]) and len(m) >= count and all(m) and m,
                       f"smtp-sink has {count} messages")
    return sorted(match.group(1) for match in found)


def asked(martlet, sender, recipient):
    with Wire(martlet.port("smtp")) as wire:
        wire.ask("EHLO client.test")
        wire.ask(f"MAIL FROM:<{sender}>")
        return wire.ask(f"RCPT TO:<{recipient}>")


class ReturnPathTests(unittest.TestCase):
    def test_a_report_comes_home_to_a_signed_path_and_to_no_forged_one(self):
        with Martlet("--outbound", "catch", "--set", "return-path.signed=true") as martlet:
            with Postfix(smtpd_reject_unlisted_recipient="no", relayhost=f"[127.0.0.1]:{martlet.port('smtp')}",
                         virtual_mailbox_domains="", mydestination="remote.test", local_recipient_maps="",
                         local_transport="error:no such user") as postfix:
                submit(martlet, ["gone@remote.test"], letter("to nobody", "gone@remote.test", "bob@example.test"), user="bob")
                held = eventually(lambda: martlet.json("queue", "list"), "the message is caught")
                martlet.control("queue", "reroute", held[0]["id"], "--to", f"127.0.0.1:{postfix.port}")
                report = email.message_from_bytes(martlet.receives("bob")[0])
            self.assertRegex(report["Delivered-To"] or report["To"], r"prvs=0\d{3}[0-9a-f]{6}=bob@example\.test")
            self.assertEqual(report.get_content_type(), "multipart/report")
            signed = re.search(r"prvs=\S+?@example\.test", report.as_string()).group()
            self.assertTrue(asked(martlet, "", signed).startswith("250"))
            self.assertTrue(asked(martlet, "", signed.replace("=bob@", "=alice@")).startswith("550 5.7.1"))
            self.assertTrue(asked(martlet, "", "bob@example.test").startswith("250"))

    def test_each_recipient_has_a_path_of_its_own(self):
        with Sink() as sink, Martlet("--outbound", f"127.0.0.1:{sink.port}", "--set", 'return-path.per-recipient=["bob@example.test"]') as martlet:
            submit(martlet, ["dan@remote.test", "eve@remote.test"], letter("to both", "dan@remote.test", "bob@example.test"), user="bob")
            self.assertEqual(paths(sink, 2), ["bob+dan=remote.test@example.test", "bob+eve=remote.test@example.test"])
            self.assertTrue(asked(martlet, "", "bob+dan=remote.test@example.test").startswith("250"))

    def test_what_does_not_fit_together_is_told(self):
        place = folder()
        for wrong, words in (('per-recipient = ["a@b.test"]\n[directory]\nseparator = "-"', 'directory.separator has to be'),
                             ('per-recipient = ["no address"]', "is not an address")):
            (place / "martlet.toml").write_text(f"[return-path]\n{wrong}\n")
            done = subprocess.run([BINARY, "config", "check", place / "martlet.toml"], capture_output=True, text=True, timeout=240)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn(words, done.stderr)
        shutil.rmtree(place)


if __name__ == "__main__":
    unittest.main()
