"""Mailing lists as their people meet them: joining, posting, leaving, moderation, and mail that comes back from a real Postfix."""

import email
import json
import pathlib
import re
import sys
import unittest

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from martlet import Martlet, eventually, letter, submit  # noqa: E402
from peers import Postfix, Sink  # noqa: E402

NEWS = "news@example.test"


def answer(martlet, user, message, text="yes"):
    """Answers a message as a mail program would."""
    told = email.message_from_bytes(message)
    to = email.utils.parseaddr(told["Reply-To"] or told["From"])[1]
    submit(martlet, [to], letter(f"Re: {told['Subject']}", to, f"{user}@example.test", text), user=user)


def members(martlet):
    return sorted(member["member"] for member in martlet.json("list", "members", NEWS))


class ListTests(unittest.TestCase):
    def test_somebody_joins_posts_gets_the_post_and_leaves(self):
        with Postfix() as postfix, Martlet("--outbound", f"127.0.0.1:{postfix.port}") as martlet:
            martlet.control("list", "add", NEWS, "--owner", "alice@example.test", "--name", "The News")
            martlet.control("list", "members", "add", NEWS, "dan@remote.test")
            submit(martlet, ["news-subscribe@example.test"], letter("please", "x@example.test", "bob@example.test"), user="bob")
            question = martlet.receives("bob")[0]
            self.assertIn(b"Return-Path: <>", question)
            self.assertEqual(members(martlet), ["dan@remote.test"])
            answer(martlet, "bob", question)
            self.assertIn(b"Welcome", martlet.receives("bob", 2)[1])
            self.assertEqual(members(martlet), ["bob@example.test", "dan@remote.test"])

            submit(martlet, [NEWS], letter("first post", NEWS, "bob@example.test"), user="bob")
            local = email.message_from_bytes(martlet.receives("bob", 3)[2])
            self.assertEqual(local["List-Id"], "The News <news.example.test>")
            self.assertEqual(local["List-Post"], "<mailto:news@example.test>")
            self.assertEqual(local["Return-Path"], "<news-bounces+bob=example.test@example.test>")
            remote = eventually(lambda: postfix.mailbox("dan"), "Postfix has the post")[0]
            self.assertIn("Return-Path: <news-bounces+dan=remote.test@example.test>", remote)
            self.assertIn("List-Unsubscribe: <mailto:news-unsubscribe@example.test>", remote)
            self.assertIn("Subject: first post", remote)
            told = martlet.control("trace", "bob@example.test")
            self.assertIn("sent on to 2 members", told)

            submit(martlet, ["news-request@example.test"], letter("unsubscribe", "x@example.test", "bob@example.test"), user="bob")
            answer(martlet, "bob", martlet.receives("bob", 4)[3])
            martlet.receives("bob", 5)
            self.assertEqual(members(martlet), ["dan@remote.test"])

    def test_a_stranger_may_not_post_and_is_told_so(self):
        with Martlet("--outbound", "catch") as martlet:
            martlet.control("list", "add", NEWS, "--owner", "alice@example.test")
            martlet.control("list", "members", "add", NEWS, "alice@example.test")
            submit(martlet, [NEWS], letter("spam", NEWS, "bob@example.test"), user="bob")
            report = martlet.receives("bob")[0].decode()
            self.assertRegex(report, r"Status: 5\.7\.2")
            self.assertEqual(martlet.mailbox("alice"), [])

    def test_the_owner_lets_one_post_through_by_mail_and_rejects_another_by_command(self):
        with Martlet("--outbound", "catch") as martlet:
            martlet.control("list", "add", NEWS, "--owner", "alice@example.test", "--post", "moderated")
            martlet.control("list", "members", "add", NEWS, "bob@example.test")
            submit(martlet, [NEWS], letter("good", NEWS, "bob@example.test"), user="bob")
            notice = martlet.receives("alice")[0]
            self.assertIn(b"Content-Type: message/rfc822", notice)
            submit(martlet, [NEWS], letter("bad", NEWS, "bob@example.test"), user="bob")
            martlet.receives("alice", 2)
            held = {post["subject"]: post["id"] for post in martlet.json("list", "held")}
            self.assertEqual(sorted(held), ["bad", "good"])
            self.assertEqual(martlet.mailbox("bob"), [])
            answer(martlet, "alice", notice)
            self.assertIn(b"Subject: good", martlet.receives("bob")[0])
            martlet.control("list", "reject", held["bad"])
            self.assertIn(b"was not let through", martlet.receives("bob", 2)[1])
            self.assertEqual(martlet.json("list", "held"), [])
            status, _, errors = martlet.run("list", "approve", held["bad"])
            self.assertEqual(status, 1, errors)

    def test_members_whom_postfix_refuses_are_suspended_and_the_owner_is_told(self):
        with Postfix() as postfix, Martlet("--outbound", f"127.0.0.1:{postfix.port}") as martlet:
            martlet.control("list", "add", NEWS, "--owner", "alice@example.test", "--post", "anyone", "--bounce-limit", "1")
            martlet.control("list", "members", "add", NEWS, "dan@remote.test", "gone@remote.test")
            submit(martlet, [NEWS], letter("one", NEWS, "bob@example.test"), user="bob")
            notice = martlet.receives("alice")[0].decode()
            self.assertIn("<gone@remote.test>", notice)
            self.assertIn("5.1.1", notice)
            states = {m["member"]: m.get("suspended") for m in martlet.json("list", "members", NEWS)}
            self.assertIsNone(states["dan@remote.test"])
            self.assertIsNotNone(states["gone@remote.test"])
            submit(martlet, [NEWS], letter("two", NEWS, "bob@example.test"), user="bob")
            eventually(lambda: len(postfix.mailbox("dan")) == 2, "the other member gets the next post")
            self.assertEqual(len(martlet.mailbox("alice")), 1)

    def test_a_report_that_postfix_sends_later_comes_home_and_is_counted(self):
        # This Postfix takes everything and finds out afterwards.
        with Martlet("--outbound", "catch") as martlet:
            with Postfix(smtpd_reject_unlisted_recipient="no", relayhost=f"[127.0.0.1]:{martlet.port('smtp')}",
                         virtual_mailbox_domains="", mydestination="remote.test", local_recipient_maps="",
                         local_transport="error:no such user") as postfix:
                martlet.control("list", "add", NEWS, "--owner", "alice@example.test", "--bounce-limit", "1")
                martlet.control("list", "members", "add", NEWS, "gone@remote.test", "bob@example.test")
                martlet.control("queue", "list")
                submit(martlet, [NEWS], letter("one", NEWS, "bob@example.test"), user="bob")
                held = eventually(lambda: [m for m in martlet.json("queue", "list") if "gone@remote.test" in m["recipients"]],
                                  "the post is caught")
                martlet.control("queue", "reroute", held[0]["id"], "--to", f"127.0.0.1:{postfix.port}")
                notice = martlet.receives("alice")[0].decode()
                self.assertIn("<gone@remote.test>", notice)

    def test_thousands_of_members_from_a_file_and_a_post_to_them_survives_a_kill(self):
        with Sink() as sink:
            martlet = Martlet("--outbound", f"127.0.0.1:{sink.port}")
            with martlet:
                martlet.control("list", "add", NEWS, "--owner", "alice@example.test", "--post", "anyone")
                many = "".join(f"m{n}@remote.test\n" for n in range(2000))
                martlet.control("list", "members", "add", NEWS, "--file", "-", stdin="# members\n" + many)
                self.assertEqual(len(members(martlet)), 2000)
                submit(martlet, [NEWS], letter("to all", NEWS, "bob@example.test"), user="bob")
                eventually(lambda: len(list(sink.folder.iterdir())) > 600, "the first copies are out", every=0.01)
                martlet.kill()
                martlet.start()
                eventually(lambda: json.loads(martlet.control("queue", "list", "--json")) == [], "all copies are out", 240)
                got = [re.search(r"<(m\d+@remote\.test)>", text) for text in sink.messages()]
                got = [match.group(1) for match in got if match]
                self.assertEqual(len(set(got)), 2000)
                # What was sent before the kill and not yet written down comes twice, as SMTP has it: not all that was out.
                self.assertLess(len(got), 2400)

    def test_what_is_no_list_or_member_is_refused_with_a_sentence(self):
        with Martlet() as martlet:
            for arguments, words in [
                (("list", "add", "news-request@example.test", "--owner", "alice@example.test"), "cannot be a list"),
                (("list", "add", NEWS), "owner"),
                (("list", "add", "news@other.test", "--owner", "alice@example.test"), "not here"),
                (("list", "add", "alice@example.test", "--owner", "alice@example.test"), "already belongs"),
                (("list", "add", NEWS, "--owner", "alice@example.test", "--post", "cats"), "anyone, members and moderated"),
                (("list", "members", "nolist@example.test"), "no list"),
                (("list", "members", "add", "nolist@example.test", "x@y.test"), "no list"),
            ]:
                status, _, errors = martlet.run(*arguments)
                self.assertNotEqual(status, 0, arguments)
                self.assertIn(words, errors)
            martlet.control("list", "add", NEWS, "--owner", "alice@example.test")
            status, _, errors = martlet.run("list", "members", "add", NEWS, "good@x.test", "not an address")
            self.assertEqual(status, 64, errors)
            self.assertEqual(members(martlet), [])
            martlet.control("list", "set", NEWS, "--name", "Other", "--post", "moderated")
            [shown] = martlet.json("list", "list")
            self.assertEqual((shown["name"], shown["posting"], shown["members"]), ("Other", "moderated", 0))
            martlet.control("list", "remove", NEWS)
            self.assertEqual(martlet.json("list", "list"), [])


if __name__ == "__main__":
    unittest.main()
