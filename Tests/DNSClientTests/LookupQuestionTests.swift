import Testing

@testable import DNSClient

@Suite("Questions and resolvers as text") struct LookupQuestionTests {
    @Test func `questions that differ in case or a final dot are one`() {
        #expect(LookupQuestion("MX.Example.test.", .a) == LookupQuestion("mx.example.TEST", .a))
        #expect(LookupQuestion("example.test", .a) != LookupQuestion("example.test", .aaaa))
    }

    @Test(arguments: [
        "", ".", "..", "a..b", ".a", "a b", "a\\.b", "a\u{0}", "é.test", String(repeating: "a", count: 64),
        String(repeating: "a.", count: 127) + "a",
    ])
    func `what is no name is not asked`(name: String) {
        #expect(LookupQuestion(name, .a) == nil)
    }

    @Test func `the longest name is asked`() {
        let name = String(repeating: "a.", count: 126) + "a"
        #expect(LookupQuestion(name, .a)?.name.count == 253)
        #expect(LookupQuestion("_25._tcp.mx.example.test", .tlsa) != nil)
    }

    @Test(arguments: [
        ("127.0.0.1", "127.0.0.1"), ("127.0.0.1:5353", "127.0.0.1@5353"), ("::1", "::1"), ("[::1]:53", "::1@53"),
        ("[::1]", "::1"),
    ])
    func `a resolver is named as libunbound wants it`(forwarder: String, address: String) {
        #expect(UnboundContext.address(of: forwarder) == address)
    }
}
