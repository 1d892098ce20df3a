"""Debian's Exim sends to us, and takes what we send: over STARTTLS, pipelined, in chunks, with DSN and SMTPUTF8."""

import base64
import pathlib
import re
import smtplib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import Martlet, eventually, letter, submit  # noqa: E402
from rooted import (  # noqa: E402
    BODY, SOON, Exim, eight_bits, hand, queue_empties, skip_where_it_cannot_run, submit_binary)

setUpModule = skip_where_it_cannot_run


def line(log, *parts):
    """The line of a log that has all of these."""
    return next((line for line in log.splitlines() if all(part in line for part in parts)), None)


class SenderTests(unittest.TestCase):
    def test_a_message_arrives_octet_for_octet_in_chunks_and_as_data(self):
        for transport, chunked in ([], True), (["hosts_try_chunking ="], False):
            with self.subTest(chunked=chunked), Martlet() as martlet, Exim(martlet.port("smtp"), transport) as exim:
                content = eight_bits("whole", "alice@example.test", "dan@remote.test")
                hand(exim, ["alice@example.test", "bob@example.test"], content, mail_options=["BODY=8BITMIME"])
                for user in ("alice", "bob"):
                    message = martlet.receives(user, patience=60)[0] + b"\r\n"
                    self.assertTrue(message.startswith(b"Return-Path: <dan@remote.test>\r\n"), message[:200])
                    self.assertRegex(message, rb"from exim\.test [^;]*with ESMTPS")
                    self.assertTrue(message.endswith(BODY.encode() + b"\r\n"), message)
                done = exim.comes_to(lambda: line(exim.log(), " => alice@example.test"), "logs it")
                self.assertRegex(done, r" X=TLS1\.[23]:")
                self.assertRegex(done, r" L[.*]? ", "it used PIPELINING")
                self.assertEqual(bool(re.search(r" K ", done)), chunked, done)
                self.assertRegex(done, r'C="250 2\.0\.0 ')

    def test_a_large_message_comes_in_many_chunks(self):
        body = "\r\n".join(f"{n:08d} " + "x" * 60 for n in range(60000))
        with Martlet() as martlet, Exim(martlet.port("smtp")) as exim:
            hand(exim, ["alice@example.test"], letter("large", body=body))
            self.assertIn(body.encode(), martlet.receives("alice", patience=120)[0])
            self.assertRegex(exim.comes_to(lambda: line(exim.log(), " => alice@example.test"), "logs it"), r" K ")

    def test_internationalized_mail(self):
        with Martlet() as martlet, Exim(martlet.port("smtp")) as exim:
            content = letter("grüße 你好", sender="жанна@remote.test").encode()
            hand(exim, ["alice@example.test"], content, "жанна@remote.test", ["SMTPUTF8", "BODY=8BITMIME"])
            message = martlet.receives("alice", patience=60)[0].decode()
            self.assertIn("Return-Path: <жанна@remote.test>", message)
            self.assertIn("Subject: grüße 你好", message)
            self.assertRegex(message, r"from exim\.test [^;]*with UTF8SMTPS")

    def test_dsn_parameters_come_and_our_report_goes_back(self):
        exim = Exim()
        with Martlet("--outbound", f"127.0.0.1:{exim.port}") as martlet:
            exim.next_hop = martlet.port("smtp")
            with exim:
                hand(exim, ["alice@example.test"], letter("receipt", sender="dan@remote.test"),
                     mail_options=["RET=HDRS", "ENVID=from+2Bexim"],
                     rcpt_options=["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;Alice+2Bx@old.example"])
                report = exim.receives("dan")[0].decode()
                self.assertIsNone(line(exim.log(), "<= <>", "U=Debian-exim"), "Exim left the report to us")
        self.assertRegex(report, r"(?im)^Return-Path: <>")
        self.assertRegex(report, r"(?i)Content-Type: multipart/report")
        self.assertRegex(report, r"(?im)^Original-Envelope-Id: from\+exim")
        self.assertRegex(report, r"(?im)^Original-Recipient: rfc822; *Alice\+x@old\.example")
        self.assertRegex(report, r"(?im)^Final-Recipient: rfc822; *alice@example\.test")
        self.assertRegex(report, r"(?im)^Action: delivered")
        self.assertIn("Subject: receipt", report)
        self.assertNotIn("\nHello.\n", report)

    def test_of_two_recipients_the_unknown_one_is_returned(self):
        with Martlet() as martlet, Exim(martlet.port("smtp")) as exim:
            hand(exim, ["alice@example.test", "nobody@example.test"], letter("half", sender="dan@remote.test"))
            self.assertIn(b"Subject: half", martlet.receives("alice", patience=60)[0])
            bounce = exim.receives("dan")[0].decode()
            self.assertRegex(bounce, r"(?im)^Final-Recipient: rfc822; *nobody@example\.test")
            self.assertRegex(bounce, r"(?im)^Diagnostic-Code: smtp; *550[ -]5\.1\.1")
            self.assertNotRegex(bounce, r"(?im)^Final-Recipient: rfc822; *alice@")

    def test_what_it_kept_while_we_were_away_comes_once_over_few_connections(self):
        martlet = Martlet()
        # Named long before it listens: only what is still free can be listened on.
        with Exim(martlet.port("smtp"), queue_only="true", remote_max_parallel="1") as exim:
            for n in range(20):
                hand(exim, ["alice@example.test"], letter(f"kept {n}", sender="dan@remote.test"))
            exim.comes_to(lambda: "Connection refused" in exim.log(), "finds nobody")
            with martlet:
                messages = martlet.receives("alice", 20, patience=120)
                self.assertEqual({re.search(rb"kept \d+", message)[0] for message in messages},
                                 {f"kept {n}".encode() for n in range(20)})
                self.assertEqual(len(messages), 20)
                exim.comes_to(lambda: exim.log().count(" Completed") == 20, "has done with all")
                self.assertEqual(len(martlet.mailbox("alice")), 20)

    def test_it_tries_again_what_we_put_off(self):
        with Martlet("--set", 'spool.min-free="500TiB"') as full:
            with Exim(full.port("smtp")) as exim:
                hand(exim, ["alice@example.test"], letter("put off", sender="dan@remote.test"))
                exim.comes_to(lambda: line(exim.log(), " == alice@example.test", "452 4.3.1"), "logs that it is put off")
                full.stop()
                with Martlet(data=full.data, base=full.base) as martlet:
                    self.assertIn(b"Subject: put off", martlet.receives("alice", patience=60)[0])


