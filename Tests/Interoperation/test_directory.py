"""Who is here and who may send where: kinds of domains, details, roles, forwarding, files and commands, and closed relays."""

import hashlib
import os
import pathlib
import shutil
import ssl
import stat
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import Martlet, Wire, eventually, folder, free_port, letter  # noqa: E402
from peers import Zones  # noqa: E402


class Session(Wire):
    """A greeted session with a sender, whose recipients are asked about one by one."""

    def __init__(self, martlet, sender="carol@elsewhere.test", service="smtp"):
        super().__init__(martlet.port(service))
        self.ask("EHLO client.test")
        self.ask(f"MAIL FROM:<{sender}>")

    def recipient(self, path):
        return self.ask(f"RCPT TO:{path if path.startswith('<') else f'<{path}>'}")


class NamesTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.martlet = Martlet().start()
        for command in ("domain add other.test", "domain add second.test --alias-of example.test", "domain add backup.test --relay",
                        "alias add team@example.test alice@example.test bob@example.test"):
            cls.martlet.control(*command.split())

    @classmethod
    def tearDownClass(cls):
        cls.martlet.stop()
        shutil.rmtree(cls.martlet.data, ignore_errors=True)

    def test_the_kinds_of_domains_are_listed(self):
        shown = {domain["domain"]: domain for domain in self.martlet.json("domain", "list")}
        self.assertEqual(shown["second.test"]["kind"], "alias")
        self.assertEqual(shown["second.test"]["alias-of"], "example.test")
        self.assertEqual(shown["backup.test"]["kind"], "relay")
        self.assertEqual(shown["other.test"]["kind"], "local")
        self.assertIn("second.test (alias of example.test)", self.martlet.control("domain", "list"))

    def test_names_of_an_alias_domain_lead_to_the_same_names(self):
        with Session(self.martlet) as session:
            self.assertTrue(session.recipient("alice@second.test").startswith("250"))
            self.assertTrue(session.recipient("team@second.test").startswith("250"))
            self.assertTrue(session.recipient("nobody@second.test").startswith("550 5.1.1"))
            self.assertTrue(session.recipient("alice@other.test").startswith("550 5.1.1"))

    def test_a_detail_is_no_part_of_the_user(self):
        self.martlet.send(letter("with a detail"), "bob+lists@example.test")
        eventually(lambda: any(b"with a detail" in m for m in self.martlet.mailbox("bob")), "it is in bob's mailbox")

    def test_every_domain_has_a_postmaster_and_roles(self):
        with Session(self.martlet) as session:
            for path in ("<Postmaster>", "postmaster@example.test", "abuse@other.test", "POSTMASTER@second.test"):
                self.assertTrue(session.recipient(path).startswith("250"), path)
            self.assertTrue(session.recipient("sales@example.test").startswith("550"))

    def test_forwarded_accounts_say_where_they_are(self):
        self.martlet.control("account", "add", "erin@example.test", stdin="erin-secret\n")
        self.martlet.control("account", "forward", "erin@example.test", "--to", "alice@example.test")
        with Session(self.martlet) as session:
            self.assertEqual(session.recipient("erin@example.test"),
                             "251 2.1.5 User not local; will forward to <alice@example.test>")
        self.martlet.send(letter("goes on"), "erin@example.test")
        eventually(lambda: any(b"goes on" in m for m in self.martlet.mailbox("alice")), "alice has it")
        self.martlet.control("account", "forward", "erin@example.test", "--to", "erin@new.test", "--tell")
        with Session(self.martlet) as session:
            self.assertEqual(session.recipient("erin@example.test"), "551 5.1.6 User not local; please try <erin@new.test>")
        self.martlet.control("account", "forward", "erin@example.test", "--stop")
        self.martlet.control("account", "disable", "erin@example.test")
        with Session(self.martlet) as session:
            self.assertTrue(session.recipient("erin@example.test").startswith("550 5.2.1"))
        self.assertIn("erin@example.test (disabled)", self.martlet.control("account", "list"))

    def test_mail_for_a_relay_domain_goes_on_and_that_for_others_does_not(self):
        with Session(self.martlet) as session:
            self.assertTrue(session.recipient("anybody@backup.test").startswith("250"))
            self.assertTrue(session.recipient("anybody@sub.backup.test").startswith("550 5.7.1"))

    def test_the_classic_ways_to_abuse_a_relay_are_closed(self):
        routes = [
            "user%other.test@example.test", "<@example.test:user@elsewhere.test>", "<@example.test,@other.test:user@elsewhere.test>",
            '"user@elsewhere.test"@example.test', "elsewhere.test!user@example.test", "user@elsewhere.test",
            "user@[127.0.0.1]", "user@[192.0.2.1]", "user@[IPv6:::1]", "user%elsewhere.test@[127.0.0.1]",
            "user@elsewhere.test@example.test", "user%elsewhere.test", '"user@elsewhere.test"', "user@localhost",
            "user%elsewhere.test@backup.test", '"user@elsewhere.test"@backup.test', "elsewhere.test!user@backup.test",
            "user@elsewhere.test%example.test", "user@example.test.elsewhere.test", "@example.test:user@elsewhere.test",
            "user%elsewhere.test%backup.test@example.test", "user@.elsewhere.test", "user@elsewhere.test.",
        ]
        senders = ["carol@elsewhere.test", "", "alice@example.test", "postmaster@example.test", "spam@[127.0.0.1]",
                   "alice@localhost"]
        for sender in senders:
            for route in routes:
                with Session(self.martlet, sender) as session:
                    answer = session.recipient(route)
                    self.assertRegex(answer, r"^5\d\d ", f"{route} from <{sender}>")
                    self.assertTrue(session.ask("DATA").startswith("5"), route)
        with Wire(self.martlet.port("smtp")) as session:
            session.ask("HELO example.test")
            session.ask("MAIL FROM:<alice@example.test>")
            self.assertTrue(session.ask("RCPT TO:<user@elsewhere.test>").startswith("550"))


