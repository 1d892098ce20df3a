/// What a person would see of a text.
public enum VisibleText {
    /// The text in one line of so many characters at most: white space made one, characters that nobody sees left out.
    static func shortened(_ text: String, to limit: Int) -> String {
        var shown = ""
        var count = 0
        var owesSpace = false
        for character in text {
            if character.isWhitespace || character == "\u{FEFF}" || character == "\0" {
                owesSpace = count > 0
                continue
            }
            guard let scalar = character.unicodeScalars.first, !isInvisible(scalar) else { continue }
            if owesSpace {
                guard count + 2 <= limit else { break }
                shown.append(" ")
                count += 1
                owesSpace = false
            }
            guard count < limit else { break }
            // A character may be any number of marks on each other.
            shown.unicodeScalars.append(contentsOf: character.unicodeScalars.prefix(8))
            count += 1
        }
        return shown
    }

    /// Controls, and the fillers with which newsletters push text out of sight.
    private static func isInvisible(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator: true
        default: scalar.value == 0x034F || scalar.value == 0x115F || scalar.value == 0x3164
        }
    }

    /// The text of an HTML page or of the beginning of one: no tags, comments, styles, scripts and head; references to
    /// characters resolved.
    public static func ofHTML(_ page: String) -> String {
        var reader = HTMLReader(Array(page.utf8))
        return reader.read()
    }
}
