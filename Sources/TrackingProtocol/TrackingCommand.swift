import MailBytes

/// One command of a client: RFC 3887 sections 4 to 7.
enum TrackingCommand: Equatable {
    /// What is known of the message, for who has the secret that its sender kept.
    case track(envelopeID: String, secret: [UInt8])
    case comment
    /// The name that the client believes it speaks with.
    case startTLS(domain: String)
    case quit

    /// Octets of a line without its CR LF: section 2.2.
    static let lineLimit = 998

    /// Reads a line without its CR LF; `nil` for what is no command.
    init?(_ line: Span<UInt8>) {
        guard line.count <= Self.lineLimit else { return nil }
        for index in 0..<line.count where !line[index].isVisible && !line[index].isWhitespace { return nil }
        let words = line.text.split { $0 == " " || $0 == "\t" }
        switch (words.first?.uppercased(), words.count) {
        case ("TRACK", 3):
            let encoded = Array(words[2].utf8)
            guard let secret = Base64.decode(encoded.span), !secret.isEmpty else { return nil }
            var id = String(words[1])
            // The examples of section 4.1 have it in brackets, which are not part of it.
            if id.hasPrefix("<") && id.hasSuffix(">") { id = String(id.dropFirst().dropLast()) }
            guard !id.isEmpty else { return nil }
            self = .track(envelopeID: id, secret: secret)
        case ("COMMENT", _): self = .comment
        case ("STARTTLS", 2) where words[1].contains("."): self = .startTLS(domain: String(words[1]))
        case ("QUIT", 1): self = .quit
        default: return nil
        }
    }
}
