import MailBytes

/// Bcc fields, which those who are named in others must not read: RFC 5322 section 3.6.3, RFC 6409 section 8.
public enum BlindCopies {
    /// Where Bcc and Resent-Bcc stand in a message's header, with their continuations and line ends, and whether its end was seen.
    ///
    /// Everything before the empty line counts as header here, also what stands behind a line that is no field: another host may
    /// read on there.
    public static func find(in message: Span<UInt8>) -> (places: [Range<Int>], isWhole: Bool) {
        var places: [Range<Int>] = []
        var start = 0
        var isBlind = false
        while start < message.count {
            guard let feed = message.firstIndex(of: .lineFeed, from: start) else {
                if isBlind && message[start].isWhitespace || isField(message, at: start) {
                    extend(&places, start..<message.count)
                }
                return (places, false)
            }
            let isEmpty = feed == start || (feed == start + 1 && message[start] == .carriageReturn)
            if isEmpty { return (places, true) }
            isBlind = message[start].isWhitespace ? isBlind : isField(message, at: start)
            if isBlind { extend(&places, start..<(feed + 1)) }
            start = feed + 1
        }
        return (places, false)
    }

    private static func isField(_ message: Span<UInt8>, at start: Int) -> Bool {
        var index = start
        while index < message.count, message[index].isVisible, message[index] != .colon { index += 1 }
        let name = message.extracting(start..<index)
        guard name.equals("Bcc") || name.equals("Resent-Bcc") else { return false }
        while index < message.count, message[index].isWhitespace { index += 1 }
        return index < message.count && message[index] == .colon
    }

    private static func extend(_ places: inout [Range<Int>], _ range: Range<Int>) {
        if let last = places.last, last.upperBound == range.lowerBound {
            places[places.count - 1] = last.lowerBound..<range.upperBound
        } else {
            places.append(range)
        }
    }
}
