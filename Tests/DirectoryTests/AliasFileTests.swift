import Directory
import Testing

@Suite("Alias files in sendmail's form") struct AliasFileTests {
    private static func entries(_ text: String) -> [String: [String]] {
        Dictionary(uniqueKeysWithValues: AliasFile.parse(text, place: "aliases").entries.map { ($0.name, $0.targets) })
    }

    @Test func `names, targets, continued lines, comments and empty lines`() {
        let text = "# aliases\n\nroot:\talice ,\n  bob,\n\t carol@example.org\n  # not this\nteam: a\n"
        #expect(Self.entries(text) == ["root": ["alice", "bob", "carol@example.org"], "team": ["a"]])
    }

    @Test(arguments: [
        ("a: \"|/bin/prog -x, y\", b", ["|/bin/prog -x, y", "b"]), ("a: |/bin/prog one two", ["|/bin/prog one two"]),
        ("a: |/bin/sh -c (true)", ["|/bin/sh -c (true)"]), ("a: \\alice", ["alice"]),
        ("a: \"two words\"", ["two words"]),
        ("a: Carol (of Y) <carol@y.test>, d", ["carol@y.test", "d"]), ("a: b (said c, d), e", ["b", "e"]),
        ("a: /var/mail/box", ["/var/mail/box"]), ("a: :include:/etc/list, b", [":include:/etc/list", "b"]),
        ("a: b,,c,", ["b", "c"]), ("a:b", ["b"]), ("a : b", ["b"]), ("a: \"b\\\"c\"@d.test", ["\"b\\\"c\"@d.test"]),
    ])
    func `a line's targets`(line: String, targets: [String]) {
        let (entries, problems) = AliasFile.parse(line, place: "aliases")
        #expect(entries.first?.name == "a")
        #expect(entries.first?.targets == targets)
        #expect(problems.isEmpty)
    }

    @Test func `a quoted name may have spaces and a colon`() {
        #expect(Self.entries("\"two: words\": a") == ["two: words": ["a"]])
    }

    @Test(arguments: [
        ("  a: b", 1), ("a b", 1), (": b", 1), ("a:", 1), ("a: \"b", 1), ("a: (b", 1), ("a: b\nA: c", 2),
        ("# x\n\na: ,", 3),
    ])
    func `what cannot be used is named with its line`(text: String, line: Int) {
        let problems = AliasFile.parse(text, place: "aliases").problems
        #expect(problems.map(\.line) == [line])
        #expect(problems.first?.description.hasPrefix("aliases:\(line): ") == true)
    }

    @Test func `an included file has targets on each line`() {
        let (targets, problems) = AliasFile.parseIncluded("# who\na, b\n\n Carol <c@d.test>\n\"e\n", place: "list")
        #expect(targets == ["a", "b", "c@d.test"])
        #expect(problems.map(\.line) == [5])
    }

    @Test func `whatever the octets are, reading ends and stays in its bounds`() {
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("ab:,\"\\()<>|/# \t\n\r@é")
        for _ in 0..<2000 {
            let text = String(
                (0..<Int.random(in: 0...80, using: &generator)).map { _ in
                    alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
                }
            )
            let (entries, problems) = AliasFile.parse(text, place: "x")
            let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).count
            #expect(entries.count + problems.count <= lines, "\(text.debugDescription)")
            #expect(entries.allSatisfy { !$0.name.isEmpty && !$0.targets.isEmpty }, "\(text.debugDescription)")
        }
    }
}
