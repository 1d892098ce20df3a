"""Debian's OpenSMTPD sends to us over STARTTLS, and takes what we send without PIPELINING, CHUNKING and SMTPUTF8: it lacks them."""

import base64
import pathlib
import re
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import Martlet, eventually, letter, submit  # noqa: E402
from rooted import (  # noqa: E402
    BODY, SOON, OpenSMTPD, eight_bits, hand, queue_empties, skip_where_it_cannot_run, submit_binary)

setUpModule = skip_where_it_cannot_run


class SenderTests(unittest.TestCase):
    def test_a_message_arrives_octet_for_octet_over_tls(self):
        with Martlet() as martlet, OpenSMTPD(martlet.port("smtp")) as peer:
            content = eight_bits("whole", "alice@example.test", "dan@remote.test")
            hand(peer, ["alice@example.test", "bob@example.test"], content, mail_options=["BODY=8BITMIME"])
            for user in ("alice", "bob"):
                message = martlet.receives(user, patience=60)[0] + b"\r\n"
                self.assertTrue(message.startswith(b"Return-Path: <dan@remote.test>\r\n"), message[:200])
                self.assertRegex(message, rb"from opensmtpd\.test [^;]*with ESMTPS")
                self.assertTrue(message.endswith(BODY.encode() + b"\r\n"), message)

    def test_a_large_message_comes_whole(self):
        body = "\r\n".join(f"{n:08d} " + "x" * 60 for n in range(60000))
        with Martlet() as martlet, OpenSMTPD(martlet.port("smtp")) as peer:
            hand(peer, ["alice@example.test"], letter("large", body=body))
            self.assertIn(body.encode(), martlet.receives("alice", patience=120)[0])

    def test_dsn_parameters_come_and_our_report_goes_back(self):
        peer = OpenSMTPD()
        with Martlet("--outbound", f"127.0.0.1:{peer.port}") as martlet:
            peer.next_hop = martlet.port("smtp")
            with peer:
                hand(peer, ["alice@example.test"], letter("receipt", sender="dan@remote.test"),
                     mail_options=["RET=HDRS", "ENVID=from+2Bopensmtpd"], rcpt_options=["NOTIFY=SUCCESS,DELAY"])
                report = peer.receives("dan")[0].decode()
                self.assertIn(">>> MAIL FROM:<dan@remote.test> RET=HDRS ENVID=from+2Bopensmtpd", peer.log())
        self.assertRegex(report, r"(?i)Content-Type: multipart/report")
        self.assertRegex(report, r"(?im)^Original-Envelope-Id: from\+opensmtpd")
        self.assertRegex(report, r"(?im)^Final-Recipient: rfc822; *alice@example\.test")
        self.assertRegex(report, r"(?im)^Action: delivered")
        self.assertIn("Subject: receipt", report)
        self.assertNotIn("\nHello.\n", report)

    def test_of_two_recipients_the_unknown_one_is_returned(self):
        with Martlet() as martlet, OpenSMTPD(martlet.port("smtp")) as peer:
            hand(peer, ["alice@example.test", "nobody@example.test"], letter("half", sender="dan@remote.test"))
            self.assertIn(b"Subject: half", martlet.receives("alice", patience=60)[0])
            bounce = peer.receives("dan")[0].decode()
            self.assertIn("nobody@example.test: 550 5.1.1", bounce)
            self.assertNotIn("alice@example.test: ", bounce)

    def test_what_it_kept_while_we_were_away_comes_once(self):
        martlet = Martlet()
        with OpenSMTPD(martlet.port("smtp")) as peer:
            for n in range(20):
                hand(peer, ["alice@example.test"], letter(f"kept {n}", sender="dan@remote.test"))
            peer.comes_to(lambda: "Connection refused" in peer.log(), "finds nobody")
            with martlet:
                eventually(lambda: peer.flush() or len(martlet.mailbox("alice")) >= 20, "all come", patience=120, every=1)
                subjects = {re.search(rb"kept \d+", message)[0] for message in martlet.mailbox("alice")}
                self.assertEqual(subjects, {f"kept {n}".encode() for n in range(20)})
                self.assertEqual(len(martlet.mailbox("alice")), 20)


