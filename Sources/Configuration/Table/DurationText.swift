import MailBytes

/// Durations as people write them: `90s`, `1h30m`, `5d`, `250ms`.
enum DurationText {
    private static let units: [(name: String, microseconds: Int64)] = [
        ("d", 86_400_000_000), ("h", 3_600_000_000), ("m", 60_000_000), ("s", 1_000_000), ("ms", 1000),
    ]

    /// Numbers with units, the larger unit first; `nil` for anything else, also for a number without a unit.
    static func read(_ text: String) -> Duration? {
        var rest = Substring(text)
        var total: Int64 = 0
        var smallest = Int64.max
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && $0.isNumber }
            rest = rest.dropFirst(digits.count)
            let name = rest.prefix { $0.isLetter }
            rest = rest.dropFirst(name.count)
            guard let count = Int64(digits), let unit = units.first(where: { $0.name == name })?.microseconds,
                unit < smallest
            else { return nil }
            smallest = unit
            let (part, tooLarge) = count.multipliedReportingOverflow(by: unit)
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !tooLarge, !overflow else { return nil }
            total = sum
        }
        return smallest == .max ? nil : .microseconds(total)
    }

    /// The shortest such text; what is below a millisecond is cut.
    static func write(_ duration: Duration) -> String {
        var rest = duration.wholeMicroseconds
        var text = ""
        for (name, unit) in units where rest >= unit {
            text += "\(rest / unit)\(name)"
            rest %= unit
        }
        return text.isEmpty ? "0s" : text
    }
}

/// Texts as TOML writes them.
enum TOMLText {
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": quoted += "\\\(scalar)"
            case _ where scalar.value < 0x20 || scalar.value == 0x7F:
                let hex = String(scalar.value, radix: 16, uppercase: true)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }
}
