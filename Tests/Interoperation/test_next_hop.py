"""Mail for other domains leaves: to a smart host, to the hosts that DNS names, to a real Postfix and back from it."""

import pathlib
import re
import smtplib
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import Martlet, eventually, free_port, letter, submit  # noqa: E402
from peers import Postfix, Sink, Zones  # noqa: E402


class SmartHostTests(unittest.TestCase):
    def test_postfix_as_the_next_hop_takes_mail_over_tls_and_its_refusal_comes_back_as_a_report(self):
        with Postfix() as postfix, Martlet("--outbound", f"127.0.0.1:{postfix.port}") as martlet:
            submit(martlet, ["dan@remote.test", "nobody@remote.test"], letter("onward", "dan@remote.test", "alice@example.test"))
            text = eventually(lambda: postfix.mailbox("dan"), "Postfix has it")[0]
            self.assertIn("Subject: onward", text)
            self.assertIn("using TLSv1", text)
            report = martlet.receives("alice")[0].decode()
            self.assertIn("Return-Path: <>", report)
            self.assertIn("multipart/report", report)
            self.assertRegex(report, r"(?i)Final-Recipient: rfc822; *nobody@remote\.test")
            self.assertRegex(report, r"(?i)Action: failed")
            self.assertRegex(report, r"(?i)Status: 5\.1\.1")
            self.assertRegex(report, r"(?i)Diagnostic-Code: smtp; *550")
            self.assertIn("RCPT TO:<nobody@remote.test>", report, "the bounce carries the dialogue that failed")
            eventually(lambda: "@remote.test" not in martlet.control("queue", "list"), "nothing is left in the queue")
            told = martlet.control("trace", "dan@remote.test")
            self.assertIn("250", told)
            self.assertIn("TLSv1", told)

    def test_dsn_parameters_travel_to_postfix_and_its_success_report_comes_home(self):
        with Martlet("--outbound", "catch") as home:
            with Postfix(relayhost=f"[127.0.0.1]:{home.port('smtp')}") as postfix:
                with Martlet("--outbound", f"127.0.0.1:{postfix.port}") as martlet:
                    submit(martlet, ["dan@remote.test"], letter("receipt, please", "dan@remote.test", "alice@example.test"),
                           mail_options=["RET=HDRS", "ENVID=envelope+2B1"], rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
                    eventually(lambda: postfix.mailbox("dan"), "Postfix has it")
                    # Postfix reports to alice@example.test, whose mail its relayhost (another Martlet) takes.
                    report = home.receives("alice")[0].decode()
            self.assertRegex(report, r"(?i)Action: delivered")
            self.assertRegex(report, r"(?i)Original-Envelope-Id: envelope\+1")

    def test_postfix_passes_dsn_parameters_on_and_gets_our_success_report(self):
        postfix = Postfix()
        with Martlet("--outbound", f"127.0.0.1:{postfix.port}") as martlet:
            postfix.settings["relayhost"] = f"[127.0.0.1]:{martlet.port('smtp')}"
            with postfix:
                with smtplib.SMTP("127.0.0.1", postfix.port, timeout=120) as session:
                    session.sendmail("dan@remote.test", ["alice@example.test"], letter("receipt", sender="dan@remote.test"),
                                     mail_options=["RET=HDRS", "ENVID=from+2Bpostfix"],
                                     rcpt_options=["NOTIFY=SUCCESS,DELAY", "ORCPT=rfc822;Alice+2Bx@old.example"])
                martlet.receives("alice")
                report = eventually(lambda: postfix.mailbox("dan"), f"the report comes: {postfix.log()}")[0]
        self.assertRegex(report, r"(?im)^Return-Path: <>")
        self.assertRegex(report, r"(?i)Content-Type: multipart/report")
        self.assertRegex(report, r"(?im)^Original-Envelope-Id: from\+postfix")
        self.assertRegex(report, r"(?im)^Original-Recipient: rfc822; *Alice\+x@old\.example")
        self.assertRegex(report, r"(?im)^Final-Recipient: rfc822; *alice@example\.test")
        self.assertRegex(report, r"(?im)^Action: delivered")
        self.assertRegex(report, r"(?i)text/rfc822-headers", "RET=HDRS asks for the header alone")
        self.assertIn("Subject: receipt", report)
        self.assertNotIn("\nHello.\n", report)

    def test_postfix_as_the_sender(self):
        with Martlet() as martlet, Postfix(relayhost=f"[127.0.0.1]:{martlet.port('smtp')}") as postfix:
            subprocess.run(["smtp-source", "-s", "5", "-m", "50", "-l", "2000", "-f", "dan@remote.test", "-t", "alice@example.test",
                            f"127.0.0.1:{postfix.port}"], check=True, timeout=240)
            messages = martlet.receives("alice", 50, patience=240)
            self.assertEqual(len(messages), 50)
            self.assertIn(b"ESMTPS", messages[0])

    def test_what_the_next_hop_defers_is_tried_again(self):
        with Sink("-r", "RCPT") as sink, Martlet("--outbound", f"127.0.0.1:{sink.port}") as martlet:
            submit(martlet, ["dan@remote.test"], letter("later", "dan@remote.test", "alice@example.test"))
            told = eventually(lambda: (t := martlet.control("trace", "dan@remote.test")) and "450" in t and t, "the trace has the 4xx")
            self.assertIn("dan@remote.test", martlet.control("queue", "list"))
            self.assertRegex(told, r"(?i)next attempt|deferred")

    def test_a_next_hop_that_knows_only_helo(self):
        with Sink("-e") as sink, Martlet("--outbound", f"127.0.0.1:{sink.port}") as martlet:
            submit(martlet, ["dan@remote.test"], letter("plain old", "dan@remote.test", "alice@example.test"))
            eventually(lambda: any("plain old" in m for m in sink.messages()), "the sink has it")

    def test_a_next_hop_without_8bitmime_gets_only_what_is_of_seven_bits(self):
        eight_bits = {"small": "caf\u00e9", "large": "a line of seven bits\r\n" * 40_000 + "caf\u00e9"}
        with Sink("-8") as sink, Martlet("--outbound", f"127.0.0.1:{sink.port}") as martlet:
            for name, body in {"plain": "coffee", **eight_bits}.items():
                content = letter(name, "dan@remote.test", "alice@example.test", body).encode()
                submit(martlet, ["dan@remote.test"], content, mail_options=["BODY=8BITMIME"])
            eventually(lambda: sum("caf=C3=A9" in m for m in sink.messages()) == 2, "the sink has both, encoded")
            messages = eventually(lambda: len(found := sink.messages()) == 3 and found, "the sink has all")
            self.assertTrue(all(message.isascii() for message in messages))
            self.assertEqual(sum("quoted-printable" in message for message in messages), 2)
            # What is signed would not be what was signed any more.
            content = b"DKIM-Signature: v=1\r\n" + letter("signed", "dan@remote.test", "alice@example.test", "caf\u00e9").encode()
            submit(martlet, ["dan@remote.test"], content, mail_options=["BODY=8BITMIME"])
            report = martlet.receives("alice")[0].decode(errors="replace")
            self.assertIn("Subject: signed", report)
            self.assertIn("Status: 5.6.3", report)
            self.assertEqual(len(sink.messages()), 3)

    def test_waiting_mail_follows_a_changed_route(self):
        dead = free_port()
        with Sink() as sink:
            martlet = Martlet("--outbound", f"127.0.0.1:{dead}").start()
            submit(martlet, ["dan@remote.test"], letter("rerouted", "dan@remote.test", "alice@example.test"))
            eventually(lambda: "dan@remote.test" in martlet.control("queue", "list"), "it waits")
            martlet.stop()
            with Martlet("--outbound", f"127.0.0.1:{sink.port}", data=martlet.data, base=martlet.base) as martlet:
                eventually(lambda: martlet.control("queue", "flush") is not None and any("rerouted" in m for m in sink.messages()), "the new next hop has it")


    def test_a_full_disk_takes_no_mail_and_still_lets_it_go(self):
        dead = free_port()
        with Sink() as sink:
            martlet = Martlet("--outbound", f"127.0.0.1:{dead}").start()
            submit(martlet, ["dan@remote.test"], letter("before it was full", "dan@remote.test", "alice@example.test"))
            eventually(lambda: "dan@remote.test" in martlet.control("queue", "list"), "it waits")
            martlet.stop()
            with Martlet("--outbound", f"127.0.0.1:{sink.port}", "--set", 'spool.min-free="500TiB"',
                         data=martlet.data, base=martlet.base) as martlet:
                with martlet.smtp() as session:
                    session.ehlo()
                    code, text = session.mail("carol@elsewhere.test")
                    self.assertEqual((code, text[:5]), (452, b"4.3.1"))
                eventually(lambda: martlet.control("queue", "flush") is not None and any("before it was full" in m for m in sink.messages()), "what was queued has left")
                eventually(lambda: "dan@remote.test" not in martlet.control("queue", "list"), "nothing is left in the queue")


class NamesTests(unittest.TestCase):
    """`--outbound mx` through nsd and unbound; every host is 127.0.0.x with one port."""

    def test_mail_follows_the_mx_records(self):
        with Sink() as sink:
            zones = {
                "remote.test": "@ MX 10 dead\n@ MX 20 mx2\ndead A 127.0.0.9\nmx2 A 127.0.0.1\n"
                               "plain A 127.0.0.1\nalias CNAME plain\nnull MX 0 .\nnone TXT \"no address\"\n"
                               "looks MX 10 nowhere.remote.test.\n",
            }
            with Zones(zones) as dns, Martlet("--outbound", "mx", "--resolver", dns.resolver, "--set",
                                              f"outbound.port={sink.port}") as martlet:
                good = ["a@remote.test", "b@plain.remote.test", "c@alias.remote.test"]
                bad = {"d@null.remote.test": r"5\.1\.10", "e@missing.remote.test": r"5\.1\.2", "f@none.remote.test": r"5\.[14]\.\d"}
                for to in [*good, *bad]:
                    submit(martlet, [to], letter(f"to {to}", to, "alice@example.test"))
                for to in good:
                    eventually(lambda: any(f"to {to}" in m for m in sink.messages()), f"{to} is reached")
                reports = "".join(m.decode() for m in martlet.receives("alice", len(bad)))
                for to, status in bad.items():
                    self.assertRegex(reports, rf"(?is){re.escape(to)}.{{0,400}}?Status: {status}", to)
                told = martlet.control("trace", "a@remote.test")
                self.assertIn("dead.remote.test", told)
                self.assertIn("mx2.remote.test", told)

    def test_a_resolver_that_does_not_answer_defers(self):
        with Martlet("--outbound", "mx", "--resolver", f"127.0.0.1:{free_port()}") as martlet:
            submit(martlet, ["dan@remote.test"], letter("unanswered", "dan@remote.test", "alice@example.test"))
            eventually(lambda: "deferred" in martlet.control("trace", "dan@remote.test"), "it is deferred", patience=240)
            self.assertIn("dan@remote.test", martlet.control("queue", "list"))


if __name__ == "__main__":
    unittest.main()
