import InternetMessage
import MailBytes
import MailNames
import Testing

@Suite("Address lists, RFC 5322 section 3.4") struct AddressListTests {
    @Test(arguments: [
        // RFC 5322 appendix A.
        ("John Doe <jdoe@machine.example>", "John Doe <jdoe@machine.example>"),
        ("\"Joe Q. Public\" <john.q.public@example.com>", "Joe Q. Public <john.q.public@example.com>"),
        (
            "Mary Smith <mary@x.test>, jdoe@example.org, Who? <one@y.test>",
            "Mary Smith <mary@x.test>; <jdoe@example.org>; Who? <one@y.test>"
        ),
        (
            "<boss@nil.test>, \"Giant; \\\"Big\\\" Box\" <sysservices@example.net>",
            "<boss@nil.test>; Giant; \"Big\" Box <sysservices@example.net>"
        ),
        (
            "A Group:Ed Jones <c@a.test>,joe@where.test,John <jdoe@one.test>;",
            "A Group{Ed Jones <c@a.test>; <joe@where.test>; John <jdoe@one.test>}"
        ),
        ("Undisclosed recipients:;", "Undisclosed recipients{}"),
        // A.5 and A.6.1.
        (
            "Pete(A nice \\) chap) <pete(his account)@silly.test(his host)>", "Pete <pete@silly.test>"
        ),
        (
            "A Group(Some people)\r\n     :Chris Jones <c@(Chris's host.)public.example>,\r\n joe@example.org,"
                + "\r\n John <jdoe@one.test> (my dear friend); (the end of the group)",
            "A Group{Chris Jones <c@public.example>; <joe@example.org>; John <jdoe@one.test>}"
        ),
        (
            "Mary Smith <@node.test:mary@example.net>, , jdoe@test  . example",
            "Mary Smith <mary@example.net>; <jdoe@test.example>"
        ),
        ("Joe Q. Public <john.q.public@example.com>", "Joe Q. Public <john.q.public@example.com>"),
        // The name behind, as it was before RFC 822 was.
        ("jdoe@example.org (John Doe)", "John Doe <jdoe@example.org>"),
        // RFC 2047 section 8, RFC 6532.
        ("=?ISO-8859-1?Q?Keld_J=F8rn_Simonsen?= <keld@dkuug.dk>", "Keld Jørn Simonsen <keld@dkuug.dk>"),
        ("=?utf-8?B?w4Q=?= =?utf-8?B?w5Y=?= x <a@b.test>", "ÄÖ x <a@b.test>"),
        ("\"=?utf-8?B?w4Q=?=\" <a@b.test>", "=?utf-8?B?w4Q=?= <a@b.test>"),
        ("Жанна <жанна@почта.рф>", "Жанна <жанна@почта.рф>"),
        ("a@[192.0.2.1], \"odd local\"@example.org", "<a@[192.0.2.1]>; <odd local@example.org>"),
        // Broken.
        ("john doe@example.org <a@b.test", "john doe@example.org <a@b.test>"),
        ("nobody", "<nobody@>"), ("<>", ""), (",,;:", "{}"), ("\"unended <a@b.test>", "<unended <a@b.test>@>"),
    ])
    func `a list is read`(_ text: String, _ expected: String) {
        let found = AddressList(parsing: text).items.map { item in
            switch item {
            case .mailbox(let mailbox): Self.words(mailbox)
            case .group(let name, let members):
                "\(name){\(members.map(Self.words).joined(separator: "; "))}"
            }
        }
        #expect(found.joined(separator: "; ") == expected)
    }

    private static func words(_ mailbox: Mailbox) -> String {
        (mailbox.displayName.map { "\($0) " } ?? "") + "<\(mailbox.localPart)@\(mailbox.domain)>"
    }

    @Test func `only what mail can be sent to is an address`() {
        let list = AddressList(parsing: "a@b.test, nobody, \"o d\"@c.test, x@-bad-, g: d@e.test;")
        #expect(list.addresses.map(\.description) == ["a@b.test", "\"o d\"@c.test", "d@e.test"])
        #expect(list.mailboxes.count == 5)
    }

    @Test func `a list has a bound`() {
        let list = AddressList(parsing: String(repeating: "a@b.test,", count: AddressList.limit + 100))
        #expect(list.mailboxes.count == AddressList.limit)
    }
}
