/// A number of octets.
public struct ByteCount: Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
    public var bytes: Int

    /// A number of octets.
    public init(bytes: Int) {
        self.bytes = bytes
    }

    public static let zero = ByteCount(bytes: 0)

    public static func kibibytes(_ count: Int) -> ByteCount { ByteCount(bytes: count << 10) }
    public static func mebibytes(_ count: Int) -> ByteCount { ByteCount(bytes: count << 20) }
    public static func gibibytes(_ count: Int) -> ByteCount { ByteCount(bytes: count << 30) }

    public static func < (left: ByteCount, right: ByteCount) -> Bool { left.bytes < right.bytes }

    /// The count in the largest unit that divides it: `256KiB`, `1500B`.
    public var description: String {
        for (name, shift) in [("GiB", 30), ("MiB", 20), ("KiB", 10)]
        where bytes != 0 && bytes & ((1 << shift) - 1) == 0 {
            return "\(bytes >> shift)\(name)"
        }
        return "\(bytes)B"
    }

    /// Reads `256KiB`, `50MB`, `1GiB`, `1000` or `1000B`; decimal units count by thousands. `nil` for anything else.
    public init?(_ text: String) {
        let digits = text.prefix { $0.isASCII && $0.isNumber }
        guard let count = Int(digits) else { return nil }
        let unit: Int
        switch text.dropFirst(digits.count).trimmingPrefix(while: { $0 == " " }).lowercased() {
        case "", "b": unit = 1
        case "kib": unit = 1 << 10
        case "mib": unit = 1 << 20
        case "gib": unit = 1 << 30
        case "tib": unit = 1 << 40
        case "kb", "k": unit = 1000
        case "mb", "m": unit = 1_000_000
        case "gb", "g": unit = 1_000_000_000
        default: return nil
        }
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        self.init(bytes: product)
    }
}
