"""Log-ins with every mechanism, from the clients that people have, and by Martlet's own client at next hops."""

import base64
import getpass
import hashlib
import hmac
import json
import os
import pathlib
import poplib
import shutil
import smtplib
import ssl
import subprocess
import sys
import time
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import BINARY, Martlet, Wire, eventually, folder, free_port, letter  # noqa: E402
from peers import Postfix, listens  # noqa: E402

UNVERIFIED = ssl._create_unverified_context()
SECRET = "a secret of more than thirty-two characters"


def encoded(text):
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def token(secret=SECRET, **claims):
    """A JSON Web Token: HS256."""
    def part(value):
        return base64.urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).rstrip(b"=")

    claims = {"email": "alice@example.test", "exp": int(time.time()) + 600, "iss": "https://login.example.test",
              "aud": "mail", **claims}
    signed = part({"alg": "HS256", "typ": "JWT"}) + b"." + part(claims)
    return (signed + b"." + part(hmac.new(secret.encode(), signed, "sha256").digest())).decode()


class SCRAM:
    """The client's side of RFC 5802 in Python: what the other implementations are held against."""

    def __init__(self, user, password, header="n,,", binding=b"", digest="sha256"):
        self.user, self.password, self.header, self.binding, self.digest = user, password, header, binding, digest
        self.nonce = encoded(os.urandom(18))
        self.bare = f"n={user},r={self.nonce}"

    def first(self):
        return self.header + self.bare

    def final(self, server):
        fields = dict(field.split("=", 1) for field in server.split(","))
        assert fields["r"].startswith(self.nonce) and len(fields["r"]) > len(self.nonce)
        self.salt, self.iterations = fields["s"], int(fields["i"])
        salted = hashlib.pbkdf2_hmac(self.digest, self.password.encode(), base64.b64decode(self.salt), self.iterations)
        client = self.mac(salted, "Client Key")
        plain = f"c={encoded(self.header.encode() + self.binding)},r={fields['r']}"
        exchange = f"{self.bare},{server},{plain}"
        signature = self.mac(hashlib.new(self.digest, client).digest(), exchange)
        self.expected = "v=" + encoded(self.mac(self.mac(salted, "Server Key"), exchange))
        return plain + ",p=" + encoded(bytes(a ^ b for a, b in zip(client, signature)))

    def mac(self, key, message):
        return hmac.new(key, message.encode(), self.digest).digest()


class Session:
    """A submission session over TLS, for exchanges that no client library would have."""

    def __init__(self, martlet, maximum=None):
        self.wire = Wire(martlet.port("submission"))
        self.wire.ask("EHLO client.example")
        assert self.wire.ask("STARTTLS").startswith("220")
        context = ssl._create_unverified_context()
        if maximum:
            context.maximum_version = maximum
        self.wire.socket = context.wrap_socket(self.wire.socket)
        self.offered = self.wire.ask("EHLO client.example")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.wire.socket.close()

    def scram(self, mechanism, scram):
        """All replies of an exchange, challenges in clear."""
        replies = [self.wire.ask(f"AUTH {mechanism} {encoded(scram.first())}")]
        if replies[-1].startswith("334"):
            server = base64.b64decode(replies[-1][4:]).decode()
            replies.append(self.wire.ask(encoded(scram.final(server))))
        if replies[-1].startswith("334"):
            assert base64.b64decode(replies[-1][4:]).decode() == scram.expected
            replies.append(self.wire.ask(""))
        return replies

    def end_point(self):
        return hashlib.sha256(self.wire.socket.getpeercert(binary_form=True)).digest()


class AuthenticationTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = folder()
        cls.place.chmod(0o755)
        (cls.place / "tokens.key").write_text(SECRET + "\n")
        cls.authorities()
        cls.martlet = Martlet(
            "--set", f"authentication.token-key={cls.place}/tokens.key", "--set", "authentication.token-audience=mail",
            "--set", f"tls.client-authorities={cls.place}/ca.pem", "--set", "limits.failed-logins=100",
            "--set", "limits.bad-commands=1000").start()
        cls.user, cls.password = "alice@example.test", "alice-secret"

    @classmethod
    def tearDownClass(cls):
        cls.martlet.stop()
        shutil.rmtree(cls.martlet.data, ignore_errors=True)
        shutil.rmtree(cls.place, ignore_errors=True)

    @classmethod
    def authorities(cls):
        """An authority, a certificate of it for bob, one for somebody who is not here, and one of nobody's."""
        def openssl(*arguments):
            subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)

        place = cls.place
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=People", "-keyout", place / "ca.key", "-out", place / "ca.pem")
        for name in ("bob", "nobody"):
            openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
                    "-keyout", place / f"{name}.key", "-out", place / f"{name}.csr")
            (place / "extensions").write_text(f"subjectAltName=email:{name}@example.test\nextendedKeyUsage=clientAuth\n")
            openssl("x509", "-req", "-in", place / f"{name}.csr", "-CA", place / "ca.pem", "-CAkey", place / "ca.key",
                    "-CAcreateserial", "-days", "2", "-extfile", place / "extensions", "-out", place / f"{name}.pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                "/CN=bob", "-addext", "subjectAltName=email:bob@example.test", "-keyout", place / "forged.key", "-out",
                place / "forged.pem")

    # What is offered

    def test_what_is_offered_depends_on_the_connection(self):
        def mechanisms(text):
            line = next(line for line in text.split("\n") if line[4:].startswith("AUTH"))
            return line.split()[1:]

        both = ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN", "LOGIN", "OAUTHBEARER",
                "XOAUTH2"]
        with Session(self.martlet) as session:
            self.assertEqual(mechanisms(session.offered), both)
        with Session(self.martlet, maximum=ssl.TLSVersion.TLSv1_2) as session:
            self.assertEqual(mechanisms(session.offered), both)
        with Wire(self.martlet.port("smtp")) as wire:
            self.assertNotIn("AUTH", wire.ask("EHLO client.example"))
        plain = Martlet("--set", 'authentication.mechanisms=["SCRAM-SHA-256"]', "--set", "smtp.clear-text-authentication=false")
        with plain:
            with Session(plain) as session:
                self.assertEqual(mechanisms(session.offered), ["SCRAM-SHA-256"])
                self.assertTrue(session.wire.ask("AUTH PLAIN").startswith("534 5.7.9"))
                self.assertTrue(session.wire.ask("AUTH OAUTHBEARER").startswith("504"))
            with Wire(plain.port("submission")) as wire:
                self.assertNotIn("AUTH", wire.ask("EHLO client.example"))
                self.assertTrue(wire.ask("AUTH SCRAM-SHA-256").startswith("538 5.7.11"))

    def test_passwords_in_clear_come_from_this_machine_alone(self):
        addresses = subprocess.run(["hostname", "-I"], capture_output=True, text=True).stdout.split()
        if not addresses:
            self.skipTest("this machine has no address but loopback")
        hosts, port, place = ["127.0.0.1", addresses[0]], free_port(), folder()
        listeners = ", ".join(f'"{host if ":" not in host else f"[{host}]"}:{port}"' for host in hosts)
        (place / "martlet.toml").write_text(
            f'hostname = "mx.example.test"\ndata = "{place}/data"\nuser = "{getpass.getuser()}"\n[listen]\nsmtp = []\n'
            f"submission = [{listeners}]\nsubmissions = []\npop3 = []\npop3s = []\n[smtp]\nclear-text-authentication = true\n")
        server = subprocess.Popen([BINARY, "serve", "--config", place / "martlet.toml"], stderr=subprocess.DEVNULL)
        try:
            for host in hosts:
                eventually(lambda: listens(port, host), f"the server listens on {host}")
            for host, expected in zip(hosts, ("334", "538 5.7.11")):
                with Wire(port, host=host) as wire:
                    self.assertEqual("AUTH" in wire.ask("EHLO client.example"), expected == "334")
                    self.assertTrue(wire.ask("AUTH PLAIN").startswith(expected))
        finally:
            server.terminate()
            server.wait(90)
            shutil.rmtree(place, ignore_errors=True)

    # SCRAM, by an implementation of this file

    def test_scram_of_each_kind(self):
        for mechanism, digest in (("SCRAM-SHA-256", "sha256"), ("SCRAM-SHA-1", "sha1")):
            with Session(self.martlet) as session:
                replies = session.scram(mechanism, SCRAM(self.user, self.password, digest=digest))
                self.assertTrue(replies[-1].startswith("235"), replies)
                self.assertTrue(session.wire.ask(f"AUTH {mechanism}").startswith("503"))
                self.assertTrue(session.wire.ask(f"MAIL FROM:<{self.user}>").startswith("250"))
            with Session(self.martlet) as session:
                binding = session.end_point()
                bound = SCRAM(self.user, self.password, "p=tls-server-end-point,,", binding, digest)
                self.assertTrue(session.scram(mechanism + "-PLUS", bound)[-1].startswith("235"))

    def test_an_unknown_user_cannot_be_told_from_a_wrong_password(self):
        def attempt(user):
            scram = SCRAM(user, "wrong")
            with Session(self.martlet) as session:
                replies = session.scram("SCRAM-SHA-256", scram)
            return scram, [reply if not reply.startswith("334") else "334" for reply in replies]

        known, unknown, again = attempt(self.user), attempt("carol@example.test"), attempt("Carol@example.TEST")
        self.assertEqual(known[1], unknown[1])
        self.assertEqual(known[1][-1], "535 5.7.8 Authentication credentials invalid")
        self.assertEqual((len(known[0].salt), known[0].iterations), (len(unknown[0].salt), unknown[0].iterations))
        self.assertEqual(unknown[0].salt, again[0].salt)
        self.assertEqual(known[0].salt, attempt("ALICE@example.test")[0].salt)

    def test_bad_exchanges_are_refused_and_the_session_goes_on(self):
        with Session(self.martlet) as session:
            wire = session.wire
            start = f"AUTH SCRAM-SHA-256 {encoded('n,,n=' + self.user + ',r=abc')}"
            for command, expected in (
                ("AUTH SCRAM-SHA-256 !", "501 5.5.2"), ("AUTH SCRAM-SHA-256 bg", "501 5.5.2"),
                (f"AUTH SCRAM-SHA-256 {encoded('n,,n=a')}", "501 5.5.2"), ("AUTH CRAM-MD5", "504 5.5.4"),
                (f"AUTH SCRAM-SHA-256-PLUS {encoded('n,,n=a@b,r=abc')}", "501 5.5.2"),
                (f"AUTH SCRAM-SHA-256 {encoded('y,,n=a@b,r=abc')}", "535 5.7.8"),
                (f"AUTH SCRAM-SHA-256-PLUS {encoded('p=tls-unique,,n=a@b,r=abc')}", "535 5.7.8"),
                ("AUTH EXTERNAL =", "504 5.5.4"),
            ):
                self.assertTrue(wire.ask(command).startswith(expected), command)
            for answer, expected in (("*", "501 5.7.0"), ("!", "501 5.5.2"), ("", "501 5.5.2"), ("A" * 13000, "500 5.5.6"),
                                     (encoded("c=biws,r=abc,p=" + encoded(b"0" * 32)), "535 5.7.8")):
                self.assertTrue(wire.ask(start).startswith("334"))
                self.assertTrue(wire.ask(answer).startswith(expected), answer)
            changed = SCRAM(self.user, self.password, "p=tls-server-end-point,,", b"0" * 32)
            self.assertTrue(session.scram("SCRAM-SHA-256-PLUS", changed)[-1].startswith("535"))
            # A good message of one exchange in another.
            scram = SCRAM(self.user, self.password)
            server = base64.b64decode(wire.ask(f"AUTH SCRAM-SHA-256 {encoded(scram.first())}")[4:]).decode()
            final = scram.final(server)
            wire.ask("*")
            self.assertTrue(wire.ask(f"AUTH SCRAM-SHA-256 {encoded(scram.first())}").startswith("334"))
            self.assertTrue(wire.ask(encoded(final)).startswith("535"))
            self.assertTrue(session.scram("SCRAM-SHA-256", SCRAM(self.user, self.password))[-1].startswith("235"))
            self.assertTrue(wire.ask(f"MAIL FROM:<{self.user}>").startswith("250"))
            self.assertTrue(wire.ask(start).startswith("503"))
        log = self.martlet.control("trace", self.user)
        for reason in ("played again", "is not that of this TLS connection"):
            self.assertIn(reason, log)

    # gsasl, the second opinion

    def gsasl(self, mechanism, password=None, options=(), service="submission"):
        protocol = "--imap" if service == "imap" else "--smtp"
        return subprocess.run(
            ["gsasl", protocol, "--client", "--mechanism", mechanism, "--authentication-id", self.user, "--password",
             password or self.password, "--x509-ca-file=", "--verbose", *options, "127.0.0.1",
             str(self.martlet.port(service))], capture_output=True, text=True, timeout=240, input="")

    def test_gsasl_with_each_mechanism(self):
        for mechanism in ("SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-1", "PLAIN", "LOGIN"):
            with self.subTest(mechanism):
                # Without -PLUS gsasl would say that it could bind, which is refused here as it should be.
                options = () if mechanism.endswith("PLUS") else ("--no-cb",)
                done = self.gsasl(mechanism, options=options)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
                wrong = self.gsasl(mechanism, "wrong-secret", options=options)
                self.assertNotEqual(wrong.returncode, 0, wrong.stdout)
                self.assertIn("535", wrong.stdout + wrong.stderr)

    # msmtp

    def msmtp(self, mechanism, password=None, user=None, options=()):
        done = subprocess.run(
            ["msmtp", "--host=127.0.0.1", f"--port={self.martlet.port('submission')}", "--tls=on", "--tls-certcheck=off",
             f"--auth={mechanism}", f"--user={user or self.user}", f"--passwordeval=echo {password or self.password}",
             f"--from={user or self.user}", "--file=/dev/null", *options, "bob@example.test"],
            capture_output=True, text=True, timeout=240, input=letter(f"msmtp {mechanism}", "bob@example.test", user or self.user))
        return done

    def arrives(self, subject, user="bob"):
        return eventually(lambda: next((m for m in self.martlet.mailbox(user) if f"Subject: {subject}".encode() in m), None),
                          f"{subject!r} arrives", every=0.1)

    def test_msmtp_with_each_mechanism(self):
        for mechanism in ("scram-sha-256", "scram-sha-1", "plain", "login", "oauthbearer", "xoauth2"):
            with self.subTest(mechanism):
                password = token() if "oauth" in mechanism else self.password
                done = self.msmtp(mechanism, password)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIn(b"with ESMTPSA", self.arrives(f"msmtp {mechanism}"))
                wrong = self.msmtp(mechanism, token("another secret of more than thirty-two characters")
                                   if "oauth" in mechanism else "wrong")
                self.assertEqual(wrong.returncode, 77, wrong.stderr)

    def test_msmtp_with_a_certificate(self):
        def keys(name):
            return (f"--tls-key-file={self.place}/{name}.key", f"--tls-cert-file={self.place}/{name}.pem")

        (self.place / "bob.key").chmod(0o600)
        done = self.msmtp("external", user="bob@example.test", options=keys("bob"))
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(b"with ESMTPSA", self.arrives("msmtp external"))
        for name in ("nobody", "forged"):
            (self.place / f"{name}.key").chmod(0o600)
            refused = self.msmtp("external", user="bob@example.test", options=keys(name))
            self.assertNotEqual(refused.returncode, 0, name)

    # swaks, curl, smtplib

    def test_swaks_with_plain_and_login(self):
        for mechanism in ("PLAIN", "LOGIN"):
            for password, status in ((self.password, 0), ("wrong", 28)):
                done = subprocess.run(
                    ["swaks", "--server", f"127.0.0.1:{self.martlet.port('submission')}", "--tls", "--auth", mechanism,
                     "--auth-user", self.user, "--auth-password", password, "--from", self.user, "--to", "bob@example.test",
                     "--h-Subject", f"swaks {mechanism}"], capture_output=True, text=True, timeout=240)
                self.assertEqual(done.returncode, status, done.stdout)
            self.arrives(f"swaks {mechanism}")

    def curl(self, service, *options):
        (self.place / "mail").write_text(letter("curl", "bob@example.test", self.user))
        return subprocess.run(
            ["curl", "-sS", "-k", "--url", f"smtps://127.0.0.1:{self.martlet.port(service)}", "--mail-from", self.user,
             "--mail-rcpt", "bob@example.test", "--upload-file", self.place / "mail", *map(str, options)],
            capture_output=True, text=True, timeout=240)

    def test_curl_with_each_mechanism(self):
        def user(mechanism):
            return ("--user", f"{self.user}:{self.password}", "--login-options", f"AUTH={mechanism}")

        def bearer(text, mechanism):
            return ("--user", f"{self.user}:", "--oauth2-bearer", text, "--login-options", f"AUTH={mechanism}")

        for options in (user("PLAIN"), user("LOGIN"), bearer(token(), "OAUTHBEARER"), bearer(token(), "XOAUTH2")):
            done = self.curl("submissions", *options)
            self.assertEqual(done.returncode, 0, done.stderr)
        bad = {
            "of another key": token("another secret of more than thirty-two characters"),
            "expired": token(exp=int(time.time()) - 600), "for another audience": token(aud="other"),
            "of somebody else": token(email="bob@example.test"), "of nobody": token(email="carol@example.test"),
            "without a signature": token().rsplit(".", 1)[0] + ".",
        }
        for what, text in bad.items():
            for mechanism in ("OAUTHBEARER", "XOAUTH2"):
                self.assertEqual(self.curl("submissions", *bearer(text, mechanism)).returncode, 67, what)

    def test_smtplib_with_scram(self):
        for maximum in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl._create_unverified_context()
            context.maximum_version = maximum
            with smtplib.SMTP_SSL("127.0.0.1", self.martlet.port("submissions"), context=context) as session:
                session.ehlo()
                end_point = hashlib.sha256(session.sock.getpeercert(binary_form=True)).digest()
                scram = SCRAM(self.user, self.password, "p=tls-server-end-point,,", end_point)

                def answer(challenge=None):
                    if challenge is None:
                        return scram.first()
                    if challenge.startswith(b"r="):
                        return scram.final(challenge.decode())
                    self.assertEqual(challenge.decode(), scram.expected)
                    return ""

                self.assertEqual(session.auth("SCRAM-SHA-256-PLUS", answer)[0], 235)

    # App passwords

    def test_an_app_password_is_good_until_it_is_taken_back(self):
        made = self.martlet.json("account", "app-password", "add", self.user, "--name", "phone")
        self.assertIn("phone", self.martlet.control("account", "app-password", "list", self.user))
        self.assertNotIn(made["password"], self.martlet.control("account", "app-password", "list", self.user))
        again = self.martlet.run("account", "app-password", "add", self.user, "--name", "phone")
        self.assertEqual(again[0], 1, again)

        def works():
            with smtplib.SMTP_SSL("127.0.0.1", self.martlet.port("submissions"), context=UNVERIFIED) as session:
                try:
                    session.login(self.user, made["password"])
                except smtplib.SMTPAuthenticationError:
                    return False
            with Session(self.martlet) as session:
                return session.scram("SCRAM-SHA-256", SCRAM(self.user, made["password"]))[-1].startswith("235")

        self.assertTrue(works())
        self.martlet.control("account", "app-password", "remove", self.user, "--name", "phone")
        self.assertFalse(works())
        with Session(self.martlet) as session:
            self.assertTrue(session.scram("SCRAM-SHA-256", SCRAM(self.user, self.password))[-1].startswith("235"))

    # POP3

    def test_pop3_takes_the_same_mechanisms(self):
        session = poplib.POP3_SSL("127.0.0.1", self.martlet.port("pop3s"), context=UNVERIFIED, timeout=120)
        self.assertIn("SCRAM-SHA-256-PLUS", session.capa()["SASL"])
        scram = SCRAM(self.user, self.password)
        session._putcmd(f"AUTH SCRAM-SHA-256 {encoded(scram.first())}")
        server = base64.b64decode(session._getline()[0][2:]).decode()
        session._putcmd(encoded(scram.final(server)))
        self.assertEqual(base64.b64decode(session._getline()[0][2:]).decode(), scram.expected)
        self.assertTrue(session._shortcmd("").startswith(b"+OK"))
        self.assertTrue(session.noop().startswith(b"+OK"))
        session.quit()

    # Martlet as client

    def test_martlet_logs_in_to_martlet_bound_to_the_connection(self):
        (self.place / "password").write_text(self.password + "\n")
        (self.place / "password").chmod(0o600)
        sender = Martlet(
            "--outbound", f"127.0.0.1:{self.martlet.port('submission')}", "--set", f"outbound.username={self.user}",
            "--set", f"outbound.password-file={self.place}/password", "--domain", "sender.test", "--set",
            'relay.networks=["127.0.0.0/8"]')
        with sender:
            sender.send(letter("by way of a smart host", "bob@example.test", self.user), "bob@example.test", self.user)
            self.arrives("by way of a smart host")
            self.assertIn("C: AUTH SCRAM-SHA-256-PLUS (credentials)", sender.control("trace", "bob@example.test"))

    @unittest.skipUnless(shutil.which("saslpasswd2"), "needs sasl2-bin")
    def test_martlet_logs_in_to_postfix_with_cyrus_sasl(self):
        for mechanisms, used in (("SCRAM-SHA-256 SCRAM-SHA-1 PLAIN", "SCRAM-SHA-256"), ("SCRAM-SHA-1", "SCRAM-SHA-1"),
                                 ("PLAIN LOGIN", "PLAIN"), ("LOGIN", "LOGIN")):
            with self.subTest(mechanisms), CyrusPostfix(mechanisms) as postfix:
                (self.place / "password").write_text("dan-secret\n")
                (self.place / "password").chmod(0o600)
                sender = Martlet(
                    "--outbound", f"127.0.0.1:{postfix.port}", "--set", "outbound.username=dan@remote.test",
                    "--set", f"outbound.password-file={self.place}/password", "--domain", "sender.test", "--set",
                    'relay.networks=["127.0.0.0/8"]')
                with sender:
                    sender.send(letter(used, "dan@remote.test", "alice@sender.test"), "dan@remote.test", "alice@sender.test")
                    eventually(lambda: postfix.mailbox("dan"), "Postfix has it", every=0.1)
                    self.assertIn(f"C: AUTH {used}", sender.control("trace", "dan@remote.test"))
                self.assertIn(f"sasl_method={used}", postfix.log())


class CyrusPostfix(Postfix):
    """Postfix whose clients log in through Cyrus SASL: dan@remote.test with dan-secret."""

    def __init__(self, mechanisms):
        super().__init__(smtpd_sasl_auth_enable="yes", smtpd_sasl_type="cyrus", smtpd_sasl_path="smtpd",
                         smtpd_sasl_local_domain="remote.test")
        # Where Debian's Postfix looks for it, whatever cyrus_sasl_config_path says.
        etc = self.folder / "etc" / "sasl"
        etc.mkdir(parents=True)
        database = etc / "sasldb2"
        subprocess.run(["saslpasswd2", "-p", "-c", "-f", database, "-u", "remote.test", "dan"], input=b"dan-secret\n", check=True,
                       capture_output=True)
        shutil.chown(database, "postfix")
        (etc / "smtpd.conf").write_text(
            f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {database}\nmech_list: {mechanisms}\n")


if __name__ == "__main__":
    unittest.main()
