"""The servers that are measured: each starts on a port and a folder of its own, and ends when the `with` block ends."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from processes import cpu_seconds, resident_bytes, tree, wait_until

ROOT = pathlib.Path(__file__).resolve().parent.parent
SCRATCH = os.environ.get("MARTLET_BENCH_DIR", "/var/tmp")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def free_base(services=(25, 24, 110, 465, 587, 995, 80, 443, 143, 993, 4190)):
    # Below the ports that the system gives to outgoing connections.
    for base in range(11000, 28000, 1100):
        probes = []
        try:
            for offset in services:
                probe = socket.socket()
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", base + offset))
                probes.append(probe)
            return base
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise SystemExit("no free range of ports")


def greets(port):
    try:
        with socket.create_connection(("127.0.0.1", port), 2) as connection:
            return connection.recv(512).startswith(b"220")
    except OSError:
        return False


class Peer:
    """A server under measurement."""

    name = "?"
    syncs = "?"

    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="martlet-bench-", dir=SCRATCH))
        self.port = free_port()
        self.pid = None

    def cpu(self):
        return cpu_seconds(self.pid)

    def resident(self):
        return sum(resident_bytes(pid) for pid in tree(self.pid))

    def __enter__(self):
        try:
            self.start()
            wait_until(lambda: greets(self.port), 30, f"{self.name} greets")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


class Sink(Peer):
    """Postfix's smtp-sink: takes every message and throws it away."""

    name = "smtp-sink"
    syncs = "stores nothing"

    def start(self):
        self.counters = open(self.folder / "counters", "wb")
        self.process = subprocess.Popen(
            ["smtp-sink", "-u", "nobody", "-c", f"127.0.0.1:{self.port}", "1000"], stdout=self.counters,
            stderr=subprocess.DEVNULL)
        self.pid = self.process.pid

    def received(self):
        """How many messages the sink has seen end."""
        with open(self.folder / "counters", "rb") as file:
            file.seek(max(0, os.path.getsize(self.folder / "counters") - 400))
            counts = re.findall(rb"mesg=(\d+)", file.read())
        return int(counts[-1]) if counts else 0

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.counters.close()


class Martlet(Peer):
    """`martlet dev` on a range of ports of its own."""

    name = "Martlet"
    syncs = "one durable write for each gathered batch, before its 250s"

    def __init__(self, *arguments, environment=None):
        super().__init__()
        self.base = free_base()
        self.port = self.base + 25
        self.arguments = arguments
        self.environment = {**os.environ, **(environment or {})}

    def start(self):
        self.log = open(self.folder / "log", "wb")
        self.process = subprocess.Popen(
            [ROOT / ".build/release/martlet", "dev", "--data", self.folder / "data", "--base-port", str(self.base),
             "--set", 'relay.networks=["127.0.0.0/8"]', *self.arguments],
            stdout=self.log, stderr=self.log, env=self.environment)
        self.pid = self.process.pid

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def administer(self, *arguments, stdin=None):
        subprocess.run([ROOT / ".build/release/martlet", *arguments, "--data", self.folder / "data"], input=stdin, text=True,
                       check=True, capture_output=True, timeout=120)

    def kill(self):
        self.process.kill()
        self.process.wait()


