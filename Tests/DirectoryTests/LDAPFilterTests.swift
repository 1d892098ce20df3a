import Testing

@testable import Directory

@Suite("Search filters, RFC 4515") struct LDAPFilterTests {
    @Test(arguments: [
        ("(mail=%s)", "a@b.test", "(mail=a@b.test)"), ("(&(uid=%u)(o=%d))", "a@b.test", "(&(uid=a)(o=b.test))"),
        ("(uid=%u)", "a", "(uid=a)"), ("(x=%%)", "a", "(x=%)"), ("(x=%z%", "a", "(x=%z%"),
        ("(mail=%s)", "*)(uid=*", "(mail=\\2a\\29\\28uid\\3d\\2a)"), ("(mail=%s)", "a\\b\0", "(mail=a\\5cb\\00)"),
        ("(mail=%s)", "é@b.test", "(mail=\\c3\\a9@b.test)"), ("(uid=%u)", "a@b@c.test", "(uid=a@b)"),
        ("(mail=%s)", "%u", "(mail=\\25u)"),
    ])
    func `a value is filled in, and is never more than a value`(filter: String, value: String, filled: String) {
        #expect(LDAPFilter.fill(filter, with: value) == filled)
    }

    @Test func `whatever the value is, the filter has the parentheses that it had`() {
        var generator = SystemRandomNumberGenerator()
        for _ in 0..<1000 {
            let value = String(
                String.UnicodeScalarView(
                    (0..<20).map { _ in Unicode.Scalar(UInt8.random(in: 0...255, using: &generator)) }
                )
            )
            let filled = LDAPFilter.fill("(&(a=%s)(b=%u))", with: value)
            #expect(filled.filter { $0 == "(" }.count == 3 && filled.filter { $0 == ")" }.count == 3)
            #expect(filled.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "*") })
        }
    }

    @Test func `an entry's id is the same for ever, and none that the database gives`() {
        let entry = LDAPEntry(name: "uid=a,o=b", values: ["entryuuid": ["6a1a0f1e-0000-0000-0000-000000000000"]])
        var moved = entry
        moved.name = "uid=z,o=b"
        #expect(AccountID(entry) == AccountID(moved))
        #expect(AccountID(entry).rawValue >= 1 << 62)
        #expect(AccountID(entry) != AccountID(LDAPEntry(name: "uid=a,o=b", values: [:])))
    }
}
