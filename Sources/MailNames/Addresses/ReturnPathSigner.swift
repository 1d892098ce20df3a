import MailBytes

/// Return paths that only this host can have written: `prvs=0123a1b2c3=bob@example.org`, the bounce address tags of
/// draft-levine-smtp-batv section 3. A report of a failure that comes to such an address is about mail that really went out from here.
///
/// The tag is the number of the key, the last three digits of the day in which it expires, counted from 1970, and 24 bits of an
/// authentication code over both and the address.
public struct ReturnPathSigner: Sendable {
    /// Makes the authentication code of some octets under a secret that this host alone knows; at least 3 octets come back.
    public typealias Seal = @Sendable ([UInt8]) -> [UInt8]

    /// Days for which a tag holds: longer than two hosts, one after the other, keep trying (RFC 5321 section 4.5.4.1), also where the
    /// message was a week old when it left.
    public static let days: Int64 = 21

    private static let prefix = "prvs="
    private static let tagDigits = 10
    private static let dayMicroseconds: Int64 = 86_400_000_000

    private let seal: Seal

    /// Signs and verifies with a seal.
    public init(seal: @escaping Seal) {
        self.seal = seal
    }

    /// The address with a tag; `nil` where it has one, cannot be written without quotes, or has no room for one in the 64 octets
    /// of a local part (RFC 5321 section 4.5.3.1.1).
    public func sign(_ address: EmailAddress, now: Timestamp) -> EmailAddress? {
        let text = address.localPart.text
        guard text.utf8.count + Self.prefix.utf8.count + Self.tagDigits + 1 <= LocalPart.maximumLength,
            address.localPart.wire == text, Self.original(of: address) == nil
        else { return nil }
        let head = "0" + Self.threeDigits((now.microseconds / Self.dayMicroseconds + Self.days) % 1000)
        let tagged = Self.prefix + head + code(head, address) + "=" + text
        return (try? LocalPart(text: tagged)).map { EmailAddress(localPart: $0, host: address.host) }
    }

    /// The address behind a tag, whatever the tag is worth; `nil` where there is none.
    public static func original(of address: EmailAddress) -> EmailAddress? {
        parts(address)?.original
    }

    /// Whether the address has a tag that was written here and holds still.
    public func isValid(_ address: EmailAddress, now: Timestamp) -> Bool {
        guard let (tag, original) = Self.parts(address) else { return false }
        let head = String(tag.prefix(4))
        guard head.utf8.first == UInt8(ascii: "0"), let day = Int64(head.dropFirst()) else { return false }
        let left = (day - now.microseconds / Self.dayMicroseconds % 1000 + 1000) % 1000
        // Twenty-four bits are compared: how long that takes tells nothing that trying would not.
        return left <= Self.days && tag.dropFirst(4).lowercased() == code(head, original)
    }

    private static func parts(_ address: EmailAddress) -> (tag: Substring, original: EmailAddress)? {
        let utf8 = address.localPart.text.utf8
        let length = prefix.utf8.count + tagDigits
        guard utf8.count > length + 1, utf8.prefix(prefix.utf8.count).elementsEqual(prefix.utf8, by: Self.areEqual)
        else { return nil }
        let tag = utf8.dropFirst(prefix.utf8.count).prefix(tagDigits)
        let rest = utf8.dropFirst(length)
        guard tag.prefix(4).allSatisfy(\.isASCIIDigit), tag.allSatisfy(Self.isHexDigit),
            rest.first == UInt8(ascii: "="), let text = String(rest.dropFirst()), let local = try? LocalPart(text: text)
        else { return nil }
        return (Substring(tag), EmailAddress(localPart: local, host: address.host))
    }

    private static func areEqual(_ left: UInt8, _ right: UInt8) -> Bool {
        left.asciiLowercased == right.asciiLowercased
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        byte.isASCIIDigit || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte.asciiLowercased)
    }

    private static func threeDigits(_ number: Int64) -> String {
        String(repeating: "0", count: 3 - String(number).count) + String(number)
    }

    private func code(_ head: String, _ address: EmailAddress) -> String {
        let content = "martlet return path 1\u{0}\(head)\u{0}\(address)".lowercased()
        return seal(Array(content.utf8)).prefix(3).hexadecimal
    }
}
