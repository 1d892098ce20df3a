import MailBytes

/// The client's side of one Message Tracking Query Protocol session that asks about one message, without I/O: RFC 3887.
public struct TrackingClientSession: ~Copyable, Sendable {
    /// What the channel does next.
    public enum Action: Sendable, Equatable {
        case wait
        case send([UInt8])
        /// Start TLS, then `tlsEstablished()`.
        case startTLS
        /// The server's answer: lines of a body part with message/tracking-status in it.
        case found([String])
        /// The server has nothing to tell, or said what no server says.
        case failed(String)
    }

    private enum Awaited { case greeting, startTLS, track }

    /// Lines of an answer, and octets of a line.
    private static let lineCount = 10_000
    public static let lineLimit = 1000

    private let server: String
    private let envelopeID: String
    private let secret: [UInt8]
    private let usesTLS: Bool
    private var awaited = Awaited.greeting
    private var isEncrypted = false
    /// The first line of an answer of several lines, while the others come.
    private var first: String?
    private var lines: [String] = []

    /// - Parameters:
    ///   - server: the server's name, for its certificate.
    ///   - secret: what the sender kept: RFC 3885 section 3.1.
    public init(server: String, envelopeID: String, secret: [UInt8], usesTLS: Bool) {
        self.server = server
        self.envelopeID = envelopeID
        self.secret = secret
        self.usesTLS = usesTLS
    }

    /// A line arrived, without its CR LF.
    public mutating func lineReceived(_ line: Span<UInt8>) -> Action {
        let text = line.text
        guard let first else {
            guard text.hasPrefix("+OK+") else { return answered(text, []) }
            self.first = text
            lines = []
            return .wait
        }
        if text == "." {
            self.first = nil
            return answered(first, lines)
        }
        guard lines.count < Self.lineCount else { return .failed("the answer has no end") }
        lines.append(text.hasPrefix(".") ? String(text.dropFirst()) : text)
        return .wait
    }

    /// The handshake is done: the server greets anew (section 6.2).
    public mutating func tlsEstablished() {
        isEncrypted = true
        awaited = .greeting
    }

    private mutating func answered(_ status: String, _ lines: [String]) -> Action {
        guard status.hasPrefix("+OK") else { return .failed(status) }
        switch awaited {
        case .greeting:
            let offersTLS = lines.contains { $0.uppercased().split(separator: " ").first == "STARTTLS" }
            if usesTLS && offersTLS && !isEncrypted && server.contains(".") {
                awaited = .startTLS
                return .send(Array("STARTTLS \(server)\r\n".utf8))
            }
            awaited = .track
            return .send(Array("TRACK \(envelopeID) \(Base64.encode(secret))\r\n".utf8))
        case .startTLS: return .startTLS
        case .track: return .found(lines)
        }
    }
}
