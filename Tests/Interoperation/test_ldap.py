"""Names from a real slapd: recipients, aliases, log-ins, TLS, and what happens while it is down."""

import pathlib
import poplib
import smtplib
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import Martlet, Wire, eventually, letter  # noqa: E402
from slapd import Slapd  # noqa: E402


def asked(martlet, *recipients):
    """What each recipient is answered, in one transaction."""
    with Wire(martlet.port("smtp")) as wire:
        wire.ask("EHLO client.test")
        wire.ask("MAIL FROM:<carol@elsewhere.test>")
        return [wire.ask(f"RCPT TO:<{recipient}>")[:9] for recipient in recipients]


class LDAPTests(unittest.TestCase):
    def test_recipients_aliases_and_log_ins(self):
        with Slapd() as slapd, Martlet(*slapd.arguments()) as martlet:
            martlet.control("domain", "add", "second.test", "--alias-of", "example.test")
            self.assertEqual(
                asked(martlet, "frank@example.test", "F.Rank@example.test", "frank+detail@example.test", "crew@example.test",
                      "alice@example.test", "gina@second.test", "nobody@example.test", "*@example.test", "\"frank)(uid=*\"@example.test",
                      "twin@example.test"),
                ["250 2.1.5"] * 6 + ["550 5.1.1"] * 3 + ["451 4.3.0"])
            martlet.send(letter("to the crew"), "crew@example.test")
            martlet.send(letter("by another name"), "f.rank@example.test")
            self.assertTrue(any(b"to the crew" in m for m in martlet.receives("alice")))

            def read():
                session = poplib.POP3(martlet.host, martlet.port("pop3"), timeout=120)
                session.user("frank@example.test")
                session.pass_("frank-secret")
                messages = [b"\r\n".join(session.retr(n + 1)[1]) for n in range(session.stat()[0])]
                session.quit()
                return messages if len(messages) == 2 else None

            messages = eventually(read, "frank has both")
            self.assertTrue(any(b"by another name" in m for m in messages))
            with martlet.smtp("submission") as session:
                session.login("frank@example.test", "frank-secret")
                session.sendmail("f.rank@example.test", ["bob@example.test"], letter("from frank", sender="f.rank@example.test"))
                code, _ = session.mail("gina@example.test")
                self.assertEqual(code, 553)
            martlet.receives("bob")
            with martlet.smtp("submission") as session:
                session.login("alice@example.test", "alice-secret")
                self.assertEqual(session.verify("frank"), (250, b"2.1.5 <frank@example.test>"))
                self.assertEqual(session.expn("crew")[1], b"2.1.5 <frank@example.test>\n2.1.5 <alice@example.test>")
                self.assertEqual(session.verify("nobody")[0], 550)

    def test_wrong_passwords_and_unknown_names_are_told_alike(self):
        with Slapd() as slapd, Martlet(*slapd.arguments()) as martlet:
            said = set()
            for name, password in (("frank@example.test", "wrong"), ("nobody@example.test", "frank-secret"), ("frank", "x")):
                with martlet.smtp("submission") as session:
                    with self.assertRaises(smtplib.SMTPAuthenticationError) as refused:
                        session.login(name, password)
                    said.add((refused.exception.smtp_code, refused.exception.smtp_error))
            self.assertEqual(len(said), 1, said)

    def test_over_tls_with_a_certificate_that_fits_and_never_with_another(self):
        with Slapd() as slapd:
            for url, start in ((f"ldaps://127.0.0.1:{slapd.tls_port}", "false"), (f"ldap://127.0.0.1:{slapd.port}", "true")):
                with Martlet(*slapd.arguments(**{"ldap.url": url, "ldap.start_tls": start})) as martlet:
                    self.assertEqual(asked(martlet, "frank@example.test", "nobody@example.test"), ["250 2.1.5", "550 5.1.1"])
                changes = {"ldap.url": url, "ldap.start_tls": start, "ldap.ca_file": "/etc/ssl/certs/ca-certificates.crt"}
                with Martlet(*slapd.arguments(**changes)) as martlet:
                    self.assertEqual(asked(martlet, "frank@example.test", "alice@example.test"), ["451 4.3.0", "250 2.1.5"])

    def test_while_it_is_down_mail_is_put_off_and_nothing_is_lost(self):
        with Slapd() as slapd, Martlet(*slapd.arguments(**{"ldap.cache_time": "0s"})) as martlet:
            with Wire(martlet.port("smtp")) as wire:
                wire.ask("EHLO client.test")
                wire.ask("MAIL FROM:<carol@elsewhere.test>")
                self.assertTrue(wire.ask("RCPT TO:<frank@example.test>").startswith("250"))
                slapd.stop()
                # In the middle of a session: what only slapd knows is put off, what the database knows is not.
                for recipient in ("frank@example.test", "gina@example.test", "nobody@example.test"):
                    self.assertTrue(wire.ask(f"RCPT TO:<{recipient}>").startswith("451 4.3.0"), recipient)
                self.assertTrue(wire.ask("RCPT TO:<alice@example.test>").startswith("250"))
                self.assertTrue(wire.ask("RCPT TO:<x@elsewhere.test>").startswith("550 5.7.1"))
                self.assertTrue(wire.ask("DATA").startswith("354"))
                self.assertTrue(wire.ask(letter("taken before") + ".").startswith("250"))
            with martlet.smtp("submission") as session:
                with self.assertRaises(smtplib.SMTPAuthenticationError) as refused:
                    session.login("frank@example.test", "frank-secret")
                self.assertEqual(refused.exception.smtp_code, 454)
            with martlet.smtp("submission") as session:
                session.login("alice@example.test", "alice-secret")
            self.assertIn("The LDAP server cannot be asked", martlet.said())
            self.assertIn("frank@example.test", martlet.control("queue", "list", "--json"))
            slapd.start()
            eventually(lambda: asked(martlet, "gina@example.test") == ["250 2.1.5"], "it is asked again", every=0.5)
            self.assertIn("answers again", martlet.said())
            martlet.control("queue", "flush")

            def read():
                session = poplib.POP3(martlet.host, martlet.port("pop3"), timeout=120)
                session.user("frank@example.test")
                session.pass_("frank-secret")
                count = session.stat()[0]
                session.quit()
                return count

            eventually(read, "frank has what was taken before")


if __name__ == "__main__":
    unittest.main()
