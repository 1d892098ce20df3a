import MailBytes
import MailNames
import Testing

@Suite("Return paths that were signed here") struct ReturnPathSignerTests {
    /// Not secret, but different for different octets.
    private static let paths = ReturnPathSigner { content in
        var state: UInt64 = 14_695_981_039_346_656_037
        for byte in content { state = (state ^ UInt64(byte)) &* 1_099_511_628_211 }
        return (0..<8).map { UInt8(truncatingIfNeeded: state >> ($0 * 8)) }
    }
    private static let day: Int64 = 86_400
    /// The last day of a thousand.
    private static let now = Timestamp(seconds: 20_999 * day)

    private static func address(_ text: String) throws -> EmailAddress { try EmailAddress(parsing: text) }

    @Test(arguments: ["bob@example.org", "Bob.O'Neil+news@example.org", "grüße@bücher.example", "bob@[192.0.2.1]"])
    func `a signed address is told from others, and leads back to its own`(text: String) throws {
        let plain = try Self.address(text)
        let signed = try #require(Self.paths.sign(plain, now: Self.now))
        #expect(signed.localPart.text.hasPrefix("prvs=0020"))
        #expect(signed.host == plain.host)
        #expect(ReturnPathSigner.original(of: signed) == plain)
        #expect(Self.paths.isValid(signed, now: Self.now))
        #expect(try EmailAddress(parsing: signed.description) == signed)
        #expect(Self.paths.sign(signed, now: Self.now) == nil)
    }

    @Test func `it holds for three weeks, also across the end of a thousand days`() throws {
        let signed = try #require(Self.paths.sign(try Self.address("bob@example.org"), now: Self.now))
        for (days, holds) in [(0, true), (1, true), (21, true), (22, false), (500, false), (978, false)] {
            #expect(Self.paths.isValid(signed, now: Self.now + .seconds(Int64(days) * Self.day)) == holds, "\(days)")
        }
        // Whose clock is behind has signed nothing in the future.
        #expect(!Self.paths.isValid(signed, now: Self.now - .seconds(Self.day)))
    }

    @Test func `hosts on the way may change its case`() throws {
        let signed = try #require(Self.paths.sign(try Self.address("bob@example.org"), now: Self.now))
        #expect(Self.paths.isValid(try Self.address(signed.description.uppercased()), now: Self.now))
    }

    @Test func `no other digit, address or domain goes with a tag`() throws {
        let signed = try #require(Self.paths.sign(try Self.address("bob@example.org"), now: Self.now))
        let text = signed.description
        let letters = Array(text)
        for index in 5..<15 {
            var changed = letters
            changed[index] = changed[index] == "0" ? "1" : "0"
            #expect(!Self.paths.isValid(try Self.address(String(changed)), now: Self.now), "\(index)")
        }
        for other in [text.replacing("=bob@", with: "=eve@"), text.replacing("example.org", with: "example.net")] {
            #expect(!Self.paths.isValid(try Self.address(other), now: Self.now))
        }
    }

    @Test(arguments: [
        "bob@example.org", "prvs=@example.org", "prvs=0123abcdef@example.org", "prvs=0123abcdef=@example.org",
        "prvs=012xabcdef=bob@example.org", "prvs=0123abcdeg=bob@example.org", "prvs=123abcdef=bob@example.org",
        "prvs=0123456789abcdef=bob@example.org", "prvs=0123äbcde=bob@example.org",
        "bob=prvs=0123abcdef=bob@example.org",
    ])
    func `what has no tag of this form is a name like others`(text: String) throws {
        let address = try Self.address(text)
        #expect(ReturnPathSigner.original(of: address) == nil)
        #expect(!Self.paths.isValid(address, now: Self.now))
    }

    @Test func `what needs quotes or has no room for a tag stays as it is`() throws {
        let longest = String(repeating: "x", count: 48)
        #expect(Self.paths.sign(try Self.address("\(longest)@example.org"), now: Self.now) != nil)
        #expect(Self.paths.sign(try Self.address("\(longest)x@example.org"), now: Self.now) == nil)
        #expect(Self.paths.sign(try Self.address("\"two words\"@example.org"), now: Self.now) == nil)
    }

    @Test(arguments: 0..<20)
    func `whatever is changed in a signed path makes it worthless or changes its case`(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        let signed = try #require(Self.paths.sign(try Self.address("bob@example.org"), now: Self.now))
        let letters = Array("prvs=0123456789abcdefPRVS.=@x")
        for _ in 0..<200 {
            var text = Array(signed.localPart.text)
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                let index = Int.random(in: text.indices, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: text[index] = letters.randomElement(using: &random) ?? "x"
                case 1: text.remove(at: index)
                default: text.insert(letters.randomElement(using: &random) ?? "x", at: index)
                }
            }
            guard let local = try? LocalPart(text: String(text)) else { continue }
            let address = EmailAddress(localPart: local, host: signed.host)
            let isSame = local.text.lowercased() == signed.localPart.text.lowercased()
            #expect(Self.paths.isValid(address, now: Self.now) == isSame, "\(local.text)")
            if let original = ReturnPathSigner.original(of: address) {
                #expect(local.text.hasSuffix("=" + original.localPart.text))
            }
        }
    }
}
