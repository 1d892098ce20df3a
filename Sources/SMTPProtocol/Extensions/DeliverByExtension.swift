import MailBytes
import MailNames

/// DELIVERBY: a message that should be delivered within a time: RFC 2852.
enum DeliverByExtension {
    static let keyword = "DELIVERBY"

    /// BY as it was said: a time from now on.
    struct Request: Hashable, Sendable {
        /// -999,999,999 to 999,999,999; above 0 with mode R.
        var seconds: Int
        var mode: DeliverBy.Mode
        var traces: Bool

        /// What was asked for, as a moment.
        func terms(now: Timestamp) -> DeliverBy {
            DeliverBy(time: now + .seconds(seconds), mode: mode, traces: traces)
        }
    }

    /// What EHLO says: the shortest time where there is one.
    static func line(shortest: Duration) -> String {
        let seconds = shortest.components.seconds
        return seconds > 0 ? "\(keyword) \(seconds)" : keyword
    }

    /// Reads the value of BY: RFC 2852 section 4.
    static func parse(_ text: Span<UInt8>) throws(SMTPSyntaxError) -> Request {
        guard let semicolon = text.firstIndex(of: .semicolon) else { throw SMTPSyntaxError(.parameter) }
        let isSigned = text[0] == .hyphen || text[0] == UInt8(ascii: "+")
        guard let magnitude = text.decimal((isSigned ? 1 : 0)..<semicolon, digits: 9) else {
            throw SMTPSyntaxError(.parameter)
        }
        let seconds = text[0] == .hyphen ? -magnitude : magnitude
        let rest = text.extracting((semicolon + 1)..<text.count)
        guard rest.count == 1 || (rest.count == 2 && rest[1].asciiUppercased == UInt8(ascii: "T")) else {
            throw SMTPSyntaxError(.parameter)
        }
        let mode: DeliverBy.Mode
        switch rest[0].asciiUppercased {
        case UInt8(ascii: "N"): mode = .notify
        case UInt8(ascii: "R"): mode = .return
        default: throw SMTPSyntaxError(.parameter)
        }
        guard mode == .notify || seconds > 0 else { throw SMTPSyntaxError(.parameter) }
        return Request(seconds: seconds, mode: mode, traces: rest.count == 2)
    }

    /// The value of BY for what is left of the time: RFC 2852 section 4.1.4. It stays within what the parameter can say.
    static func value(_ by: DeliverBy, now: Timestamp) -> String {
        let left = min(max(remaining(by, now: now), -999_999_999), 999_999_999)
        return "\(left);\(by.mode == .return ? "R" : "N")\(by.traces ? "T" : "")"
    }

    /// Whole seconds that are left; negative when the moment has passed.
    static func remaining(_ by: DeliverBy, now: Timestamp) -> Int {
        Int(clamping: (by.time - now).components.seconds)
    }
}
