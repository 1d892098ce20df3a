extension Timestamp {
    private static let weekdays: [7 of StaticString] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months: [12 of StaticString] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The date-time of RFC 5322 section 3.3 in universal time: `Mon, 23 Nov 2026 12:00:00 +0000`.
    public var internetDate: String {
        String(decoding: internetDateBytes, as: UTF8.self)
    }

    /// `internetDate` as bytes, for header fields.
    public var internetDateBytes: [UInt8] {
        let date = CivilDate(self)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(31)
        bytes.append(Self.weekdays[date.weekday])
        bytes.append(", ")
        bytes.append(decimal: date.day, width: 1)
        bytes.append(.space)
        bytes.append(Self.months[date.month - 1])
        bytes.append(.space)
        bytes.append(decimal: date.year, width: 4)
        bytes.append(.space)
        bytes.append(decimal: date.hour, width: 2)
        bytes.append(.colon)
        bytes.append(decimal: date.minute, width: 2)
        bytes.append(.colon)
        bytes.append(decimal: date.second, width: 2)
        bytes.append(" +0000")
        return bytes
    }

    /// The form of RFC 3339 with milliseconds: `2026-11-23T12:00:00.000Z`.
    public var iso8601: String {
        let date = CivilDate(self)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(24)
        bytes.append(decimal: date.year, width: 4)
        bytes.append(.hyphen)
        bytes.append(decimal: date.month, width: 2)
        bytes.append(.hyphen)
        bytes.append(decimal: date.day, width: 2)
        bytes.append("T")
        bytes.append(decimal: date.hour, width: 2)
        bytes.append(.colon)
        bytes.append(decimal: date.minute, width: 2)
        bytes.append(.colon)
        bytes.append(decimal: date.second, width: 2)
        bytes.append(.dot)
        bytes.append(decimal: Int((microseconds - seconds * 1_000_000) / 1000), width: 3)
        bytes.append("Z")
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Reads a date-time of RFC 5322 section 3.3, the obsolete forms of section 4.3 (two-digit years, zone names,
    /// comments) and the omissions that mail has: no day of the week, no seconds, no zone (then universal time).
    public init?(internetDate bytes: Span<UInt8>) {
        var words = DateWords(bytes)
        guard var word = words.next() else { return nil }
        if word.isAlphabetic {
            guard let next = words.next() else { return nil }
            word = next
        }
        guard
            let day = word.number, let month = words.next()?.month, let yearWord = words.next(),
            var year = yearWord.number,
            let hour = words.next()?.number, let minute = words.next()?.number
        else { return nil }
        // RFC 5322 section 4.3: two digits below 50 are of this century, other two or three digits add 1900.
        if yearWord.count == 2 && year < 50 {
            year += 2000
        } else if yearWord.count <= 3 {
            year += 1900
        }
        var second = 0
        var zone = words.next()
        if words.colonPreceded, let found = zone?.number {
            second = found
            zone = words.next()
        }
        guard
            let seconds = CivilDate.seconds(
                year: year,
                month: month,
                day: day,
                hour: hour,
                minute: minute,
                second: second
            )
        else { return nil }
        let offset = zone?.zoneMinutes ?? 0
        self.init(seconds: seconds - Int64(offset) * 60)
    }
}

/// The words of a date: runs of letters or digits; comments and punctuation part them.
private struct DateWords {
    struct Word {
        var letters: [UInt8] = []
        var sign: UInt8 = 0
        var count: Int { letters.count }

        var isAlphabetic: Bool { letters.first?.isASCIIAlpha ?? false }

        var number: Int? {
            guard !letters.isEmpty, letters.count <= 4 else { return nil }
            var value = 0
            for letter in letters {
                guard letter.isASCIIDigit else { return nil }
                value = value * 10 + Int(letter - 0x30)
            }
            return value
        }

        var month: Int? {
            guard letters.count >= 3 else { return nil }
            let names: [12 of StaticString] = [
                "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
            ]
            for index in 0..<12 where equals(names[index], prefix: 3) { return index + 1 }
            return nil
        }

        func equals(_ name: StaticString, prefix: Int? = nil) -> Bool {
            let wanted = [UInt8](name)
            let found = letters.prefix(prefix ?? letters.count).map(\.asciiLowercased)
            return found == wanted
        }

        /// Minutes east of universal time.
        var zoneMinutes: Int? {
            if sign != 0, let value = number, letters.count == 4 {
                let minutes = value / 100 * 60 + value % 100
                return sign == .hyphen ? -minutes : minutes
            }
            let names: [8 of (StaticString, Int)] = [
                ("est", -300), ("edt", -240), ("cst", -360), ("cdt", -300), ("mst", -420), ("mdt", -360),
                ("pst", -480), ("pdt", -420),
            ]
            for index in 0..<8 where equals(names[index].0) { return names[index].1 }
            return 0
        }
    }

    private let bytes: [UInt8]
    private var index = 0
    private(set) var colonPreceded = false

    init(_ span: Span<UInt8>) {
        // A date is short; what follows 128 octets is no part of one.
        var copy: [UInt8] = []
        for position in 0..<min(span.count, 128) { copy.append(span[position]) }
        self.bytes = copy
    }

    mutating func next() -> Word? {
        var depth = 0
        var word = Word()
        colonPreceded = false
        while index < bytes.count {
            let byte = bytes[index]
            if byte == UInt8(ascii: "(") {
                depth += 1
            } else if byte == UInt8(ascii: ")") {
                depth = max(0, depth - 1)
            } else if depth == 0 && byte.isASCIIAlphanumeric {
                let digits = byte.isASCIIDigit
                while index < bytes.count, digits ? bytes[index].isASCIIDigit : bytes[index].isASCIIAlpha {
                    word.letters.append(bytes[index])
                    index += 1
                }
                return word
            } else if depth == 0 && (byte == .hyphen || byte == UInt8(ascii: "+")) {
                word.sign = byte
            } else if depth == 0 && byte == .colon {
                colonPreceded = true
            }
            index += 1
        }
        return nil
    }
}
