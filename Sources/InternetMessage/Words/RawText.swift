import MailBytes

/// Octets in header fields of which nobody says in which charset they are.
enum RawText {
    /// UTF-8 where they are (RFC 6532), else what most programs of old meant.
    static func decode(_ bytes: Span<UInt8>) -> String {
        bytes.isValidUTF8 ? bytes.text : Charset.decode(bytes, named: "windows-1252")
    }

    /// The text in one line, controls turned to spaces, without white space around it.
    static func oneLine(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 >= 0x80 || $0 == .space || $0.isVisible }),
            text.utf8.first != .space, text.utf8.last != .space
        {
            return text
        }
        var scalars = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            let isControl = scalar.value < 0x20 || scalar.value == 0x7F
            scalars.append(isControl ? " " : scalar)
        }
        while scalars.last == " " { scalars.removeLast() }
        while scalars.first == " " { scalars.removeFirst() }
        return String(scalars)
    }
}
