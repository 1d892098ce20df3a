"""Mail goes in with the SMTP clients that people have, and comes out with their POP3 clients."""

import pathlib
import poplib
import shutil
import smtplib
import ssl
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import Martlet, eventually, folder, letter  # noqa: E402

UNVERIFIED = ssl._create_unverified_context()


class ClientsTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.martlet = Martlet().start()

    @classmethod
    def tearDownClass(cls):
        status = cls.martlet.stop()
        shutil.rmtree(cls.martlet.data, ignore_errors=True)
        assert status == 0, f"a clean stop ends with status 0, not {status}"

    def setUp(self):
        for user in ("alice", "bob"):
            session = self.martlet.pop(user)
            for n in range(session.stat()[0]):
                session.dele(n + 1)
            session.quit()

    def arrives(self, subject, user="alice"):
        return eventually(lambda: next((m for m in self.martlet.mailbox(user) if f"Subject: {subject}".encode() in m), None),
                          f"{subject!r} arrives at {user}", every=0.1)

    def test_smtplib_sends_to_two_and_dots_survive(self):
        body = "\r\n".join([".", "..", ".leading", "middle . dot", "", "end."])
        self.martlet.send(letter("dots", body=body), ["alice@example.test", "bob@example.test"])
        for user in ("alice", "bob"):
            text = self.arrives("dots", user)
            self.assertIn(body.encode(), text)
            self.assertTrue(text.startswith(b"Return-Path: <carol@elsewhere.test>"), text[:200])
            self.assertIn(b"Received: from ", text)

    def test_a_pop_client_of_old_reads_what_has_utf8_in_its_header(self):
        body = "Grüße im Text".encode()
        with self.martlet.smtp() as session:
            session.ehlo("client.test")
            session.mail("carol@elsewhere.test", ["SMTPUTF8", "BODY=8BITMIME"])
            session.rcpt("bob@example.test")
            self.assertEqual(session.data("From: José <carol@elsewhere.test>\r\nSubject: Grüße\r\nX-Note: ü\r\n\r\n".encode() + body)[0], 250)
        self.martlet.send(b"Subject: caf\xe9\r\n\r\nLatin-1\r\n", "bob@example.test")
        self.martlet.receives("bob", count=2)
        session = self.martlet.pop("bob", utf8=False)
        first, second = (b"\r\n".join(session.retr(n)[1]) for n in (1, 2))
        self.assertIn(b"\r\nSubject: =?utf-8?B?R3LDvMOfZQ==?=\r\n", first)
        self.assertIn(b"\r\nFrom: =?utf-8?B?Sm9zw6k=?= <carol@elsewhere.test>\r\n", first)
        self.assertNotIn(b"X-Note", first)
        self.assertIn(body, first)
        self.assertIn(b"Subject: caf\xe9\r\n", second)
        session.quit()
        whole = self.martlet.mailbox("bob")[0]
        self.assertIn("Subject: Grüße\r\nX-Note: ü\r\n".encode(), whole)

    def test_swaks_over_starttls(self):
        if not shutil.which("swaks"):
            self.fail("swaks is not installed: Scripts/install-packages test")
        done = subprocess.run(
            ["swaks", "--server", f"127.0.0.1:{self.martlet.port('smtp')}", "--to", "alice@example.test", "--from",
             "swaks@elsewhere.test", "--tls", "--h-Subject", "from swaks"], capture_output=True, text=True, timeout=240)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertIn(b"with ESMTPS", self.arrives("from swaks"))

    def test_curl_submits_with_a_password_over_implicit_tls_and_reads_over_pop3s(self):
        place = folder()
        try:
            (place / "mail").write_bytes(letter("from curl", sender="bob@example.test").encode())
            subprocess.run(
                ["curl", "-sS", "-k", "--url", f"smtps://127.0.0.1:{self.martlet.port('submissions')}", "--mail-from",
                 "bob@example.test", "--mail-rcpt", "alice@example.test", "--upload-file", place / "mail", "--user",
                 "bob@example.test:bob-secret"], check=True, timeout=240)
            self.assertIn(b"with ESMTPSA", self.arrives("from curl"))
            read = subprocess.run(
                ["curl", "-sS", "-k", "--url", f"pop3s://127.0.0.1:{self.martlet.port('pop3s')}/1", "--user",
                 "alice@example.test:alice-secret"], check=True, capture_output=True, timeout=240).stdout
            self.assertIn(b"Subject: from curl", read)
        finally:
            shutil.rmtree(place)

    def test_submission_with_plain_and_login_after_starttls(self):
        for mechanism in ("PLAIN", "LOGIN"):
            with self.martlet.smtp("submission") as session:
                session.starttls(context=UNVERIFIED)
                session.ehlo("client.test")
                session.user, session.password = "alice@example.test", "alice-secret"
                method = session.auth_plain if mechanism == "PLAIN" else session.auth_login
                session.auth(mechanism, method)
                session.sendmail("alice@example.test", ["bob@example.test"], letter(f"by {mechanism}", "bob@example.test", "alice@example.test"))
            self.arrives(f"by {mechanism}", "bob")

    def test_an_account_sends_as_itself_only(self):
        with self.martlet.smtp("submission") as session:
            session.login("alice@example.test", "alice-secret")
            code, text = session.mail("bob@example.test")
            if code == 250:
                code, text = session.rcpt("bob@example.test")
            self.assertEqual(code // 100, 5, text)

    def test_a_wrong_password_and_an_unknown_user_are_told_alike(self):
        answers = set()
        for user, password in (("alice@example.test", "wrong"), ("nobody@example.test", "alice-secret")):
            with self.martlet.smtp("submission") as session:
                session.ehlo("client.test")
                with self.assertRaises(smtplib.SMTPAuthenticationError) as refused:
                    session.login(user, password)
                answers.add((refused.exception.smtp_code, refused.exception.smtp_error))
        self.assertEqual(len(answers), 1, answers)
        self.assertEqual(answers.pop()[0], 535)

    def test_fetchmail_takes_and_deletes(self):
        self.martlet.send(letter("for fetchmail"), "alice@example.test")
        self.arrives("for fetchmail")
        place = folder()
        try:
            control = place / "fetchmailrc"
            control.write_text(
                f'poll 127.0.0.1 protocol pop3 port {self.martlet.port("pop3")} user "alice@example.test" '
                f'password "alice-secret" sslproto "" mda "cat >> {place}/mbox"\n')
            control.chmod(0o600)
            done = subprocess.run(["fetchmail", "-f", control, "--pidfile", place / "pid", "-i", place / "ids"],
                                  capture_output=True, text=True, timeout=240)
            self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertIn("Subject: for fetchmail", (place / "mbox").read_text())
            self.assertEqual(self.martlet.mailbox(), [])
        finally:
            shutil.rmtree(place)

    def test_poplib_over_stls_with_uidl_and_top(self):
        self.martlet.send(letter("one", body="1\r\n2\r\n3"), "alice@example.test")
        self.arrives("one")
        session = poplib.POP3("127.0.0.1", self.martlet.port("pop3"), timeout=120)
        self.assertIn("STLS", session.capa())
        session.stls(context=UNVERIFIED)
        session.user("alice@example.test")
        session.pass_("alice-secret")
        identifier = session.uidl(1)
        self.assertIn(b"1", session.top(1, 1)[1])
        self.assertNotIn(b"2", session.top(1, 1)[1])
        session.dele(1)
        session.rset()
        session.quit()
        session = self.martlet.pop()
        self.assertEqual(session.uidl(1), identifier)
        session.dele(1)
        session.close()  # without QUIT nothing is deleted
        session = eventually(lambda: self.reopened(), "the mailbox is free again")
        self.assertEqual(session.stat()[0], 1)
        session.dele(1)
        session.quit()
        self.assertEqual(self.martlet.mailbox(), [])

    def reopened(self):
        try:
            return self.martlet.pop()
        except poplib.error_proto:
            return None

    def test_mail_in_every_script(self):
        with self.martlet.smtp() as session:
            session.ehlo("client.test")
            self.assertTrue(session.has_extn("smtputf8"))
            content = letter("grüße 你好").encode()
            session.sendmail("жанна@почта.test", ["alice@example.test"], content, mail_options=["SMTPUTF8", "BODY=8BITMIME"])
        self.assertIn("жанна@".encode(), eventually(lambda: self.martlet.mailbox(), "it arrives")[0])

    def test_the_trace_tells_the_life_of_a_message(self):
        self.martlet.send(letter("traced", identifier="traced-1@elsewhere.test"), "alice@example.test")
        self.arrives("traced")
        for query in ("alice@example.test", "traced-1@elsewhere.test", "<traced-1@elsewhere.test>", "elsewhere.test"):
            told = eventually(lambda: (text := self.martlet.control("trace", query)) and "traced-1@" in text and text,
                              f"the trace of {query}")
            self.assertIn("alice@example.test", told)
            self.assertIn("carol@elsewhere.test", told)

    def test_chunking_and_binary(self):
        from martlet import Wire
        with Wire(self.martlet.port("smtp")) as wire:
            self.assertIn("CHUNKING", wire.ask("EHLO client.test"))
            wire.ask("MAIL FROM:<carol@elsewhere.test> BODY=BINARYMIME")
            wire.ask("RCPT TO:<alice@example.test>")
            first, second = b"Subject: chunked\r\n\r\nfirst\r\n", b"bare \n and \r and .\r\n.\r\nlast"
            self.assertTrue(wire.ask(b"BDAT %d\r\n%s" % (len(first), first)).startswith("250"))
            self.assertTrue(wire.ask(b"BDAT %d LAST\r\n%s" % (len(second), second)).startswith("250"))
        self.assertIn(b"Subject: chunked", self.arrives("chunked"))

    def test_a_large_message_goes_through_whole(self):
        body = "\r\n".join(f"{n:08d} " + "x" * 60 for n in range(60000))
        self.martlet.send(letter("large", body=body), "alice@example.test")
        self.assertIn(body.encode(), self.arrives("large"))


if __name__ == "__main__":
    unittest.main()
