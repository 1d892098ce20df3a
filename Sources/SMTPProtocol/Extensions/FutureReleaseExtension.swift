import MailBytes
import MailNames

/// FUTURERELEASE: a message that is held until its time has come: RFC 4865. For submission alone.
enum FutureReleaseExtension {
    static let keyword = "FUTURERELEASE"

    /// HOLDFOR or HOLDUNTIL as it was said.
    enum Request: Hashable, Sendable {
        case interval(seconds: Int)
        case until(Timestamp)

        /// What was asked for, as a moment.
        func time(now: Timestamp) -> Timestamp {
            switch self {
            case .interval(let seconds): now + .seconds(seconds)
            case .until(let time): time
            }
        }
    }

    /// What EHLO says: the longest interval and the latest moment.
    static func line(longest: Duration, now: Timestamp) -> String {
        "\(keyword) \(longest.components.seconds) \((now + longest).rfc3339)"
    }

    /// Reads the value of HOLDFOR: 1 to 9 digits, not 0.
    static func parseInterval(_ text: Span<UInt8>) throws(SMTPSyntaxError) -> Request {
        guard let seconds = text.decimal(0..<text.count, digits: 9), seconds > 0 else {
            throw SMTPSyntaxError(.parameter)
        }
        return .interval(seconds: seconds)
    }

    /// Reads the value of HOLDUNTIL, which is in universal time: RFC 4865 section 3.
    static func parseTime(_ text: Span<UInt8>) throws(SMTPSyntaxError) -> Request {
        guard text.count > 0, text[text.count - 1].asciiUppercased == UInt8(ascii: "Z"),
            let time = Timestamp(rfc3339: text, allowsFraction: true)
        else { throw SMTPSyntaxError(.parameter) }
        return .until(time)
    }
}