class BackupTests(unittest.TestCase):
    """Mail for a domain whose own host is another Martlet."""

    def backup(self, zones, port, verify):
        backup = Martlet("--outbound", "mx", "--resolver", zones.resolver, "--set", f"outbound.port={port}", "--set",
                         f"relay.verify={verify}")
        return backup

    def test_recipients_are_asked_about_and_mail_goes_on(self):
        records = "@ MX 10 mx\nmx A 127.0.0.1"
        with Zones({"primary.test": records}) as zones, Martlet("--domain", "primary.test") as primary:
            with self.backup(zones, primary.port("smtp"), "require") as backup:
                backup.control("domain", "add", "primary.test", "--relay")
                with Session(backup) as session:
                    self.assertTrue(session.recipient("alice@primary.test").startswith("250"))
                    self.assertRegex(session.recipient("nobody@primary.test"), "^550 5.1.1 The recipient's host refuses it")
                    self.assertRegex(session.recipient("user%elsewhere.test@primary.test"), "^550 5.7.1")
                    primary.stop()
                    # Known ones stay known; of others nobody can tell now.
                    self.assertTrue(session.recipient("alice@primary.test").startswith("250"))
                    self.assertTrue(session.recipient("nobody@primary.test").startswith("550 5.1.1"))
                    self.assertTrue(session.recipient("bob@primary.test").startswith("450 4.4.1"))
                    session.ask("RSET")
                backup.send(letter("by way of the backup", "alice@primary.test"), "alice@primary.test")
                self.assertIn("alice@primary.test", backup.control("queue", "list", "--json"))
                primary.start()
                session = eventually(lambda: backup.control("queue", "flush") is not None and self.read(primary), "the primary has it", every=0.5)
                self.assertIn(b"by way of the backup", session)

    def read(self, primary):
        import poplib
        session = poplib.POP3(primary.host, primary.port("pop3"), timeout=120)
        session.user("alice@primary.test")
        session.pass_("alice-secret")
        found = b"\r\n".join(session.retr(1)[1]) if session.stat()[0] else None
        session.quit()
        return found

    def test_where_nobody_can_be_asked_mail_is_taken_if_so_configured(self):
        with Zones({"primary.test": "@ MX 10 mx\nmx A 127.0.0.1"}) as zones:
            with self.backup(zones, free_port(), "try") as backup:
                backup.control("domain", "add", "primary.test", "--relay")
                with Session(backup) as session:
                    self.assertTrue(session.recipient("alice@primary.test").startswith("250"))


