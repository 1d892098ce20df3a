/// What may reach a log or a trace of what a peer or a user said.
public enum Redaction {
    /// The longest part of a peer's text that is kept.
    public static let textLimit = 512

    /// A peer's text without control characters, cut to `textLimit`, so that nobody writes lines of their own into a log.
    public static func peerText(_ text: String) -> String {
        var kept = ""
        for scalar in text.unicodeScalars.prefix(textLimit) {
            let hidden = scalar.properties.generalCategory == .control || scalar.properties.generalCategory == .format
            kept.unicodeScalars.append(hidden ? "?" : scalar)
        }
        return kept
    }
}
