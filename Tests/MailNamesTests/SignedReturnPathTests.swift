import MailBytes
import MailNames
import Testing

@Suite("Return paths that were signed here") struct SignedReturnPathTests {
    /// Not secret, but different for different octets.
    private static let paths = SignedReturnPath { content in
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
        #expect(signed.localPart.text.hasPrefix("prvs=0013"))
        #expect(signed.host == plain.host)
        #expect(SignedReturnPath.original(of: signed) == plain)
        #expect(Self.paths.isValid(signed, now: Self.now))
        #expect(try EmailAddress(parsing: signed.description) == signed)
        #expect(Self.paths.sign(signed, now: Self.now) == nil)
    }

    @Test func `it holds for fourteen days, also across the end of a thousand days`() throws {
        let signed = try #require(Self.paths.sign(try Self.address("bob@example.org"), now: Self.now))
        for (days, holds) in [(0, true), (1, true), (14, true), (15, false), (500, false), (985, false)] {
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
        #expect(SignedReturnPath.original(of: address) == nil)
        #expect(!Self.paths.isValid(address, now: Self.now))
    }

    @Test func `what needs quotes or has no room for a tag stays as it is`() throws {
        let longest = String(repeating: "x", count: 48)
        #expect(Self.paths.sign(try Self.address("\(longest)@example.org"), now: Self.now) != nil)
        #expect(Self.paths.sign(try Self.address("\(longest)x@example.org"), now: Self.now) == nil)
        #expect(Self.paths.sign(try Self.address("\"two words\"@example.org"), now: Self.now) == nil)
    }

    @Test func `no octets make it fail`() throws {
        var random = SystemRandomNumberGenerator()
        let letters = Array("prvs=0123456789abcdefPRVS.=@x")
        for _ in 0..<5_000 {
            let text = String(
                (0..<Int.random(in: 1...24, using: &random)).compactMap { _ in letters.randomElement(using: &random) }
            )
            guard let local = try? LocalPart(text: text) else { continue }
            let address = EmailAddress(localPart: local, host: .domain(try Domain(parsing: "example.org")))
            if let original = SignedReturnPath.original(of: address) {
                #expect(address.localPart.text.hasSuffix("=" + original.localPart.text))
            }
            #expect(!Self.paths.isValid(address, now: Self.now) || SignedReturnPath.original(of: address) != nil)
        }
    }
}
