import MailBytes

/// What was said in a session, with times: for the trace and for reports of failure. Content is not in it.
public struct SMTPDialogue: Sendable, Equatable {
    /// Lines that are kept; what comes after is counted.
    private static let limit = 60

    private var lines: [String] = []
    private var left = 0

    public init() {}

    /// We said something, that long after the beginning.
    public mutating func said(_ bytes: [UInt8], at elapsed: Duration) {
        for line in String(decoding: bytes, as: UTF8.self).split(separator: "\r\n") { add("C: \(line)", elapsed) }
    }

    /// We said something that must not be shown. Of the command that begins a log-in, the mechanism is.
    public mutating func saidSecret(_ bytes: [UInt8], at elapsed: Duration) {
        let words = bytes.split(separator: UInt8.space, maxSplits: 2)
        guard words.count == 3, words[0].elementsEqual("AUTH".utf8) else { return add("C: (credentials)", elapsed) }
        add("C: AUTH \(String(decoding: words[1], as: UTF8.self)) (credentials)", elapsed)
    }

    /// Something happened: the content went out, TLS stands.
    public mutating func noted(_ text: String, at elapsed: Duration) { add("-- \(text)", elapsed) }

    /// The server said a line.
    public mutating func heard(_ line: String, at elapsed: Duration) { add("S: \(line)", elapsed) }

    private mutating func add(_ text: String, _ elapsed: Duration) {
        guard lines.count < Self.limit else {
            left += 1
            return
        }
        let milliseconds = elapsed.wholeMicroseconds / 1000
        lines.append("+\(milliseconds)ms \(text.prefix(600))")
    }

    /// All lines, one below the other.
    public var text: String {
        (left > 0 ? lines + ["(\(left) more lines)"] : lines).joined(separator: "\n")
    }
}