class NextHopTests(unittest.TestCase):
    def test_a_message_goes_octet_for_octet_and_one_refusal_is_reported(self):
        with OpenSMTPD() as peer, Martlet("--outbound", f"127.0.0.1:{peer.port}") as martlet:
            to = ["dan@remote.test", "nobody@remote.test"]
            submit(martlet, to, eight_bits("onward", "dan@remote.test", "alice@example.test"), ["BODY=8BITMIME"])
            message = peer.receives("dan")[0]
            self.assertTrue(message.endswith(BODY.encode().replace(b"\r\n", b"\n") + b"\n"), message)
            self.assertRegex(peer.log(), r"<<< MAIL FROM:<alice@example\.test> SIZE=\d+ BODY=8BITMIME")
            report = martlet.receives("alice", patience=60)[0].decode(errors="replace")
            self.assertRegex(report, r"(?i)Final-Recipient: rfc822; *nobody@remote\.test")
            self.assertNotRegex(report, r"(?i)Final-Recipient: rfc822; *dan@")
            self.assertRegex(report, r"(?i)Status: 5\.1\.1")
            self.assertRegex(report, r"(?i)Diagnostic-Code: smtp; *550 Invalid recipient")
            queue_empties(martlet)

    def test_tls_that_does_not_work_is_done_without_unless_it_is_required(self):
        with OpenSMTPD(listen="tls pki peer") as peer:
            with Martlet("--outbound", f"127.0.0.1:{peer.port}") as martlet:
                submit(martlet, ["dan@remote.test"], letter("in clear", "dan@remote.test", "alice@example.test"))
                self.assertIn(b"Subject: in clear", peer.receives("dan")[0])
                self.assertIn("TLS did not work, in clear", martlet.control("trace", "dan@remote.test"))
            sessions = peer.log().count("<<< STARTTLS")
            with Martlet("--outbound", f"127.0.0.1:{peer.port}", "--set", 'outbound.security="required"') as martlet:
                submit(martlet, ["eve@remote.test"], letter("secret", "eve@remote.test", "alice@example.test"))
                eventually(lambda: "deferred" in martlet.control("trace", "eve@remote.test"), "it is deferred", patience=60)
                self.assertGreater(peer.log().count("<<< STARTTLS"), sessions)
                self.assertNotIn("<<< RCPT TO:<eve@", peer.log())
                self.assertIn("eve@remote.test", martlet.control("queue", "list"))

    def test_dsn_parameters_travel(self):
        peer = OpenSMTPD()
        with Martlet("--outbound", f"127.0.0.1:{peer.port}") as martlet:
            peer.next_hop = martlet.port("smtp")
            with peer:
                submit(martlet, ["dan@remote.test"], letter("receipt, please", "dan@remote.test", "alice@example.test"),
                       ["RET=HDRS", "ENVID=envelope+2B1"], ["NOTIFY=SUCCESS,FAILURE"])
                peer.receives("dan")
                report = martlet.receives("alice", patience=60)[0].decode()
                self.assertRegex(peer.log(), r"<<< MAIL FROM:<alice@example\.test> SIZE=\d+ RET=HDRS ENVID=envelope\+2B1")
                self.assertIn("<<< RCPT TO:<dan@remote.test> NOTIFY=SUCCESS,FAILURE", peer.log())
                self.assertEqual(len(martlet.mailbox("alice")), 1, "its report alone")
        self.assertIn("by opensmtpd.test (OpenSMTPD)", report)
        self.assertRegex(report, r"(?im)^Final-Recipient: rfc822; *dan@remote\.test")
        self.assertRegex(report, r"(?im)^Action: delivered")

    def test_internationalized_mail_goes_where_it_can_do_without(self):
        with OpenSMTPD() as peer, Martlet("--outbound", f"127.0.0.1:{peer.port}") as martlet:
            submit(martlet, ["dan@bücher.remote.test"], letter("a domain", "dan@remote.test", "alice@example.test"), ["SMTPUTF8"])
            self.assertIn(b"Subject: a domain", peer.receives("dan")[0])
            self.assertIn("<<< RCPT TO:<dan@xn--bcher-kva.remote.test>", peer.log())
            submit(martlet, ["grüße@remote.test"], letter("a name", "dan@remote.test", "alice@example.test"), ["SMTPUTF8"])
            submit(martlet, ["eve@remote.test"], letter("grüße", "eve@remote.test", "alice@example.test").encode(),
                   ["SMTPUTF8", "BODY=8BITMIME"])
            reports = [report.decode() for report in martlet.receives("alice", 2, patience=60)]
            self.assertTrue(all(re.search(r"(?i)Status: 5\.6\.7", report) for report in reports), reports)
            self.assertEqual(peer.mailbox("eve"), [])

    def test_binary_content_is_encoded(self):
        binary = bytes(range(256)) * 20 + b"\n.\n\r.\r\n.\r\n"
        with OpenSMTPD() as peer, Martlet("--outbound", f"127.0.0.1:{peer.port}") as martlet:
            submit_binary(martlet, "dan@remote.test", binary)
            header, body = peer.receives("dan")[0].split(b"\n\n", 1)
            self.assertRegex(header, rb"(?i)Content-Transfer-Encoding: base64")
            self.assertEqual(base64.b64decode(body), binary)

    def test_what_is_over_its_size_comes_back_unsent(self):
        with OpenSMTPD(lines=["smtp max-message-size 20K"]) as peer, Martlet("--outbound", f"127.0.0.1:{peer.port}") as martlet:
            submit(martlet, ["dan@remote.test"], letter("too large", "dan@remote.test", "alice@example.test", "y\r\n" * 9000))
            report = martlet.receives("alice", patience=60)[0].decode()
            self.assertRegex(report, r"(?i)Status: 5\.3\.4")
            submit(martlet, ["dan@remote.test"], letter("small enough", "dan@remote.test", "alice@example.test"))
            self.assertIn(b"Subject: small enough", peer.receives("dan")[0])
            self.assertEqual(peer.log().count("<<< MAIL FROM"), 1, "it never saw a MAIL of the large one")

    def test_what_it_puts_off_is_tried_again(self):
        with OpenSMTPD() as peer, Martlet("--outbound", f"127.0.0.1:{peer.port}", *SOON) as martlet:
            submit(martlet, ["later@remote.test", "dan@remote.test"], letter("later", "later@remote.test", "alice@example.test"))
            self.assertIn(b"Subject: later", peer.receives("dan")[0])
            eventually(lambda: "424 4.2.4" in martlet.control("trace", "later@remote.test"), "the trace has it", patience=60)
            self.assertIn("later@remote.test", martlet.control("queue", "list"))
            peer.open()
            self.assertIn(b"Subject: later", peer.receives("later")[0])
            queue_empties(martlet)
            self.assertEqual((len(peer.mailbox("dan")), len(peer.mailbox("later")), martlet.mailbox("alice")), (1, 1, []))

    def test_more_recipients_than_it_takes_go_in_further_transactions(self):
        users = ("dan", "eve", "fay", "gus", "hal")
        with OpenSMTPD(lines=["smtp limit max-rcpt 2"]) as peer, Martlet("--outbound", f"127.0.0.1:{peer.port}", *SOON) as martlet:
            submit(martlet, [f"{user}@remote.test" for user in users], letter("to many", "dan@remote.test", "alice@example.test"))
            for user in users:
                self.assertIn(b"Subject: to many", peer.receives(user)[0])
            queue_empties(martlet)
            self.assertEqual([len(peer.mailbox(user)) for user in users], [1] * 5)
            self.assertEqual(martlet.mailbox("alice"), [])

    def test_more_messages_than_a_session_takes_go_in_others(self):
        """It answers further MAIL commands of the session 452 4.5.3, not 421."""
        with OpenSMTPD(lines=["smtp limit max-mails 3"]) as peer:
            # One connection, so that it comes to its bound.
            with Martlet("--outbound", f"127.0.0.1:{peer.port}", "--set", "outbound.connections=1", *SOON) as martlet:
                for n in range(10):
                    submit(martlet, ["dan@remote.test"], letter(f"message {n}.", "dan@remote.test", "alice@example.test"))
                found = b"".join(peer.receives("dan", 10))
                self.assertEqual([n for n in range(10) if b"message %d." % n not in found], [])
                queue_empties(martlet)
                self.assertEqual(len(peer.mailbox("dan")), 10)


if __name__ == "__main__":
    unittest.main()
