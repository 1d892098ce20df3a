"""SIGKILL at random moments under load: whatever was acknowledged is there afterwards, whole, and once in each mailbox."""

import hashlib
import os
import pathlib
import random
import shutil
import smtplib
import sys
import threading
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import Martlet, eventually, folder  # noqa: E402
from peers import Sink  # noqa: E402

ROUNDS = int(os.environ.get("CRASH_ROUNDS", "50"))


def content(identifier, size, to):
    body = "\r\n".join(hashlib.sha256(f"{identifier}{n}".encode()).hexdigest() for n in range(size // 66))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return (f"From: <carol@elsewhere.test>\r\nTo: <{to}>\r\nSubject: crash\r\nX-Identifier: {identifier}\r\n"
            f"X-Digest: {digest}\r\n\r\n{body}\r\n")


class CrashTests(unittest.TestCase):
    def test_nothing_acknowledged_is_lost_doubled_or_damaged(self):
        seed = int(os.environ.get("CRASH_SEED", random.randrange(1 << 32)))
        chance = random.Random(seed)
        data, acknowledged, remote, attempted = folder(), set(), set(), 0
        with Sink() as sink:
            arguments = ("--outbound", f"127.0.0.1:{sink.port}", "--set", 'relay.networks=["127.0.0.0/8"]')
            martlet = Martlet(*arguments, data=data)
            try:
                for round_number in range(ROUNDS):
                    martlet = Martlet(*arguments, data=data, base=martlet.base).start()

                    def pump(worker, seed):
                        sizes = random.Random(seed)
                        n = 0
                        try:
                            with smtplib.SMTP("127.0.0.1", martlet.port("smtp"), timeout=120) as session:
                                while True:
                                    identifier, n = f"{round_number}-{worker}-{n}", n + 1
                                    size = sizes.choice([500, 4000, 4000, 60000, 700000])
                                    away = sizes.random() < 0.2
                                    to = "dan@remote.test" if away else "alice@example.test"
                                    session.sendmail("carol@elsewhere.test", to, content(identifier, size, to))
                                    (remote if away else acknowledged).add(identifier)
                        except (OSError, smtplib.SMTPException):
                            pass

                    threads = [threading.Thread(target=pump, args=(w, chance.random())) for w in range(4)]
                    for thread in threads:
                        thread.start()
                    timer = threading.Timer(chance.uniform(0.02, 0.6), martlet.kill)
                    timer.start()
                    for thread in [*threads, timer]:
                        thread.join()
                martlet = Martlet(*arguments, data=data, base=martlet.base).start()
                try:
                    session = martlet.pop()
                    self.assertGreater(len(acknowledged), 10)
                    session.quit()
                    eventually(lambda: martlet.json("queue", "list") in ([], {"messages": []}) or
                               "No messages" in martlet.control("queue", "list"), f"the queue empties (seed {seed})", patience=600, every=0.5)
                    found = []
                    for message in martlet.mailbox():
                        identifier, is_whole = self.identify(message)
                        self.assertTrue(is_whole, f"{identifier} is damaged (seed {seed})")
                        found.append(identifier)
                    self.assertEqual(len(found), len(set(found)), f"a mailbox has a message twice (seed {seed})")
                    self.assertEqual(acknowledged - set(found), set(), f"acknowledged and lost (seed {seed})")
                    away, torn = set(), set()
                    for message in sink.messages():
                        identifier, is_whole = self.identify(message.replace("\n", "\r\n").encode())
                        (away if is_whole else torn).add(identifier)
                    self.assertEqual(remote - away, set(), f"acknowledged for another host and lost or damaged (seed {seed})")
                    # The sink keeps what a killed server had sent of a message, too. It came once more, and whole.
                    self.assertEqual(torn - away - {None}, set(), f"relayed damaged (seed {seed})")
                finally:
                    martlet.stop()
            finally:
                shutil.rmtree(data, ignore_errors=True)

    def identify(self, message):
        """Which message it is, as far as it says, and whether it is whole."""
        head, end, body = message.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n") if line.startswith(b"X-") and b": " in line)
        # A line that stands at the end of what came may be cut.
        identifier = fields.get(b"X-Identifier") if end or b"X-Digest" in fields else None
        found = hashlib.sha256(body.rstrip(b"\r\n")).hexdigest().encode()
        return identifier and identifier.decode(), bool(end) and found == fields.get(b"X-Digest")


if __name__ == "__main__":
    unittest.main()
