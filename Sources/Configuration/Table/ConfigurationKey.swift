/// A key of the configuration file, with everything that is said about it anywhere.
public struct ConfigurationKey: Sendable {
    /// Dotted: `limits.recipients`.
    public let path: String
    /// What its values look like.
    public let form: String
    /// What it decides.
    public let sentence: String
    /// The default as TOML; `nil` where the key is left out by default.
    public let defaultValue: String?
    /// A value to show where there is no default.
    public let example: String?
    /// Whether a change needs the server to start anew; otherwise SIGHUP is enough.
    public let needsRestart: Bool
    let takesList: Bool
    let takesText: Bool
    let set: @Sendable (ConfigurationValue, inout MartletConfiguration) -> ValueProblem?
    let write: @Sendable (MartletConfiguration) -> String?

    init<Value: Sendable>(
        _ path: String,
        _ member: any WritableKeyPath<MartletConfiguration, Value> & Sendable,
        _ form: ValueForm<Value>,
        _ sentence: String,
        example: String? = nil,
        needsRestart: Bool = false
    ) {
        self.path = path
        self.form = form.summary
        self.sentence = sentence
        self.example = example
        self.needsRestart = needsRestart
        self.defaultValue = form.write(MartletConfiguration()[keyPath: member])
        self.takesList = (try? form.read(.list([])).get()) != nil
        self.takesText = !form.summary.hasPrefix("a number") && !form.summary.hasPrefix("true")
        self.set = { value, configuration in
            switch form.read(value) {
            case .success(let value):
                configuration[keyPath: member] = value
                return nil
            case .failure(let problem): return problem
            }
        }
        self.write = { form.write($0[keyPath: member]) }
    }

    /// The part before the last dot; empty for a key that stands above all tables.
    var table: String {
        path.lastIndex(of: ".").map { String(path[..<$0]) } ?? ""
    }

    /// The part after the last dot.
    var name: String {
        path.lastIndex(of: ".").map { String(path[path.index(after: $0)...]) } ?? path
    }
}
