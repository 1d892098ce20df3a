"""Service extensions from outside: what EHLO says, what is refused, and what two servers hand on to each other."""

import pathlib
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import Martlet, eventually, letter  # noqa: E402
from peers import Postfix  # noqa: E402


def login(martlet, user="alice"):
    session = martlet.smtp("submission")
    session.ehlo("client.test")
    session.login(f"{user}@example.test", f"{user}-secret")
    return session


def answers(session, *commands):
    return [session.docmd(command)[0] for command in commands]


class OfferTests(unittest.TestCase):
    def test_what_is_offered_by_default_and_what_a_key_adds(self):
        with Martlet() as martlet, martlet.smtp() as session:
            session.ehlo("client.test")
            for keyword in ["deliverby", "mt-priority", "rrvs"]:
                self.assertTrue(session.has_extn(keyword), keyword)
            for keyword in ["futurerelease", "requiretls", "no-soliciting", "mtrk", "checkpoint", "verb", "onex", "burl"]:
                self.assertFalse(session.has_extn(keyword), keyword)
            self.assertEqual(answers(session, "MAIL FROM:<a@b.test> HOLDFOR=5", "MAIL FROM:<a@b.test> MTRK=abcd ENVID=1@b.test",
                                     "MAIL FROM:<a@b.test> REQUIRETLS", "VERB"), [555, 555, 555, 500])
            session.starttls()
            session.ehlo("client.test")
            self.assertTrue(session.has_extn("requiretls"))
        keys = ["--set", 'smtp.no-soliciting=["net.example:ADV"]', "--set", "smtp.tracking=true", "--set", "smtp.verbose-commands=true"]
        with Martlet(*keys) as martlet, martlet.smtp() as session:
            session.ehlo("client.test")
            self.assertEqual(session.esmtp_features["no-soliciting"], "net.example:ADV")
            self.assertEqual(answers(session, "VERB", "ONEX", "MAIL FROM:<a@b.test> SOLICIT=net.example:ADV",
                                     "MAIL FROM:<a@b.test> MTRK=abcd ENVID=1@b.test"), [250, 250, 550, 250])

    def test_parameters_that_are_wrong_or_come_twice(self):
        with Martlet() as martlet, login(martlet) as session:
            self.assertIn("futurerelease", session.esmtp_features)
            for parameters in ["BY=5", "BY=0;R", "BY=5;R BY=5;R", "MT-PRIORITY=10", "HOLDFOR=0", "HOLDFOR=5 HOLDUNTIL=2040-01-01T00:00:00Z",
                               "HOLDUNTIL=2999-01-01T00:00:00Z", "HOLDFOR=60 BY=5;R"]:
                self.assertEqual(session.docmd(f"MAIL FROM:<alice@example.test> {parameters}")[0], 501, parameters)
            self.assertEqual(session.docmd("MAIL FROM:<alice@example.test> HOLDFOR=5 MT-PRIORITY=4 BY=60;R")[0], 250)

    def test_a_strangers_priority_is_lowered_and_an_owner_is_checked(self):
        with Martlet() as martlet, martlet.smtp() as session:
            session.ehlo("client.test")
            code, text = session.docmd("MAIL FROM:<a@b.test> MT-PRIORITY=3")
            self.assertEqual((code, text[:7]), (250, b"2.3.6 0"))
            code, text = session.docmd("RCPT TO:<alice@example.test> RRVS=2001-01-01T00:00:00Z")
            self.assertEqual((code, text[:6]), (550, b"5.7.17"))
            later = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60))
            self.assertEqual(session.docmd(f"RCPT TO:<alice@example.test> RRVS={later};C")[0], 250)
            self.assertEqual(session.docmd("RCPT TO:<postmaster@example.test> RRVS=2001-01-01T00:00:00Z")[0], 250)


