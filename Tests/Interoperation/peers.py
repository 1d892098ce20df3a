"""Real peers from Debian's packages, each in a folder and on a port of its own, ended with its `with` block."""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess

from martlet import eventually, folder, free_port


def listens(port, host="127.0.0.1"):
    try:
        socket.create_connection((host, port), 30).close()
        return True
    except OSError:
        return False


class Sink:
    """Postfix's smtp-sink, writing each message to a file of its own (`-d`), with any of its options."""

    def __init__(self, *options):
        self.folder = folder()
        self.folder.chmod(0o777)
        self.port = free_port()
        self.options = options

    def __enter__(self):
        self.process = subprocess.Popen(
            ["smtp-sink", "-u", "nobody", "-R", self.folder, "-d", "%M.", *self.options, f"127.0.0.1:{self.port}", "100"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        eventually(lambda: listens(self.port), "smtp-sink listens")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def messages(self):
        return [path.read_text(errors="replace") for path in self.folder.iterdir()]


class Postfix:
    """An instance of Debian's Postfix: final destination of `remote.test` (into mbox files), relay for loopback."""

    def __init__(self, **settings):
        self.folder = folder()
        self.port = free_port()
        self.settings = settings

    def __enter__(self):
        etc, queue, data, mail = (self.folder / name for name in ("etc", "spool", "data", "mail"))
        for made in (etc, queue, data, mail):
            made.mkdir(exist_ok=True)
        self.folder.chmod(0o755)
        mail.chmod(0o777)
        shutil.chown(data, "postfix")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=postfix.test",
                        "-keyout", etc / "key.pem", "-out", etc / "cert.pem"], check=True, capture_output=True)
        settings = {
            "compatibility_level": "3.6", "queue_directory": queue, "data_directory": data, "myhostname": "postfix.test",
            "mydestination": "", "virtual_mailbox_domains": "remote.test", "virtual_mailbox_base": mail,
            "virtual_mailbox_maps": "inline:{dan@remote.test=dan/, eve@remote.test=eve/}",
            "virtual_uid_maps": "static:65534", "virtual_gid_maps": "static:65534", "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "127.0.0.1", "inet_protocols": "ipv4", "alias_maps": "", "alias_database": "",
            "maillog_file": self.folder / "log", "maillog_file_prefixes": self.folder, "smtpd_tls_cert_file": etc / "cert.pem",
            "smtpd_tls_key_file": etc / "key.pem", "smtpd_tls_security_level": "may", "smtp_tls_security_level": "may",
            "smtpd_tls_received_header": "yes", "smtp_dns_support_level": "disabled", "smtp_host_lookup": "native",
            "smtputf8_enable": "yes", **self.settings,
        }
        (etc / "main.cf").write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        master = pathlib.Path("/usr/share/postfix/master.cf.dist").read_text()
        master = re.sub(r"(?m)^smtp +inet .*$", f"127.0.0.1:{self.port} inet n - n - - smtpd", master)
        master = re.sub(r"(?m)^(\S+ +(?:unix|inet) +\S+ +\S+ +)y", r"\1n", master)
        (etc / "master.cf").write_text(master + "\npostlog unix-dgram n - n - 1 postlogd\n" * ("postlog" not in master))
        (self.folder / "log").touch()
        shutil.chown(self.folder / "log", "postfix")
        subprocess.run(["postfix", "-c", etc, "start"], check=True, capture_output=True)
        eventually(lambda: listens(self.port), "Postfix listens")
        return self

    def __exit__(self, *_):
        subprocess.run(["postfix", "-c", self.folder / "etc", "stop"], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def mailbox(self, user):
        new = self.folder / "mail" / user / "new"
        return [path.read_text(errors="replace") for path in new.iterdir()] if new.exists() else []

    def log(self):
        return (self.folder / "log").read_text(errors="replace")


class Zones:
    """Unsigned zones served by nsd and looked up through unbound, as a resolver on a port of its own."""

    def __init__(self, zones):
        self.folder = folder()
        self.folder.chmod(0o755)
        self.zones = zones
        self.authority, self.port = free_port(), free_port()
        self.processes = []

    @property
    def resolver(self):
        return f"127.0.0.1:{self.port}"

    def __enter__(self):
        stubs = zones = ""
        for name, records in self.zones.items():
            (self.folder / f"{name}.zone").write_text(
                f"$ORIGIN {name}.\n$TTL 60\n@ SOA ns.{name}. hostmaster.{name}. 1 3600 600 86400 60\n@ NS ns.{name}.\n"
                f"ns A 127.0.0.1\n{records}\n")
            zones += f"zone:\n  name: {name}\n  zonefile: {self.folder}/{name}.zone\n"
            stubs += f'stub-zone:\n  name: "{name}"\n  stub-addr: 127.0.0.1@{self.authority}\n'
        (self.folder / "nsd.conf").write_text(
            f"server:\n  ip-address: 127.0.0.1@{self.authority}\n  username: \"\"\n  zonesdir: {self.folder}\n"
            f"  pidfile: \"\"\n  xfrdfile: {self.folder}/xfrd\n  zonelistfile: {self.folder}/zones\n"
            f"  database: \"\"\n  xfrdir: {self.folder}\n  cookie-secret-file: \"\"\n"
            f"remote-control:\n  control-enable: no\n{zones}")
        (self.folder / "unbound.conf").write_text(
            f"server:\n  interface: 127.0.0.1@{self.port}\n  username: \"\"\n  chroot: \"\"\n  directory: {self.folder}\n"
            f"  pidfile: \"\"\n  use-syslog: no\n  do-not-query-localhost: no\n  module-config: iterator\n"
            f"  local-zone: \"test.\" nodefault\n  do-ip6: no\nremote-control:\n  control-enable: no\n{stubs}")
        with open(self.folder / "log", "wb") as log:
            for command in (["nsd", "-d", "-c", self.folder / "nsd.conf"], ["unbound", "-d", "-c", self.folder / "unbound.conf"]):
                self.processes.append(subprocess.Popen(command, stdout=log, stderr=log))
        first = next(iter(self.zones))
        eventually(lambda: self.answers(first), f"the zones answer: {(self.folder / 'log').read_text()}")
        return self

    def answers(self, name):
        done = subprocess.run(["dig", "+short", "+time=1", "+tries=1", "-p", str(self.port), "@127.0.0.1", "SOA", name],
                              capture_output=True, text=True)
        return "hostmaster" in done.stdout

    def __exit__(self, *_):
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Dovecot:
    """Debian's Dovecot as a mail system behind LMTP: `dan@remote.test` and `eve@remote.test`, into maildirs."""

    def __init__(self):
        self.folder = folder()
        self.port = free_port()
        self.socket = self.folder / "lmtp"

    def __enter__(self):
        self.folder.chmod(0o755)
        mail, run = self.folder / "mail", self.folder / "run"
        for made in (mail, run):
            made.mkdir()
        mail.chmod(0o777)
        (self.folder / "users").write_text("".join(f"{user}@remote.test:{{PLAIN}}secret\n" for user in ("dan", "eve")))
        (self.folder / "dovecot.conf").write_text(f"""
            protocols = lmtp
            base_dir = {run}
            log_path = {self.folder}/log
            ssl = no
            mail_location = maildir:{mail}/%n
            first_valid_uid = 1
            passdb {{
              driver = passwd-file
              args = {self.folder}/users
            }}
            userdb {{
              driver = static
              args = uid=65534 gid=65534 home={mail}/%n
            }}
            service lmtp {{
              inet_listener lmtp {{
                address = 127.0.0.1
                port = {self.port}
              }}
              unix_listener {self.socket} {{
                mode = 0666
              }}
            }}
            """)
        # Not through pipes, which the daemon would keep open.
        with open(self.folder / "said", "wb") as said:
            subprocess.run(["dovecot", "-c", self.folder / "dovecot.conf"], check=True, stdout=said, stderr=said)
        eventually(lambda: listens(self.port), "Dovecot listens")
        return self

    def __exit__(self, *_):
        subprocess.run(["doveadm", "-c", self.folder / "dovecot.conf", "stop"], capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def mailbox(self, user):
        new = self.folder / "mail" / user / "new"
        return [path.read_text(errors="replace") for path in new.iterdir()] if new.exists() else []
