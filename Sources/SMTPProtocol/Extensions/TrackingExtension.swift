import MailBytes
import MailNames

/// MTRK: a message whose sender will ask what became of it: RFC 3885.
enum TrackingExtension {
    static let keyword = "MTRK"
    /// Octets of a certifier: base64 of the hash of a secret, SHA-1 as a rule.
    private static let certifierLimit = 88

    /// MTRK as it was said.
    struct Request: Hashable, Sendable {
        var certifier: String
        /// Seconds from now on; `nil` leaves it to us.
        var seconds: Int?

        func terms(now: Timestamp) -> MessageTracking {
            MessageTracking(certifier: certifier, expires: seconds.map { now + .seconds($0) })
        }
    }

    /// Reads the value: RFC 3885 section 3.1.
    static func parse(_ text: Span<UInt8>) throws(SMTPSyntaxError) -> Request {
        let end = text.firstIndex(of: .colon) ?? text.count
        guard (1...certifierLimit).contains(end) else { throw SMTPSyntaxError(.parameter) }
        var padding = 0
        for index in 0..<end {
            let byte = text[index]
            if byte == .equals {
                padding += 1
                continue
            }
            let isLetter = byte.isASCIIAlphanumeric || byte == UInt8(ascii: "+") || byte == UInt8(ascii: "/")
            guard isLetter, padding == 0 else { throw SMTPSyntaxError(.parameter) }
        }
        // The RFC's own examples leave the padding out.
        guard padding <= 2, padding < end else { throw SMTPSyntaxError(.parameter) }
        let certifier = text.text(0..<end)
        guard end < text.count else { return Request(certifier: certifier) }
        guard let seconds = text.decimal((end + 1)..<text.count, digits: 9) else { throw SMTPSyntaxError(.parameter) }
        return Request(certifier: certifier, seconds: seconds)
    }

    /// The value for the next hop with the time that is left; `nil` when none is: then nothing is passed on.
    static func value(_ tracking: MessageTracking, now: Timestamp) -> String? {
        guard let expires = tracking.expires else { return tracking.certifier }
        let left = (expires - now).components.seconds
        return left > 0 ? "\(tracking.certifier):\(min(left, 999_999_999))" : nil
    }
}
