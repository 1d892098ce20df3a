/// One reply: a status, a code where there is one, a text, and lines where the reply has several. RFC 1939 section 3.
public struct POPReply: Equatable, Sendable {
    /// `+OK` rather than `-ERR`.
    public let isPositive: Bool
    /// In brackets before the text.
    public let code: POPResponseCode?
    /// ASCII without CR, LF or a first `[`; at most 512 octets with the rest of the line (RFC 2449 section 4).
    public let text: String
    /// The lines of a multi-line reply, not yet byte-stuffed; `nil` where the reply is one line.
    public let lines: [String]?

    init(isPositive: Bool, code: POPResponseCode? = nil, text: String, lines: [String]? = nil) {
        self.isPositive = isPositive
        self.code = code
        self.text = text
        self.lines = lines
    }

    static func ok(_ text: String, lines: [String]? = nil) -> POPReply {
        POPReply(isPositive: true, text: text, lines: lines)
    }

    static func error(_ text: String, code: POPResponseCode? = nil) -> POPReply {
        POPReply(isPositive: false, code: code, text: text)
    }

    /// The octets on the wire, the final CR LF and the termination octet included.
    public var encoded: [UInt8] {
        var octets: [UInt8] = []
        self.encode(into: &octets)
        return octets
    }

    /// Appends the octets on the wire.
    public func encode(into octets: inout [UInt8]) {
        octets.append(contentsOf: (self.isPositive ? "+OK" : "-ERR").utf8)
        if let code = self.code {
            octets.append(contentsOf: " [".utf8)
            octets.append(contentsOf: code.rawValue.utf8)
            octets.append(UInt8(ascii: "]"))
        }
        if !self.text.isEmpty {
            octets.append(UInt8(ascii: " "))
            octets.append(contentsOf: self.text.utf8)
        }
        octets.append(contentsOf: "\r\n".utf8)
        guard let lines = self.lines else { return }
        for line in lines {
            if line.utf8.first == UInt8(ascii: ".") { octets.append(UInt8(ascii: ".")) }
            octets.append(contentsOf: line.utf8)
            octets.append(contentsOf: "\r\n".utf8)
        }
        octets.append(contentsOf: ".\r\n".utf8)
    }
}