class Postfix(Peer):
    """Debian's Postfix with its defaults: an instance of its own, its queue on the same disk."""

    name = "Postfix"
    syncs = "its defaults: one fsync a message (cleanup)"

    def __init__(self, settings):
        super().__init__()
        self.settings = settings

    def start(self):
        configuration, queue, data = self.folder / "etc", self.folder / "spool", self.folder / "data"
        for made in (configuration, queue, data):
            made.mkdir(exist_ok=True)
        self.folder.chmod(0o755)
        shutil.chown(data, "postfix")
        settings = {
            "compatibility_level": "3.6", "queue_directory": queue, "data_directory": data,
            "myhostname": "bench.test", "mydestination": "example.test", "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "alias_maps": "", "alias_database": "",
            "maillog_file": "", "syslog_name": "postfix-bench", "smtpd_peername_lookup": "no",
            "default_process_limit": "100", "smtpd_client_connection_count_limit": "0",
            "smtpd_client_event_limit_exceptions": "127.0.0.0/8", **self.settings,
        }
        (configuration / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        master = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text()
        master = re.sub(r"(?m)^smtp +inet .*$", f"127.0.0.1:{self.port} inet n - n - - smtpd", master)
        # Debian runs its daemons in a chroot that the package fills; this instance has none.
        master = re.sub(r"(?m)^(\S+ +(?:unix|inet) +\S+ +\S+ +)y", r"\1n", master)
        (configuration / "master.cf").write_text(master)
        subprocess.run(["postfix", "-c", configuration, "start"], check=True, capture_output=True)
        self.pid = int((queue / "pid/master.pid").read_text())
        self.configuration = configuration

    def stop(self):
        subprocess.run(["postfix", "-c", self.folder / "etc", "stop"], capture_output=True)


class SubmissionPostfix(Postfix):
    """Postfix with TLS and Cyrus SASL: one user in its sasldb, an identity of the kind that Martlet makes for itself."""

    def __init__(self, user, password):
        super().__init__({"smtpd_client_restrictions": "check_client_access static:HOLD"})
        # Where Debian's Postfix looks for it, whatever cyrus_sasl_config_path says.
        sasl, (name, realm) = self.folder / "etc" / "sasl", user.split("@")
        sasl.mkdir(parents=True)
        subprocess.run(["saslpasswd2", "-p", "-c", "-f", sasl / "sasldb2", "-u", realm, name], input=password.encode(),
                       check=True, capture_output=True)
        shutil.chown(sasl / "sasldb2", "postfix")
        (sasl / "smtpd.conf").write_text(
            f"pwcheck_method: auxprop\nauxprop_plugin: sasldb\nsasldb_path: {sasl}/sasldb2\nmech_list: SCRAM-SHA-256\n")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                        "-subj", "/CN=bench.test", "-keyout", sasl / "key.pem", "-out", sasl / "cert.pem"], check=True,
                       capture_output=True)
        self.settings |= {
            "smtpd_tls_cert_file": sasl / "cert.pem", "smtpd_tls_key_file": sasl / "key.pem", "smtpd_tls_security_level": "may",
            "smtpd_tls_auth_only": "yes", "smtpd_sasl_auth_enable": "yes", "smtpd_sasl_type": "cyrus", "smtpd_sasl_path": "smtpd",
            "smtpd_sasl_local_domain": realm, "smtpd_tls_session_cache_database": "",
        }


class OpenSMTPD(Peer):
    """Debian's OpenSMTPD, installed in a layer over this machine's root since it and Postfix exclude each other."""

    name = "OpenSMTPD"
    syncs = "never syncs"

    def start(self):
        for made in ("upper", "work", "root"):
            (self.folder / made).mkdir()
        self.folder.chmod(0o755)
        (self.folder / "smtpd.conf").write_text(
            f"smtp limit max-mails 1000000000\nlisten on 127.0.0.1 port {self.port}\n"
            'action "away" relay\nmatch from any for any action "away"\n')
        script = f"""set -e
            mount -t overlay overlay -o lowerdir=/,upperdir={self.folder}/upper,workdir={self.folder}/work {self.folder}/root
            mount -t proc proc {self.folder}/root/proc
            mount --rbind /dev {self.folder}/root/dev
            export DEBIAN_FRONTEND=noninteractive
            chroot {self.folder}/root apt-get install -y -q --no-install-recommends opensmtpd >{self.folder}/apt.log 2>&1
            cp {self.folder}/smtpd.conf {self.folder}/root/etc/smtpd.conf
            mkdir -m 711 {self.folder}/queue {self.folder}/root/var/spool/smtpd
            mount --bind {self.folder}/queue {self.folder}/root/var/spool/smtpd
            exec chroot {self.folder}/root smtpd -d -P mta -P mda >{self.folder}/log 2>&1"""
        self.process = subprocess.Popen(["unshare", "--mount", "sh", "-c", script])
        self.pid = self.process.pid
        wait_until(lambda: greets(self.port) or self.process.poll() is not None, 180, "OpenSMTPD greets", every=0.5)

    def stop(self):
        for pid in reversed(tree(self.pid)):
            try:
                os.kill(pid, signal.SIGTERM)
            except ProcessLookupError:
                pass
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
        time.sleep(0.5)
