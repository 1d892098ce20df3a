import MailBytes
import MailNames

/// The form of a key's value: how it is described, read and written.
struct ValueForm<Value: Sendable>: Sendable {
    /// With its article: `a duration such as "5m"`.
    let summary: String
    let read: @Sendable (ConfigurationValue) -> Result<Value, ValueProblem>
    /// As TOML; `nil` for a value that is written by leaving the key out.
    let write: @Sendable (Value) -> String?
}

extension ValueForm where Value == Int {
    static func count(_ range: ClosedRange<Int>) -> ValueForm {
        let summary = "a number from \(range.lowerBound) to \(range.upperBound)"
        return ValueForm(
            summary: summary,
            read: { value in
                guard case .integer(let number) = value, range.contains(number) else {
                    return .failure(ValueProblem(value, isNot: summary))
                }
                return .success(number)
            },
            write: { "\($0)" }
        )
    }
}

extension ValueForm where Value == Bool {
    static let flag = ValueForm(
        summary: "true or false",
        read: { value in
            guard case .flag(let flag) = value else { return .failure(ValueProblem(value, isNot: "true or false")) }
            return .success(flag)
        },
        write: { "\($0)" }
    )
}

extension ValueForm where Value == Duration {
    static func duration(_ range: ClosedRange<Duration>) -> ValueForm {
        let bounds = "from \(DurationText.write(range.lowerBound)) to \(DurationText.write(range.upperBound))"
        let summary = "a duration such as \"90s\", \"5m\", \"4h\" or \"5d\", \(bounds)"
        return ValueForm(
            summary: summary,
            read: { value in
                guard case .text(let text) = value, let duration = DurationText.read(text) else {
                    return .failure(ValueProblem(value, isNot: summary))
                }
                guard range.contains(duration) else {
                    return .failure(ValueProblem("\(text) is out of its bounds, \(bounds)"))
                }
                return .success(duration)
            },
            write: { "\"\(DurationText.write($0))\"" }
        )
    }
}

extension ValueForm where Value == ByteCount {
    static func size(_ range: ClosedRange<ByteCount>) -> ValueForm {
        let bounds = "from \(range.lowerBound) to \(range.upperBound)"
        let summary = "a size such as \"256KiB\" or \"50MiB\", \(bounds)"
        return ValueForm(
            summary: summary,
            read: { value in
                // A bare number is one of octets, which is all that a size could be counted in.
                let read: ByteCount? =
                    switch value {
                    case .text(let text): ByteCount(text)
                    case .integer(let octets): ByteCount(bytes: octets)
                    default: nil
                    }
                guard let size = read else { return .failure(ValueProblem(value, isNot: summary)) }
                guard range.contains(size) else {
                    return .failure(ValueProblem("\(size) is out of its bounds, \(bounds)"))
                }
                return .success(size)
            },
            write: { "\"\($0)\"" }
        )
    }
}

extension ValueForm {
    /// A text that `parse` takes.
    static func text(
        _ summary: String,
        parse: @escaping @Sendable (String) -> Value?,
        write: @escaping @Sendable (Value) -> String
    ) -> ValueForm {
        ValueForm(
            summary: summary,
            read: { value in
                guard case .text(let text) = value, let parsed = parse(text) else {
                    return .failure(ValueProblem(value, isNot: summary))
                }
                return .success(parsed)
            },
            write: { TOMLText.quoted(write($0)) }
        )
    }

    /// A text in the type's own notation.
    static func text(_ summary: String) -> ValueForm where Value: LosslessStringConvertible {
        .text(summary, parse: { Value($0) }, write: { $0.description })
    }

    /// A list of such values.
    static func list<Element: Sendable>(of form: ValueForm<Element>) -> ValueForm where Value == [Element] {
        let summary = "a list of which each is \(form.summary)"
        return ValueForm(
            summary: summary,
            read: { value in
                guard case .list(let elements) = value else { return .failure(ValueProblem(value, isNot: summary)) }
                var read: [Element] = []
                for element in elements {
                    switch form.read(element) {
                    case .success(let element): read.append(element)
                    case .failure(let problem): return .failure(problem)
                    }
                }
                return .success(read)
            },
            write: { elements in "[" + elements.compactMap(form.write).joined(separator: ", ") + "]" }
        )
    }

    /// A value that may be missing.
    static func optional<Wrapped: Sendable>(_ form: ValueForm<Wrapped>) -> ValueForm where Value == Wrapped? {
        ValueForm(
            summary: form.summary,
            read: { form.read($0).map { $0 } },
            write: { $0.flatMap(form.write) }
        )
    }

    /// One of the cases of an enumeration.
    static func choice() -> ValueForm where Value: RawRepresentable & CaseIterable, Value.RawValue == String {
        let names = Value.allCases.map { "\"\($0.rawValue)\"" }
        let summary = names.dropLast().joined(separator: ", ") + " or " + (names.last ?? "")
        return .text(summary, parse: { Value(rawValue: $0) }, write: { $0.rawValue })
    }
}

extension ValueForm where Value == String {
    static let path = ValueForm.text(
        "a path",
        parse: { $0.isEmpty || $0.utf8.contains(0) ? nil : $0 },
        write: { $0 }
    )
    static let pathOrNone = ValueForm.text(
        "a path, or \"\" for none",
        parse: { $0.utf8.contains(0) ? nil : $0 },
        write: { $0 }
    )
    static let word = ValueForm.text(
        "a text",
        parse: { $0.isEmpty || $0.utf8.contains { $0 < 0x20 || $0 == 0x7F } ? nil : $0 },
        write: { $0 }
    )
}

extension ValueForm where Value == Domain {
    static let domain = ValueForm.text(
        "a host name",
        parse: { try? Domain(parsing: $0) },
        write: { $0.ascii }
    )
}

extension ValueForm where Value == EmailAddress {
    static let address = ValueForm.text(
        "an address such as \"postmaster@example.org\"",
        parse: { try? EmailAddress(parsing: $0) },
        write: { $0.description }
    )
}

extension ValueForm where Value == IPNetwork {
    static let network = ValueForm.text("a network such as \"192.0.2.0/24\" or \"2001:db8::/32\"")
}

extension ValueForm where Value == ListenAddress {
    static let listenAddress = ValueForm.text("an address and port such as \"192.0.2.1:25\" or \"[::]:25\"")
}

extension ValueForm where Value == ResolverAddress {
    static let resolver = ValueForm.text("an address such as \"127.0.0.1\" or \"127.0.0.1:5353\"")
}

extension ValueForm where Value == SmartHostAddress {
    static let smartHost = ValueForm.text(
        "a host and port such as \"smtp.example.net:587\", \"lmtp:192.0.2.1:24\" or \"lmtp:/run/dovecot/lmtp\""
    )
}
