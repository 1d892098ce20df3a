"""The doors beside plain SMTP: LMTP on both sides, proxies in front, hosts that speak for others, queues that are fetched."""

import base64
import hashlib
import os
import pathlib
import poplib
import re
import smtplib
import socket
import struct
import subprocess
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import BINARY, Martlet, Wire, eventually, folder, free_port, letter, submit  # noqa: E402
from peers import Dovecot, Postfix, Sink  # noqa: E402


def track(martlet, identifier, secret):
    done = subprocess.run([BINARY, "track", f"127.0.0.1:{martlet.port('mtqp')}", identifier], input=secret + "\n",
                          capture_output=True, text=True, timeout=240)
    return done.returncode, done.stdout, done.stderr


class LMTPTests(unittest.TestCase):
    def test_each_recipient_has_its_own_reply_and_the_others_are_refused_at_once(self):
        with Martlet() as martlet, Wire(martlet.port("lmtp")) as wire:
            self.assertRegex(wire.greeting, r"^220 \S+ LMTP")
            self.assertTrue(wire.ask("EHLO client.test").startswith("500"))
            self.assertIn("PIPELINING", wire.ask("LHLO client.test"))
            wire.send("MAIL FROM:<carol@elsewhere.test>\r\nRCPT TO:<alice@example.test>\r\nRCPT TO:<nobody@example.test>\r\n"
                      "RCPT TO:<dan@remote.test>\r\nRCPT TO:<bob@example.test>\r\nDATA\r\n")
            codes = [wire.reply()[:9] for _ in range(6)]
            self.assertEqual(codes, ["250 2.1.0", "250 2.1.5", "550 5.1.1", "550 5.7.1", "250 2.1.5", "354 End d"])
            wire.send(letter("by LMTP") + ".\r\n")
            self.assertRegex(wire.reply(), r"^250 2\.0\.0 <alice@example\.test>")
            self.assertRegex(wire.reply(), r"^250 2\.0\.0 <bob@example\.test>")
            for user in ("alice", "bob"):
                self.assertIn(b"with LMTP", martlet.receives(user)[0])

    def test_a_unix_socket_takes_it_too_and_is_replaced_at_the_next_start(self):
        place = folder()
        path = place / "lmtp"
        try:
            for count in (1, 2):
                with Martlet("--set", f"listen.lmtp-socket={path}", data=place / "data") as martlet:
                    subprocess.run(["swaks", "--socket", path, "--protocol", "LMTP", "--to", "alice@example.test", "--from",
                                    "carol@elsewhere.test"], check=True, capture_output=True, timeout=240)
                    martlet.receives("alice", count)
        finally:
            subprocess.run(["rm", "-rf", place])

    def test_postfix_delivers_to_us_by_lmtp(self):
        with Martlet() as martlet:
            with Postfix(virtual_transport=f"lmtp:inet:127.0.0.1:{martlet.port('lmtp')}", virtual_mailbox_domains="example.test",
                         virtual_mailbox_maps="static:all") as postfix:
                subprocess.run(["swaks", "--server", f"127.0.0.1:{postfix.port}", "--to", "alice@example.test,nobody@example.test",
                                "--from", "bob@example.test"], check=True, capture_output=True, timeout=240)
                self.assertIn(b"with LMTP", martlet.receives("alice")[0])
                # Postfix reports the recipient that we refused, by LMTP as well.
                self.assertIn(b"nobody@example.test", martlet.receives("bob")[0])

    def test_dovecot_takes_what_we_deliver_by_lmtp(self):
        with Dovecot() as dovecot:
            for way in (f"lmtp:127.0.0.1:{dovecot.port}", f"lmtp:{dovecot.socket}"):
                with self.subTest(way), Martlet("--outbound", way) as martlet:
                    name = "socket" if "/" in way else "port"
                    submit(martlet, ["dan@remote.test", "nobody@remote.test"], letter(name, "dan@remote.test", "alice@example.test"))
                    eventually(lambda: any(f"Subject: {name}" in m for m in dovecot.mailbox("dan")), "Dovecot has it")
                    report = martlet.receives("alice")[0].decode()
                    self.assertRegex(report, r"(?i)Final-Recipient: rfc822; *nobody@remote\.test")
                    self.assertNotIn("Final-Recipient: rfc822; dan@", report)
                    self.assertIn("LHLO", martlet.control("trace", "dan@remote.test"))


