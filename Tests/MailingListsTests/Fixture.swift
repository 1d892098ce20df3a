import MailBytes
import MailNames

@testable import MailingLists

/// A list, a seal that is no secret, and moments.
enum Fixture {
    static func address(_ text: String) throws -> EmailAddress { try EmailAddress(parsing: text) }

    static func list(
        _ address: String = "news@lists.test",
        posting: ListSettings.Posting = .members,
        name: String? = nil
    ) throws -> ListSettings {
        ListSettings(
            address: try Self.address(address),
            owner: try Self.address("owner@lists.test"),
            name: name,
            posting: posting
        )
    }

    /// FNV-1a over the octets, sixteen of them: enough to tell contents apart.
    static let seal: ListSeal = { bytes in
        (0..<2).flatMap { round -> [UInt8] in
            var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(round)
            for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
            return (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * UInt64($0))) }
        }
    }

    static let now = Timestamp(seconds: 1_800_000_000)

    static func post(_ header: String) -> ArrivingPost {
        let bytes = Array((header + "\r\n\r\nHello.\r\n").utf8)
        return ArrivingPost(bytes.span)
    }
}
