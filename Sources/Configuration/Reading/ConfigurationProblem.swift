/// One thing that is wrong with a configuration, and where.
public struct ConfigurationProblem: Sendable, Hashable, CustomStringConvertible {
    /// The file, or `--set`.
    public var place: String
    /// Counted from 1; `nil` when the problem is in no line.
    public var line: Int?
    /// Dotted; `nil` when the problem is with no key.
    public var key: String?
    /// What is wrong and what to do.
    public var reason: String

    /// `martlet.toml:12: limits.recipients: the number 0 is not a number from 1 to 100000`.
    public var description: String {
        place + (line.map { ":\($0)" } ?? "") + ": " + (key.map { "\($0): " } ?? "") + reason
    }
}

/// A configuration that cannot be used, with everything that is wrong with it.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// In the order of their lines; never empty.
    public let problems: [ConfigurationProblem]

    /// One line a problem.
    public var description: String {
        problems.map(\.description).joined(separator: "\n")
    }
}

extension ConfigurationError {
    /// What is wrong with one key shows only when it is put to use.
    public init(_ key: String, _ reason: String) {
        self.init(problems: [ConfigurationProblem(place: "configuration", key: key, reason: reason)])
    }
}