class ProxyTests(unittest.TestCase):
    """HAProxy's own header, made here: version 1 as text, version 2 as octets."""

    LISTED = ("--set", "listen.proxy-networks=[\"127.0.0.1\"]")
    TEXT = b"PROXY TCP4 192.0.2.7 192.0.2.1 40000 25\r\n"
    BINARY = b"\r\n\r\n\0\r\nQUIT\n\x21\x11" + struct.pack("!H", 12) + socket.inet_aton("192.0.2.7") + \
        socket.inet_aton("192.0.2.1") + struct.pack("!HH", 40000, 25)
    LOCAL = b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00"

    def deliver(self, martlet, header, service="smtp", hello="EHLO"):
        with Wire(martlet.port(service), greeting=False) as wire:
            wire.send(header)
            self.assertTrue(wire.reply().startswith("220"))
            for command in (f"{hello} client.test", "MAIL FROM:<carol@elsewhere.test>", "RCPT TO:<alice@example.test>"):
                self.assertTrue(wire.ask(command).startswith("250"))
            wire.ask("DATA")
            self.assertTrue(wire.ask(letter("proxied").encode() + b".\r\n").startswith("250"))

    def test_the_client_that_a_listed_proxy_names_is_the_one_in_received_and_trace(self):
        with ProxiedMartlet(*self.LISTED) as martlet:
            self.deliver(martlet, self.TEXT)
            self.deliver(martlet, self.BINARY)
            self.deliver(martlet, self.BINARY, "lmtp", "LHLO")
            for message in martlet.receives_over_six("alice", 3):
                self.assertIn(b"[192.0.2.7]", message)
            self.deliver(martlet, self.LOCAL)
            self.assertIn(b"[127.0.0.1]", martlet.receives_over_six("alice", 4)[3])
            self.assertIn("192.0.2.7", martlet.control("trace", "192.0.2.7"))

    def test_tls_follows_the_header(self):
        import ssl
        context = ssl._create_unverified_context()
        with ProxiedMartlet(*self.LISTED) as martlet:
            raw = socket.create_connection(("127.0.0.1", martlet.port("submissions")), 20)
            raw.sendall(self.BINARY)
            with context.wrap_socket(raw) as secure:
                self.assertTrue(secure.recv(512).startswith(b"220"))
            raw = socket.create_connection(("127.0.0.1", martlet.port("pop3s")), 20)
            raw.sendall(self.TEXT)
            with context.wrap_socket(raw) as secure:
                self.assertTrue(secure.recv(512).startswith(b"+OK"))

    def test_a_listed_proxy_must_send_a_header_and_nobody_else_may(self):
        with ProxiedMartlet(*self.LISTED) as martlet:
            for beginning in (b"EHLO client.test\r\n", b"PROXY TCP4 192.0.2.7\r\n", self.BINARY[:12] + b"\x11" + self.BINARY[13:]):
                with Wire(martlet.port("smtp"), greeting=False) as wire:
                    wire.send(beginning)
                    self.assertEqual(wire.socket.recv(100), b"")
        with Martlet() as martlet, Wire(martlet.port("smtp")) as wire:
            self.assertTrue(wire.ask(self.TEXT).startswith("500"))

    def test_the_limit_on_connections_counts_clients_and_not_the_proxy(self):
        with ProxiedMartlet(*self.LISTED, "--set", "limits.connections-per-address=2") as martlet:
            wires = []
            for number in range(5):
                wire = Wire(martlet.port("smtp"), greeting=False)
                wires.append(wire)
                wire.send(self.TEXT.replace(b"192.0.2.7", b"192.0.2.%d" % (number // 3)))
                self.assertEqual(wire.reply()[:3], "421" if number == 2 else "220")
            for wire in wires:
                wire.socket.close()


class ProxiedMartlet(Martlet):
    """One that takes 127.0.0.1 for a proxy; what is not about that speaks to it over ::1."""

    def _greets(self):
        host, self.host = self.host, "::1"
        try:
            return super()._greets()
        finally:
            self.host = host

    def receives_over_six(self, user, count):
        host, self.host = self.host, "::1"
        try:
            return self.receives(user, count)
        finally:
            self.host = host


class SpeakingForOthersTests(unittest.TestCase):
    LISTED = ("--set", "smtp.xclient-networks=[\"127.0.0.1\"]")

    def test_swaks_speaks_for_a_client(self):
        with Martlet(*self.LISTED) as martlet:
            subprocess.run(["swaks", "--server", f"127.0.0.1:{martlet.port('smtp')}", "--to", "alice@example.test", "--from",
                            "carol@elsewhere.test", "--xclient-addr", "192.0.2.7", "--xclient-name", "client.test"],
                           check=True, capture_output=True, timeout=240)
            self.assertIn(b"[192.0.2.7]", martlet.receives("alice")[0])

    def test_a_login_that_a_listed_host_vouches_for_counts(self):
        with Martlet(*self.LISTED) as martlet, Wire(martlet.port("submission")) as wire:
            self.assertIn("XCLIENT NAME", wire.ask("EHLO proxy.test"))
            self.assertTrue(wire.ask("XCLIENT ADDR=192.0.2.7 LOGIN=alice@example.test").startswith("220"))
            wire.ask("EHLO client.test")
            self.assertTrue(wire.ask("MAIL FROM:<bob@example.test>").startswith("553"))
            self.assertTrue(wire.ask("MAIL FROM:<alice@example.test>").startswith("250"))

    def test_nobody_else_may(self):
        with Martlet() as martlet, Wire(martlet.port("smtp")) as wire:
            self.assertNotIn("XCLIENT", wire.ask("EHLO client.test"))
            self.assertTrue(wire.ask("XCLIENT ADDR=192.0.2.7").startswith("550 5.7.0"))
            self.assertTrue(wire.ask("XFORWARD ADDR=192.0.2.7").startswith("550 5.7.0"))

    def test_postfix_forwards_whom_it_had_a_message_from(self):
        with Martlet(*self.LISTED) as martlet:
            with Postfix(relayhost=f"[127.0.0.1]:{martlet.port('smtp')}", smtp_send_xforward_command="yes",
                         smtpd_authorized_xclient_hosts="127.0.0.1", mynetworks="127.0.0.0/8, 192.0.2.0/24") as postfix:
                subprocess.run(["swaks", "--server", f"127.0.0.1:{postfix.port}", "--to", "alice@example.test", "--from",
                                "dan@remote.test", "--xclient-addr", "192.0.2.9", "--xclient-name", "before.test"],
                               check=True, capture_output=True, timeout=240)
                martlet.receives("alice")
                self.assertRegex(martlet.control("trace", "alice@example.test"), r"the client before was before\.test \[192\.0\.2\.9\]")


class RemoteQueueTests(unittest.TestCase):
    """ETRN between two servers: what waits for a domain goes when its host asks."""

    def test_who_may_ask_has_what_waits_tried_at_once(self):
        with Sink() as sink:
            port = sink.port
        with Martlet("--outbound", f"127.0.0.1:{port}", "--set", "relay.networks=[\"127.0.0.1\"]") as holder, Martlet() as home:
            submit(holder, ["dan@remote.test"], letter("wait", "dan@remote.test", "alice@example.test"))
            eventually(lambda: "dan@remote.test" in holder.control("queue", "list", "--state", "deferred"), "it waits")
            replies = home.json("etrn", f"127.0.0.1:{holder.port('smtp')}", "empty.test", "remote.test")
            self.assertRegex(replies[0]["reply"], "^251 .*no messages waiting for node empty.test")
            self.assertRegex(replies[1]["reply"], "^253 .*1 pending messages for node remote.test started")
            attempts = r"tried \[?127\.0\.0\.1"
            eventually(lambda: len(re.findall(attempts, holder.control("trace", "dan@remote.test"))) >= 2, "it is tried again")

    def test_others_are_told_that_they_may_not(self):
        with Martlet() as holder, Martlet() as home:
            status, _, errors = home.run("etrn", f"127.0.0.1:{holder.port('smtp')}", "remote.test")
            self.assertEqual(status, 75)
            self.assertIn("459", errors)
            with holder.smtp("submission") as session:
                session.ehlo()
                self.assertTrue(session.has_extn("etrn"))
                session.login("alice@example.test", "alice-secret")
                self.assertEqual(session.docmd("ETRN", "remote.test")[0], 251)
                self.assertEqual(session.docmd("ETRN", "#uucp")[0], 458)


class OnDemandTests(unittest.TestCase):
    """On-demand mail relay between a provider and a customer, RFC 2645."""

    HELD = ("--set", "odmr.domains=[\"customer.test=bob@example.test\", \"second.test=bob@example.test\", "
                     "\"other.test=alice@example.test\"]")

    def provide(self, provider, *subjects, to="carol@customer.test"):
        for subject in subjects:
            # Nobody has to log in: the provider is the mail exchanger of the domain.
            provider.send(letter(subject, to, "dan@remote.test"), to, "dan@remote.test")

    def customer(self):
        return Martlet("--domain", "customer.test", "--user", "carol:carol-secret")

    def fetch(self, customer, provider, *arguments, password="bob-secret"):
        return customer.run("fetch-mail", f"127.0.0.1:{provider.port('odmr')}", "--user", "bob@example.test", *arguments,
                            stdin=password + "\n")

    def mail(self, customer):
        session = poplib.POP3("127.0.0.1", customer.port("pop3"), timeout=120)
        session.user("carol@customer.test")
        session.pass_("carol-secret")
        messages = [b"\r\n".join(session.retr(n + 1)[1]) for n in range(session.stat()[0])]
        session.quit()
        return messages

    def test_what_waited_comes_over_the_connection_that_the_customer_made(self):
        with Martlet(*self.HELD) as provider, self.customer() as customer:
            self.assertIn("453", self.fetch(customer, provider)[1], "no mail yet")
            self.provide(provider, "one", "two", "three")
            eventually(lambda: len(provider.json("queue", "list", "--state", "held")) == 3, "it is held")
            status, said, errors = self.fetch(customer, provider, "--domain", "customer.test")
            self.assertEqual(status, 0, errors)
            self.assertIn("250", said)
            messages = eventually(lambda: len(m := self.mail(customer)) == 3 and m, "the customer has them")
            self.assertEqual(sorted(re.search(rb"Subject: (\w+)", m)[1] for m in messages), [b"one", b"three", b"two"])
            self.assertIn(b"with ESMTPS", messages[0], "TLS that stood before the connection turned around stands")
            eventually(lambda: provider.json("queue", "list") == [], "nothing is left at the provider")
            self.assertIn("relayed for carol@customer.test", provider.control("trace", "carol@customer.test"))

    def test_only_who_may(self):
        with Martlet(*self.HELD) as provider, self.customer() as customer:
            self.provide(provider, "private", to="eve@other.test")
            status, _, errors = self.fetch(customer, provider, "--domain", "other.test")
            self.assertEqual(status, 75)
            self.assertIn("450", errors)
            self.assertNotEqual(self.fetch(customer, provider, password="wrong-secret")[0], 0)
            with Wire(provider.port("odmr")) as wire:
                self.assertIn("ATRN", wire.ask("EHLO customer.test"))
                self.assertTrue(wire.ask("ATRN other.test").startswith("530"))
                self.assertTrue(wire.ask("MAIL FROM:<dan@remote.test>").startswith("502"))
            self.assertEqual(len(provider.json("queue", "list")), 1)

    def test_a_transfer_that_breaks_off_loses_nothing_at_whatever_command(self):
        with Martlet(*self.HELD) as provider, self.customer() as customer:
            self.provide(provider, "steady")
            for cut in ("greeting", "EHLO", "MAIL", "RCPT", "DATA", "content"):
                with self.subTest(cut), TurnedCustomer(provider) as session:
                    session.serve(until=cut)
                eventually(lambda: len(provider.json("queue", "list", "--state", "held")) == 1, f"it is held again after {cut}")
            self.assertEqual(self.fetch(customer, provider)[0], 0)
            eventually(lambda: len(self.mail(customer)) == 1, "the customer has it, once")

    def test_a_customer_that_refuses_a_recipient_is_what_the_sender_is_told(self):
        with Martlet(*self.HELD) as provider, self.customer() as customer:
            provider.send(letter("no such", "nobody@customer.test", "alice@example.test"), "nobody@customer.test", "alice@example.test")
            eventually(lambda: len(provider.json("queue", "list", "--state", "held")) == 1, "it is held")
            self.fetch(customer, provider)
            self.assertIn(b"nobody@customer.test", provider.receives("alice")[0])


class TurnedCustomer:
    """A customer of our own making that says ATRN and then serves, up to a point."""

    def __init__(self, provider):
        self.session = smtplib.SMTP("127.0.0.1", provider.port("odmr"), timeout=120)

    def __enter__(self):
        self.session.ehlo("customer.test")
        self.session.login("bob@example.test", "bob-secret")
        code, text = self.session.docmd("ATRN")
        assert code == 250, (code, text)
        return self

    def __exit__(self, *_):
        self.session.close()

    def serve(self, until):
        stream = self.session.file
        say = lambda text: self.session.sock.sendall(text.encode() + b"\r\n")  # noqa: E731
        if until == "greeting":
            return
        say("220 customer.test ready to receive email")
        while line := stream.readline():
            verb = line[:4].decode()
            if verb == until:
                return
            if verb == "DATA":
                say("354 go on")
                while until == "content":
                    if stream.readline().startswith(b"Subject"):
                        return
            elif verb == "EHLO":
                say("250 customer.test")
            else:
                say("250 Ok")


def may_make_namespaces():
    name = f"martlet-probe-{os.getpid()}"
    try:
        if subprocess.run(["ip", "netns", "add", name], capture_output=True).returncode != 0:
            return False
        return subprocess.run(["ip", "netns", "delete", name], capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


class House:
    """`martlet serve` in a network namespace of its own, at 10.213.7.NUMBER."""

    def __init__(self, number, domain, account, configuration):
        self.name = f"martlet-{os.getpid()}-{number}"
        self.address = f"10.213.7.{number}"
        self.folder = folder()
        self.domain, self.account = domain, account
        self.configuration = configuration
        self.process = None

    def ip(self, *arguments, inside=True):
        inside = ["netns", "exec", self.name, "ip"] if inside else []
        subprocess.run(["ip", *inside, *map(str, arguments)], check=True, capture_output=True)

    def start(self):
        listeners = "".join(f'{service} = ["{self.address}:{port}"]\n'
                            for service, port in (("smtp", 25), ("submission", 587), ("odmr", 366), ("pop3", 110)))
        (self.folder / "martlet.toml").write_text(
            f'hostname = "mail.{self.domain}"\ndata = "{self.folder}/data"\nuser = "root"\n'
            f"[listen]\n{listeners}submissions = []\npop3s = []\n{self.configuration}")
        self.control("domain", "add", self.domain)
        self.control("account", "add", f"{self.account}@{self.domain}", stdin=f"{self.account}-secret\n")
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", self.name, BINARY, "serve", "--config", self.folder / "martlet.toml"],
            stdout=self.log, stderr=self.log)
        eventually(lambda: self.run("queue", "list")[0] == 0, "the server answers")
        # Port 25 is opened last.
        knock = ["ip", "netns", "exec", self.name, "bash", "-c", f"exec 3<>/dev/tcp/{self.address}/25"]
        eventually(lambda: subprocess.run(knock, capture_output=True).returncode == 0, "port 25 is open", every=0.2)
        return self

    def run(self, *arguments, stdin=None):
        (self.folder / "data").mkdir(mode=0o700, exist_ok=True)
        done = subprocess.run([BINARY, *map(str, arguments), "--data", self.folder / "data"], capture_output=True, text=True,
                              timeout=240, input=stdin)
        return done.returncode, done.stdout, done.stderr

    def control(self, *arguments, stdin=None):
        status, output, errors = self.run(*arguments, stdin=stdin)
        assert status == 0, f"martlet {' '.join(map(str, arguments))}: {status}: {errors or output}"
        return output

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(90)
            self.log.close()


@unittest.skipUnless(may_make_namespaces(), "network namespaces can be made by root alone, with iproute2")
class NamespaceTests(unittest.TestCase):
    """A provider and a customer on hosts of their own: the customer has no address that anybody could send to."""

    def setUp(self):
        self.provider = House(1, "provider.test", "fetch", (
            '[odmr]\ndomains = ["customer.test=fetch@provider.test"]\n[relay]\nnetworks = ["10.213.7.0/24"]\n'
            '[outbound]\nmode = "smart-host"\nsmart-host = "10.213.7.2:25"\n'))
        self.customer = House(2, "customer.test", "carol", '[outbound]\nmode = "catch"\n')
        houses = (self.provider, self.customer)
        for house in houses:
            subprocess.run(["ip", "netns", "add", house.name], check=True)
            self.addCleanup(subprocess.run, ["ip", "netns", "delete", house.name], check=False)
            self.addCleanup(subprocess.run, ["rm", "-rf", house.folder], check=False)
            house.ip("link", "set", "lo", "up")
        self.provider.ip("link", "add", "cable", "type", "veth", "peer", "name", "cable", "netns", self.customer.name)
        for house in houses:
            house.ip("address", "add", f"{house.address}/24", "dev", "cable")
            house.ip("link", "set", "cable", "up")
            self.addCleanup(house.stop)

    def submit(self, to, subject):
        subprocess.run(["ip", "netns", "exec", self.provider.name, "swaks", "--server", f"{self.provider.address}:25", "--to", to,
                        "--from", "dan@remote.test", "--header", f"Subject: {subject}"], check=True, capture_output=True, timeout=240)

    def test_mail_is_fetched_and_a_cable_that_breaks_loses_none(self):
        self.provider.start()
        self.customer.start()
        for number in range(20):
            self.submit("carol@customer.test", f"letter {number}")
        fetch = ("fetch-mail", self.provider.address, "--user", "fetch@provider.test", "--security", "opportunistic")
        self.provider.ip("link", "set", "cable", "down")
        self.assertEqual(self.customer.run(*fetch, stdin="fetch-secret\n")[0], 75, "the provider cannot be reached")
        self.provider.ip("link", "set", "cable", "up")
        self.customer.control(*fetch, stdin="fetch-secret\n")
        eventually(lambda: self.provider.control("queue", "list", "--json").strip() == "[]", "the provider has none left")
        told = eventually(lambda: (t := self.customer.control("trace", "carol@customer.test", "--limit", "100", "--json"))
                          .count('"event":"delivered"') == 20 and t, "the customer has all")
        self.assertEqual(told.count('"event":"received"'), 20)

    def test_etrn_has_what_waits_sent_once_the_customer_is_there(self):
        self.provider.start()
        self.customer.domain = "second.test"
        self.submit("carol@second.test", "early")
        eventually(lambda: "deferred" in self.provider.control("queue", "list"), "nobody is there yet")
        self.customer.start()
        self.assertIn("253", self.customer.control("etrn", self.provider.address, "second.test"))
        eventually(lambda: "delivered to carol@second.test" in self.customer.control("trace", "carol@second.test"), "it came")


class TrackingTests(unittest.TestCase):
    """Message tracking, RFC 3885 to 3887."""

    def test_the_protocol_answers_and_tells_strangers_nothing(self):
        with Martlet() as martlet, Wire(martlet.port("mtqp"), greeting=False) as wire:
            self.assertRegex(wire.line(), rb"^\+OK\+/MTQP")
            self.assertEqual([wire.line(), wire.line()], [b"STARTTLS", b"."])
            for command, answer in (("COMMENT hello", b"+OK"), ("TRACK a@b c2VjcmV0", b"-ERR/noinfo"), ("EHLO x", b"-BAD"),
                                    ("QUIT", b"+OK")):
                wire.send(command + "\r\n")
                self.assertTrue(wire.line().startswith(answer), command)
            self.assertTrue(wire.closed())
            status, _, errors = track(martlet, "a@b", "c2VjcmV0")
            self.assertEqual(status, 1)
            self.assertIn("-ERR/noinfo", errors)

    def test_who_kept_the_secret_learns_what_became_of_the_message(self):
        secret = b"a secret of the sender"
        certifier = base64.b64encode(hashlib.sha1(secret).digest()).decode()
        with Martlet("--set", "smtp.tracking=true") as martlet:
            with martlet.smtp("submission") as session:
                session.ehlo()
                session.login("alice@example.test", "alice-secret")
                session.ehlo()
                self.assertTrue(session.has_extn("mtrk"))
                session.sendmail("alice@example.test", ["bob@example.test"], letter("tracked", "bob@example.test", "alice@example.test"),
                                 mail_options=[f"MTRK={certifier}", "ENVID=1234@example.test"])
            martlet.receives("bob")
            said = eventually(lambda: (a := track(martlet, "1234@example.test", base64.b64encode(secret).decode()))[0] == 0 and a[1],
                              "it is tracked")
            self.assertIn("Final-Recipient: rfc822; bob@example.test", said)
            self.assertIn("Action: delivered", said)
            self.assertNotEqual(track(martlet, "1234@example.test", "d3Jvbmc=")[0], 0)


if __name__ == "__main__":
    unittest.main()
