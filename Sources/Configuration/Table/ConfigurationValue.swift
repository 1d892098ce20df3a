import MailBytes

/// A value as the file has it, before it is known whether it fits its key.
public enum ConfigurationValue: Sendable, Hashable {
    case text(String)
    case integer(Int)
    case float(Double)
    case flag(Bool)
    case list([ConfigurationValue])
    /// A kind of value that no key takes, by its name: a date, a table in a list.
    case other(String)

    /// What it is, in a sentence about a value that does not fit.
    var kind: String {
        switch self {
        case .text(let text): "the text \"\(text.prefix(60))\""
        case .integer(let number): "the number \(number)"
        case .float(let number): "the number \(number)"
        case .flag(let flag): "\(flag)"
        case .list: "a list"
        case .other(let name): "a \(name)"
        }
    }
}

/// Why a value does not fit its key.
struct ValueProblem: Error, Hashable {
    /// Goes on after the key: `"6x" is no duration`.
    var reason: String

    init(_ reason: String) {
        self.reason = reason
    }

    /// A value of another form.
    init(_ value: ConfigurationValue, isNot wanted: String) {
        self.reason = "\(value.kind) is not \(wanted)"
    }
}
