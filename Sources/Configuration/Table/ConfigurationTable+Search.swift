extension ConfigurationTable {
    private static let keysByPath: [String: ConfigurationKey] =
        Dictionary(keys.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })

    /// The key of a path.
    public static func key(_ path: String) -> ConfigurationKey? {
        keysByPath[path]
    }

    /// The keys that a wrong path most likely means, joined by "or"; `nil` when none is near.
    static func nearest(to path: String) -> String? {
        guard path.utf8.count <= 100 else { return nil }
        let near = keys.map { (path: $0.path, distance: distance(Array($0.path.utf8), Array(path.utf8))) }
        // The name alone in the wrong table is as good as a slip of the pen.
        let name = path.split(separator: ".").last.map(String.init)
        let sameName = keys.filter { $0.name == name }.map(\.path)
        if !sameName.isEmpty { return sameName.joined(separator: " or ") }
        return near.min { $0.distance < $1.distance }.flatMap { $0.distance <= 3 ? $0.path : nil }
    }

    /// Levenshtein's distance.
    private static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        var row = Array(0...right.count)
        for (index, byte) in left.enumerated() {
            var diagonal = row[0]
            row[0] = index + 1
            for column in 0..<right.count {
                let replaced = diagonal + (right[column] == byte ? 0 : 1)
                diagonal = row[column + 1]
                row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
            }
        }
        return row[right.count]
    }
}
