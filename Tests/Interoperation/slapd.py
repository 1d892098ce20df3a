"""OpenLDAP's slapd in a folder and on ports of its own, ended with its `with` block."""

import shutil
import subprocess

from martlet import eventually, folder, free_port
from peers import listens

ENTRIES = """dn: dc=example,dc=test
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: cn=martlet,dc=example,dc=test
objectClass: applicationProcess
objectClass: simpleSecurityObject
cn: martlet
userPassword: martlet-secret

dn: uid=frank,dc=example,dc=test
objectClass: inetOrgPerson
uid: frank
cn: Frank
sn: Frank
mail: frank@example.test
mail: f.rank@example.test
userPassword: frank-secret

dn: uid=gina,dc=example,dc=test
objectClass: inetOrgPerson
uid: gina
cn: Gina
sn: Gina
mail: gina@example.test
userPassword: gina-secret

dn: uid=twin1,dc=example,dc=test
objectClass: inetOrgPerson
uid: twin1
cn: Twin
sn: One
mail: twin@example.test

dn: uid=twin2,dc=example,dc=test
objectClass: inetOrgPerson
uid: twin2
cn: Twin
sn: Two
mail: twin@example.test

dn: cn=crew,dc=example,dc=test
objectClass: nisMailAlias
cn: crew
rfc822MailMember: frank@example.test
rfc822MailMember: alice@example.test
"""


class Slapd:
    def __init__(self):
        self.folder = folder()
        self.port, self.tls_port = free_port(), free_port()
        self.process = None

    @property
    def settings(self):
        """What a Martlet is told of it."""
        values = {
            "ldap.url": f"ldap://127.0.0.1:{self.port}", "ldap.start-tls": "false", "ldap.base": "dc=example,dc=test",
            "ldap.bind-name": "cn=martlet,dc=example,dc=test", "ldap.password-file": self.folder / "password",
            "ldap.alias-filter": "(&(objectClass=nisMailAlias)(cn=%u))", "ldap.alias-attribute": "rfc822MailMember",
            "ldap.timeout": "60s", "ldap.ca-file": self.folder / "cert.pem",
        }
        return values

    def arguments(self, **changes):
        settings = {**self.settings, **{key.replace("_", "-"): value for key, value in changes.items()}}
        return [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]

    def __enter__(self):
        place = self.folder
        (place / "data").mkdir()
        (place / "password").write_text("martlet-secret\n")
        (place / "password").chmod(0o600)
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", place / "key.pem", "-out",
                        place / "cert.pem"], check=True, capture_output=True)
        schemas = "".join(f"include /etc/ldap/schema/{name}.schema\n" for name in ("core", "cosine", "inetorgperson", "misc", "nis"))
        (place / "slapd.conf").write_text(
            f"{schemas}modulepath /usr/lib/ldap\nmoduleload back_mdb\npidfile {place}/pid\n"
            f"TLSCertificateFile {place}/cert.pem\nTLSCertificateKeyFile {place}/key.pem\n"
            f"database mdb\nsuffix \"dc=example,dc=test\"\ndirectory {place}/data\nmaxsize 10485760\nindex mail eq\n"
            "access to attrs=userPassword by anonymous auth by * none\n"
            "access to * by dn=\"cn=martlet,dc=example,dc=test\" read by anonymous auth by * none\n")
        (place / "entries.ldif").write_text(ENTRIES)
        subprocess.run(["/usr/sbin/slapadd", "-f", place / "slapd.conf", "-l", place / "entries.ldif"], check=True, capture_output=True)
        self.start()
        return self

    def start(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen(
                ["/usr/sbin/slapd", "-d", "0", "-f", self.folder / "slapd.conf", "-h",
                 f"ldap://127.0.0.1:{self.port} ldaps://127.0.0.1:{self.tls_port}"], stdout=log, stderr=log)
        eventually(lambda: listens(self.port), f"slapd listens: {(self.folder / 'log').read_text()}")

    def stop(self):
        self.process.terminate()
        self.process.wait(90)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