class CertificateTests(unittest.TestCase):
    """The relay catalog by client certificates, on the port that other hosts come to."""

    def test_the_holder_of_a_listed_certificate_relays_and_another_does_not(self):
        place = folder()
        try:
            openssl = lambda *words, **options: subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, **options)
            openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=authority", "-keyout",
                    place / "ca.key", "-out", place / "ca.pem")
            for name in ("listed", "other"):
                openssl("req", "-newkey", "rsa:2048", "-nodes", "-subj", f"/CN={name}", "-keyout", place / f"{name}.key", "-out",
                        place / f"{name}.csr")
                openssl("x509", "-req", "-in", place / f"{name}.csr", "-CA", place / "ca.pem", "-CAkey", place / "ca.key",
                        "-CAcreateserial", "-days", "2", "-out", place / f"{name}.pem")
            der = openssl("x509", "-in", place / "listed.pem", "-outform", "DER").stdout
            with Martlet("--set", f"tls.client-authorities={place}/ca.pem", "--set",
                         f"relay.certificates={hashlib.sha256(der).hexdigest()}") as martlet:
                for name, wanted in (("listed", "250"), ("other", "550"), (None, "550")):
                    context = ssl._create_unverified_context()
                    if name:
                        context.load_cert_chain(place / f"{name}.pem", place / f"{name}.key")
                    with martlet.smtp() as session:
                        session.starttls(context=context)
                        session.ehlo("client.test")
                        session.mail("carol@elsewhere.test")
                        code, text = session.rcpt("dan@remote.test")
                        self.assertEqual(str(code), wanted, f"{name}: {text}")
        finally:
            shutil.rmtree(place)


class LookupTests(unittest.TestCase):
    def test_who_may_ask_is_told(self):
        with Martlet("--set", "smtp.lookup-networks=127.0.0.2/32") as martlet:
            martlet.control("domain", "add", "other.test")
            martlet.control("account", "add", "alice@other.test", stdin="alice-secret\n")
            martlet.control("alias", "add", "team@example.test", "bob@example.test", "/var/mail/team", "carol@elsewhere.test")
            with Wire(martlet.port("smtp")) as stranger:
                stranger.ask("EHLO client.test")
                for question in ("VRFY bob", "VRFY nobody", "EXPN team@example.test"):
                    self.assertTrue(stranger.ask(question).startswith("252 2.5.2"), question)
                self.assertIn("VRFY", stranger.ask("HELP"))
                self.assertIn("MAIL FROM:<sender>", stranger.ask("HELP mail"))
                self.assertNotIn("AUTH", stranger.ask("HELP"))
            with martlet.smtp("submission") as session:
                session.login("alice@example.test", "alice-secret")
                self.assertEqual(session.verify("bob"), (250, b"2.1.5 <bob@example.test>"))
                code, text = session.verify("alice")
                self.assertEqual(code, 553)
                self.assertIn(b"<alice@other.test>", text)
                self.assertEqual(session.verify("nobody")[0], 550)
                code, text = session.expn("team@example.test")
                self.assertEqual((code, text), (250, b"2.1.5 <bob@example.test>\n2.1.5 <carol@elsewhere.test>"))