class PassingOnTests(unittest.TestCase):
    def test_two_servers_hand_on_priority_and_time(self):
        with Martlet("--set", 'relay.networks=["127.0.0.0/8"]') as far:
            with Martlet("--outbound", f"127.0.0.1:{far.port('smtp')}") as near, login(near) as session:
                session.sendmail("alice@example.test", ["x@remote.test"], letter("urgent", "x@remote.test", "alice@example.test"),
                                 mail_options=["MT-PRIORITY=4", "BY=600;N"])
                told = eventually(lambda: (text := near.control("trace", "x@remote.test")) and "relayed" in text and text, "it is relayed")
                self.assertRegex(told, r"MAIL FROM:<alice@example\.test> SIZE=\d+ BY=[1-5]\d\d;N MT-PRIORITY=4")

    def test_eight_bit_mail_reaches_a_postfix_without_8bitmime(self):
        with Postfix(smtpd_discard_ehlo_keywords="8bitmime,smtputf8,chunking") as postfix:
            with Martlet("--outbound", f"127.0.0.1:{postfix.port}") as martlet, login(martlet) as session:
                content = "Subject: recoded\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nGrüße\r\n".encode()
                session.sendmail("alice@example.test", ["dan@remote.test"], content, mail_options=["BODY=8BITMIME"])
                text = eventually(lambda: postfix.mailbox("dan"), "Postfix has it")[0]
                self.assertIn("quoted-printable", text)
                self.assertIn("Gr=C3=BC=C3=9Fe", text)

    def test_what_needs_tls_does_not_go_to_a_host_without_requiretls(self):
        with Postfix() as postfix, Martlet("--outbound", f"127.0.0.1:{postfix.port}") as martlet:
            session = martlet.smtp("submission")
            session.ehlo("client.test")
            session.starttls()
            session.ehlo("client.test")
            session.login("alice@example.test", "alice-secret")
            session.sendmail("alice@example.test", ["dan@remote.test"], letter("secret", "dan@remote.test", "alice@example.test"),
                             mail_options=["REQUIRETLS"])
            session.quit()
            report = martlet.receives("alice")[0].decode()
            self.assertRegex(report, r"(?i)Status: 5\.7\.(10|30)")
            self.assertEqual(postfix.mailbox("dan"), [])


class SubmissionTests(unittest.TestCase):
    def test_bcc_is_removed_what_is_missing_is_added_and_the_queue_id_is_told(self):
        with Martlet() as martlet, login(martlet) as session:
            self.assertEqual(answers(session, "MAIL FROM:<alice@example.test>", "RCPT TO:<bob@example.test>", "DATA"), [250, 250, 354])
            session.send("Subject: x\r\nBcc: hidden@example.org\r\n\r\ntext\r\n.\r\n")
            code, text = session.getreply()
            self.assertEqual(code, 250)
            self.assertRegex(text.decode(), r"2\.0\.0 Ok: queued as \w+")
            message = martlet.receives("bob")[0]
            self.assertNotIn(b"hidden", message)
            for field in [b"\r\nFrom: <alice@example.test>", b"\r\nDate: ", b"\r\nMessage-ID: <"]:
                self.assertIn(field, message)

    def test_an_account_sends_as_others_when_it_is_listed(self):
        with Martlet() as martlet:
            with login(martlet) as session:
                self.assertEqual(session.docmd("MAIL FROM:<team@partner.example>")[0], 553)
            martlet.control("account", "senders", "add", "alice@example.test", "team@partner.example")
            self.assertEqual(martlet.json("account", "senders", "list", "alice@example.test"), [{"sender": "team@partner.example"}])
            with login(martlet) as session:
                self.assertEqual(session.docmd("MAIL FROM:<team@partner.example>")[0], 250)
            martlet.control("account", "senders", "remove", "alice@example.test", "team@partner.example")
            status, _, errors = martlet.run("account", "senders", "remove", "alice@example.test", "team@partner.example")
            self.assertNotEqual(status, 0)
            self.assertIn("no leave to send as", errors)

    def test_an_account_is_bounded_an_hour_and_a_day(self):
        keys = ["--set", "limits.account-messages-per-hour=2", "--set", "limits.account-recipients-per-day=3"]
        with Martlet(*keys) as martlet, login(martlet) as session:
            self.assertEqual(answers(session, "MAIL FROM:<alice@example.test>", "RCPT TO:<bob@example.test>", "RCPT TO:<bob@example.test>",
                                     "RCPT TO:<bob@example.test>", "RCPT TO:<bob@example.test>", "RSET",
                                     "MAIL FROM:<alice@example.test>", "RSET", "MAIL FROM:<alice@example.test>"),
                             [250, 250, 250, 250, 450, 250, 250, 250, 450])
            with login(martlet, "bob") as other:
                self.assertEqual(other.docmd("MAIL FROM:<bob@example.test>")[0], 250)


if __name__ == "__main__":
    unittest.main()
