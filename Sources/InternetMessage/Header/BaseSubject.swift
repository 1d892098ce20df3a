import MailBytes

/// A subject without what replying and forwarding put around it: RFC 5256 section 2.1. Messages of one conversation share it.
public enum BaseSubject {
    /// The base of a subject whose encoded words have been decoded, and whether something of a reply or forward was taken away.
    public static func of(_ subject: String) -> (text: String, isReply: Bool) {
        var rest = collapsed(subject)[...]
        var isReply = false
        while true {
            // (2) of the algorithm: trailers.
            while true {
                if rest.last == " " {
                    rest.removeLast()
                } else if rest.lowercased().hasSuffix("(fwd)") {
                    rest.removeLast(5)
                    isReply = true
                } else {
                    break
                }
            }
            // (3) to (5): leaders and blobs, as long as there are any.
            while true {
                if let shorter = leader(rest) {
                    rest = shorter
                    isReply = true
                } else if let shorter = blob(rest), !shorter.isEmpty {
                    rest = shorter
                } else {
                    break
                }
            }
            // (6): the wrapping of a forward.
            guard rest.lowercased().hasPrefix("[fwd:"), rest.last == "]" else { break }
            rest = rest.dropFirst(5).dropLast()
            isReply = true
        }
        return (String(rest), isReply)
    }

    private static func collapsed(_ text: String) -> String {
        var result = ""
        for character in text {
            if character.isWhitespace {
                if result.last != " " { result.append(" ") }
            } else {
                result.append(character)
            }
        }
        return result
    }

    /// What follows `*subj-blob`s and a `re:`, `fw:` or `fwd:`, or a space.
    private static func leader(_ text: Substring) -> Substring? {
        if text.first == " " { return text.dropFirst() }
        var rest = text
        while let shorter = blob(rest) { rest = shorter }
        let lowered = rest.prefix(3).lowercased()
        if lowered == "fwd" {
            rest = rest.dropFirst(3)
        } else if lowered.hasPrefix("re") || lowered.hasPrefix("fw") {
            rest = rest.dropFirst(2)
        } else {
            return nil
        }
        while rest.first == " " { rest = rest.dropFirst() }
        if let shorter = blob(rest) { rest = shorter }
        return rest.first == ":" ? rest.dropFirst() : nil
    }

    /// What follows a `[blob]` and the white space behind it.
    private static func blob(_ text: Substring) -> Substring? {
        guard text.first == "[", let end = text.firstIndex(of: "]"), !text[..<end].dropFirst().contains("[") else {
            return nil
        }
        return text[text.index(after: end)...].drop { $0 == " " }
    }
}