class OutletTests(unittest.TestCase):
    def setUp(self):
        self.place = folder()
        (self.place / "boxes").mkdir()

    def tearDown(self):
        shutil.rmtree(self.place, ignore_errors=True)

    def test_files_and_commands_are_denied_unless_allowed(self):
        with Martlet() as martlet:
            martlet.control("alias", "add", "box@example.test", f"{self.place}/boxes/box")
            martlet.control("alias", "add", "run@example.test", f"|cat > {self.place}/out")
            martlet.send(letter("no"), ["box@example.test", "run@example.test"], sender="bob@example.test")
            report = martlet.receives("bob", 1)[0].decode()
            self.assertIn("Status: 5.7.1", report)
            self.assertNotIn(str(self.place), report)
            self.assertEqual(sorted(p.name for p in self.place.iterdir()), ["boxes"])

    def test_messages_are_appended_to_a_file_and_given_to_a_command(self):
        with Martlet("--set", f"delivery.alias-files={self.place}/boxes", "--set", "delivery.alias-commands=true") as martlet:
            martlet.control("alias", "add", "box@example.test", f"{self.place}/boxes/box", "alice@example.test")
            script = self.place / "command"
            script.write_text(f"#!/bin/sh\ncat > {self.place}/out\necho $SENDER $RECIPIENT > {self.place}/who\nenv > {self.place}/env\n")
            script.chmod(0o755)
            martlet.control("alias", "add", "run@example.test", f"|{script}")
            for n in range(2):
                martlet.send(letter(f"number {n}", body="From here\r\n>From there\r\nto there"), ["box@example.test", "run@example.test"])
            box = self.place / "boxes" / "box"
            text = eventually(lambda: box.exists() and (t := box.read_text()).count("\nto there\n\n") == 2 and t, "both are there")
            self.assertEqual(text.count("\n>From here\n>>From there\n"), 2)
            self.assertNotIn("\r", text)
            self.assertTrue(text.startswith("From carol@elsewhere.test "))
            self.assertIn("\n\nFrom carol@elsewhere.test ", text)
            self.assertEqual(stat.S_IMODE(box.stat().st_mode), 0o600)
            martlet.receives("alice", 2)
            out = eventually(lambda: (p := self.place / "out").exists() and (t := p.read_text()).endswith("to there\n") and t, "it ran")
            self.assertIn("Delivered-To: run@example.test\n", out)
            eventually(lambda: (self.place / "who").read_text() == "carol@elsewhere.test run@example.test\n", "it was told for whom")
            self.assertNotIn("MARTLET", (self.place / "env").read_text())

    def test_exit_statuses_decide(self):
        with Martlet("--set", "delivery.alias-commands=true", "--set", "delivery.command-timeout=15s") as martlet:
            for name, command in (("later", "exit 75"), ("never", "echo not today; exit 67"), ("slow", "sleep 600"),
                                  ("deaf", "exec 0<&-; exit 0")):
                martlet.control("alias", "add", f"{name}@example.test", f"|{command}")
                martlet.send(letter(name, body="x" * 70 + "\r\n" + "y" * 70), f"{name}@example.test", sender="bob@example.test")
            report = martlet.receives("bob", 1)[0].decode()
            self.assertIn("Status: 5.1.1", report)
            self.assertIn("not today", report)
            listed = eventually(lambda: (t := martlet.control("queue", "list")) and "later" in t and "slow" in t and "deaf" not in t and t,
                                "the others wait")
            self.assertNotIn("never", listed)
            eventually(lambda: "asks to try again" in martlet.control("trace", "later@example.test"), "the trace says why")
            eventually(lambda: "took longer" in martlet.control("trace", "slow@example.test"), "the trace says why")

    def test_a_file_outside_of_the_folders_is_not_reached_by_links(self):
        os.symlink("/tmp", self.place / "boxes" / "out")
        victim = self.place / "victim"
        victim.write_text("")
        os.link(victim, self.place / "boxes" / "hard")
        os.symlink(victim, self.place / "boxes" / "soft")
        with Martlet("--set", f"delivery.alias-files={self.place}/boxes") as martlet:
            for n, path in enumerate(("boxes/out/martlet-never", "boxes/hard", "boxes/soft", "boxes/../victim")):
                martlet.control("alias", "add", f"a{n}@example.test", f"{self.place}/{path}")
                martlet.send(letter(path), f"a{n}@example.test", sender="bob@example.test")
            martlet.receives("bob", 3)
            self.assertEqual(victim.read_text(), "")
            self.assertFalse(os.path.exists("/tmp/martlet-never"))


class ImportTests(unittest.TestCase):
    def test_sendmails_file_is_taken_over_with_each_error_named(self):
        place = folder()
        (place / "members").write_text("# who\nalice\nbob@example.test, \"Carol\" <carol@elsewhere.test>\n")
        (place / "aliases").write_text(
            "# a comment\npostmaster: root\nroot: alice,\n   bob\n\nteam: :include:" + str(place / "members") + "\n"
            "archive: /var/mail/archive\nprog: \"|/usr/bin/vacation alice, bob\"\n\"two words\": alice\nno colon here\n"
            "empty:\nlist: :include:/nonexistent, alice\nroot: again\nbad: not an address\nnull: /dev/null\n")
        try:
            with Martlet() as martlet:
                status, output, errors = martlet.run("alias", "import", place / "aliases")
                self.assertEqual(status, 1, output)
                for line, word in ((10, "no colon"), (11, "leads to nothing"), (12, "/nonexistent"), (13, "line 3"), (14, "not an address")):
                    self.assertRegex(errors, rf"aliases:{line}: .*{word}")
                self.assertIn("8 aliases made, 0 replaced, 5 problems.", errors)
                shown = {alias["alias"]: alias["targets"] for alias in martlet.json("alias", "list")}
                self.assertEqual(shown["team@example.test"], ["alice@example.test", "bob@example.test", "carol@elsewhere.test"])
                self.assertEqual(shown["root@example.test"], ["alice@example.test", "bob@example.test"])
                self.assertEqual(shown["prog@example.test"], ["|/usr/bin/vacation alice, bob"])
                self.assertEqual(shown["archive@example.test"], ["/var/mail/archive"])
                self.assertEqual(shown['"two words"@example.test'], ["alice@example.test"])
                martlet.send(letter("to the team"), "team@example.test")
                martlet.receives("alice")
                _, _, errors = martlet.run("alias", "import", place / "aliases")
                self.assertIn("0 aliases made, 0 replaced, 8 kept", errors)
        finally:
            shutil.rmtree(place)


if __name__ == "__main__":
    unittest.main()
