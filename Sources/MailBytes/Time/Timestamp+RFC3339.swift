extension Timestamp {
    /// The date-time of RFC 3339 in universal time, in whole seconds: `2026-11-23T12:00:00Z`.
    public var rfc3339: String {
        let text = iso8601
        return String(text.prefix { $0 != "." }) + "Z"
    }

    /// Reads the date-time of RFC 3339 section 5.6; `nil` when the bytes are not exactly one.
    ///
    /// - Parameter allowsFraction: whether the seconds may have a fraction, which is cut off at microseconds.
    public init?(rfc3339 bytes: Span<UInt8>, allowsFraction: Bool = false) {
        guard bytes.count >= 20, bytes.count <= 40, bytes[4] == .hyphen, bytes[7] == .hyphen,
            bytes[10].asciiUppercased == UInt8(ascii: "T"), bytes[13] == .colon, bytes[16] == .colon,
            let year = bytes.decimal(0..<4), let month = bytes.decimal(5..<7), let day = bytes.decimal(8..<10),
            let hour = bytes.decimal(11..<13), let minute = bytes.decimal(14..<16), let second = bytes.decimal(17..<19),
            let seconds = CivilDate.seconds(
                year: year,
                month: month,
                day: day,
                hour: hour,
                minute: minute,
                second: second
            )
        else { return nil }
        var index = 19
        var fraction: Int64 = 0
        if bytes[index] == .dot {
            guard allowsFraction else { return nil }
            index += 1
            var weight: Int64 = 100_000
            let start = index
            while index < bytes.count, bytes[index].isASCIIDigit {
                fraction += Int64(bytes[index] - 0x30) * weight
                weight /= 10
                index += 1
            }
            guard index > start, index < bytes.count else { return nil }
        }
        var offset: Int64 = 0
        switch bytes[index] {
        case UInt8(ascii: "Z"), UInt8(ascii: "z"):
            guard index + 1 == bytes.count else { return nil }
        case UInt8(ascii: "+"), .hyphen:
            guard index + 6 == bytes.count, bytes[index + 3] == .colon,
                let hours = bytes.decimal((index + 1)..<(index + 3)), hours < 24,
                let minutes = bytes.decimal((index + 4)..<(index + 6)), minutes < 60
            else { return nil }
            offset = Int64(hours * 3600 + minutes * 60) * (bytes[index] == .hyphen ? -1 : 1)
        default: return nil
        }
        self.init(microseconds: (seconds - offset) * 1_000_000 + fraction)
    }
}
