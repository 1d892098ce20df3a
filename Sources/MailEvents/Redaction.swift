/// What may reach a log or a trace of what a peer or a user said.
public enum Redaction {
    /// The longest part of a peer's text that is kept.
    public static let textLimit = 512

    /// A peer's text without control characters, cut to `textLimit` characters, so that nobody writes lines of their own
    /// into a log.
    public static func peerText(_ text: String) -> String {
        var kept = String.UnicodeScalarView()
        for scalar in text.unicodeScalars.prefix(textLimit) { kept.append(isHidden(scalar) ? "?" : scalar) }
        return String(kept)
    }

    /// A line with `?` for what would move the cursor of a terminal, begin a line or turn the direction of writing.
    public static func printable(_ line: some StringProtocol) -> String {
        // Printable ASCII is nearly all that is seen.
        if line.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) { return String(line) }
        var kept = String.UnicodeScalarView()
        for scalar in line.unicodeScalars { kept.append(isHidden(scalar) ? "?" : scalar) }
        return String(kept)
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator: true
        default: false
        }
    }
}
