import MailBytes

/// A response of the server: RFC 3887 section 2.3.
public struct TrackingReply: Sendable, Equatable {
    /// All of it as it goes on the wire.
    public let wire: [UInt8]

    /// A response of one line.
    ///
    /// - Parameter indicator: status and response information, such as `-ERR/noinfo`.
    init(_ indicator: String, _ text: String) {
        wire = Array("\(indicator) \(text)\r\n".utf8)
    }

    /// A success with lines that follow, dots doubled and the end put behind.
    init(_ indicator: String, _ text: String, lines: [String]) {
        var wire = Array("\(indicator) \(text)\r\n".utf8)
        for line in lines {
            if line.hasPrefix(".") { wire.append(.dot) }
            wire.append(contentsOf: line.utf8)
            wire.append("\r\n")
        }
        wire.append(".\r\n")
        self.wire = wire
    }

    static let bad = TrackingReply("-BAD", "This is no command, or not of its form")
    static let comment = TrackingReply("+OK", "Heard")
    static let closing = TrackingReply("+OK", "Bye")
    static let startTLS = TrackingReply("+OK", "Begin TLS")
    static let tlsUnsupported = TrackingReply("-ERR/unsupported", "There is no TLS here")
    static let tlsInProgress = TrackingReply("-BAD/tls-in-progress", "TLS is active already")
    static let noInformation = TrackingReply(
        "-ERR/noinfo",
        "Nothing is known of that message, or the secret is not its"
    )
    static let unavailable = TrackingReply("-TEMP/unavailable", "It cannot be told now")
    public static let tooManyCommands = TrackingReply("-TEMP/unavailable", "Too many commands, come again later")
    public static let timedOut = TrackingReply("-TEMP/unavailable", "Timed out waiting for you")
}