class NextHopTests(unittest.TestCase):
    def test_a_message_goes_octet_for_octet_over_tls_and_pipelined_and_one_refusal_is_reported(self):
        with Exim() as exim, Martlet("--outbound", f"127.0.0.1:{exim.port}") as martlet:
            to = ["dan@remote.test", "nobody@remote.test"]
            submit(martlet, to, eight_bits("onward", "dan@remote.test", "alice@example.test"), ["BODY=8BITMIME"])
            message = exim.receives("dan")[0]
            self.assertTrue(message.endswith(BODY.encode().replace(b"\r\n", b"\n") + b"\n"), message)
            taken = line(exim.log(), " <= alice@example.test")
            self.assertRegex(taken, r" P=esmtps ")
            self.assertRegex(taken, r" X=TLS1\.3:")
            self.assertRegex(taken, r" L[.*]? ", "we used PIPELINING")
            self.assertRegex(taken, r" M8S=8 ", "we said BODY=8BITMIME")
            report = martlet.receives("alice", patience=60)[0].decode(errors="replace")
            self.assertRegex(report, r"(?i)Final-Recipient: rfc822; *nobody@remote\.test")
            self.assertNotRegex(report, r"(?i)Final-Recipient: rfc822; *dan@")
            self.assertRegex(report, r"(?i)Status: 5\.1\.1")
            self.assertRegex(report, r"(?i)Diagnostic-Code: smtp; *550 5\.1\.1 nobody of that name")
            queue_empties(martlet)
            self.assertEqual(exim.log().count(" <= alice@example.test"), 1)

    def test_dsn_parameters_travel_and_its_report_comes_home(self):
        exim = Exim()
        with Martlet("--outbound", f"127.0.0.1:{exim.port}") as martlet:
            exim.next_hop = martlet.port("smtp")
            with exim:
                submit(martlet, ["dan@remote.test"], letter("receipt, please", "dan@remote.test", "alice@example.test"),
                       ["RET=HDRS", "ENVID=envelope+2B1"], ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;Dan+2Bx@old.example"])
                exim.receives("dan")
                report = martlet.receives("alice", patience=60)[0].decode()
                self.assertEqual(len(martlet.mailbox("alice")), 1, "its report alone")
        self.assertRegex(report, r"(?i)Action: delivered")
        self.assertRegex(report, r"(?i)Final-Recipient: rfc822; *dan@remote\.test")
        self.assertRegex(report, r"(?i)Original-Envelope-Id: envelope\+")
        self.assertIn("Mail Delivery System", report)

    def test_internationalized_mail(self):
        with Exim() as exim, Martlet("--outbound", f"127.0.0.1:{exim.port}") as martlet:
            content = letter("grüße 你好", "grüße@remote.test", "alice@example.test").encode()
            submit(martlet, ["grüße@remote.test"], content, ["SMTPUTF8", "BODY=8BITMIME"])
            self.assertIn("Subject: grüße 你好", exim.receives("grüße")[0].decode())
            self.assertIn(" P=utf8esmtps ", line(exim.log(), " <= alice@example.test"))

    def test_binary_content_is_encoded_since_it_offers_chunking_without_binarymime(self):
        binary = bytes(range(256)) * 20 + b"\n.\n\r.\r\n.\r\n"
        with Exim() as exim, Martlet("--outbound", f"127.0.0.1:{exim.port}") as martlet:
            submit_binary(martlet, "dan@remote.test", binary)
            header, body = exim.receives("dan")[0].split(b"\n\n", 1)
            self.assertRegex(header, rb"(?i)Content-Transfer-Encoding: base64")
            self.assertEqual(base64.b64decode(body), binary)

    def test_what_is_over_its_size_comes_back_unsent(self):
        with Exim(message_size_limit="20K") as exim, Martlet("--outbound", f"127.0.0.1:{exim.port}") as martlet:
            submit(martlet, ["dan@remote.test"], letter("too large", "dan@remote.test", "alice@example.test", "y\r\n" * 9000))
            report = martlet.receives("alice", patience=60)[0].decode()
            self.assertRegex(report, r"(?i)Status: 5\.3\.4")
            self.assertRegex(report, r"(?i)Final-Recipient: rfc822; *dan@remote\.test")
            submit(martlet, ["dan@remote.test"], letter("small enough", "dan@remote.test", "alice@example.test"))
            self.assertIn(b"Subject: small enough", exim.receives("dan")[0])
            self.assertNotRegex(exim.log(), r"(?i)rejected|too big|exceed", "it never saw a MAIL of the large one")

    def test_what_it_puts_off_is_tried_again(self):
        with Exim() as exim, Martlet("--outbound", f"127.0.0.1:{exim.port}", *SOON) as martlet:
            submit(martlet, ["later@remote.test", "dan@remote.test"], letter("later", "later@remote.test", "alice@example.test"))
            self.assertIn(b"Subject: later", exim.receives("dan")[0])
            eventually(lambda: "451 4.7.1 come back later" in martlet.control("trace", "later@remote.test"), "the trace has it",
                       patience=60)
            self.assertIn("later@remote.test", martlet.control("queue", "list"))
            exim.open()
            self.assertIn(b"Subject: later", exim.receives("later")[0])
            queue_empties(martlet)
            self.assertEqual((len(exim.mailbox("dan")), len(exim.mailbox("later")), martlet.mailbox("alice")), (1, 1, []))

    def test_what_it_refuses_after_the_content_comes_back(self):
        with Exim() as exim, Martlet("--outbound", f"127.0.0.1:{exim.port}") as martlet:
            submit(martlet, ["dan@remote.test", "eve@remote.test"], letter("unwanted", "dan@remote.test", "alice@example.test"))
            report = martlet.receives("alice", patience=60)[0].decode()
            for user in ("dan", "eve"):
                self.assertRegex(report, rf"(?i)Final-Recipient: rfc822; *{user}@remote\.test")
            self.assertRegex(report, r"(?i)Diagnostic-Code: smtp; *550 5\.7\.1 nobody wants this")

    def test_more_recipients_than_it_takes_go_in_further_transactions(self):
        to = [f"{user}@remote.test" for user in ("dan", "eve", "fay", "gus", "hal")]
        with Exim(recipients_max="2") as exim, Martlet("--outbound", f"127.0.0.1:{exim.port}", *SOON) as martlet:
            submit(martlet, to, letter("to many", "dan@remote.test", "alice@example.test"))
            for user in ("dan", "eve", "fay", "gus", "hal"):
                self.assertIn(b"Subject: to many", exim.receives(user)[0])
            queue_empties(martlet)
            self.assertEqual([len(exim.mailbox(user.split("@")[0])) for user in to], [1] * 5)
            self.assertEqual(martlet.mailbox("alice"), [])

    def test_more_messages_than_a_connection_takes_go_over_others(self):
        with Exim(smtp_accept_max_per_connection="3") as exim:
            # One connection, so that it comes to its bound.
            with Martlet("--outbound", f"127.0.0.1:{exim.port}", "--set", "outbound.connections=1", *SOON) as martlet:
                for n in range(10):
                    submit(martlet, ["dan@remote.test"], letter(f"message {n}.", "dan@remote.test", "alice@example.test"))
                found = b"".join(exim.receives("dan", 10))
                self.assertEqual([n for n in range(10) if b"message %d." % n not in found], [])
                queue_empties(martlet)
                self.assertEqual(len(exim.mailbox("dan")), 10)

    def test_required_tls_does_not_go_to_a_certificate_that_does_not_fit(self):
        keys = ["--set", 'outbound.security="required"']
        with Exim() as exim, Martlet("--outbound", f"127.0.0.1:{exim.port}", *keys) as martlet:
            submit(martlet, ["dan@remote.test"], letter("secret", "dan@remote.test", "alice@example.test"))
            told = eventually(lambda: (text := martlet.control("trace", "dan@remote.test")) and "deferred" in text and text,
                              "it is deferred", patience=60)
            self.assertRegex(told, r"(?i)certificate")
            self.assertNotIn(" <= alice@example.test", exim.log())


if __name__ == "__main__":
    unittest.main()
