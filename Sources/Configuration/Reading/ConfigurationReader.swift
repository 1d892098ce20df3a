import Foundation
import MailBytes
import TOMLKit

/// Reads configurations, and says everything that is wrong with one.
public enum ConfigurationReader {
    /// A longer file is no configuration.
    private static let sizeLimit = 1 << 20

    /// Reads a file, then what `--set` says.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - assignments: each `KEY=VALUE`; they come before what the file says.
    ///   - base: what holds for keys that neither names.
    public static func read(
        file path: String,
        assignments: [String] = [],
        over base: MartletConfiguration = MartletConfiguration()
    ) throws(ConfigurationError) -> MartletConfiguration {
        let data: Data
        do {
            data = try Data(contentsOf: URL(fileURLWithPath: path))
        } catch {
            let reason = (error as NSError).localizedDescription
            throw ConfigurationError(problems: [
                ConfigurationProblem(place: path, reason: "it cannot be read: \(reason)")
            ])
        }
        guard data.count <= sizeLimit else {
            throw ConfigurationError(problems: [ConfigurationProblem(place: path, reason: "it is longer than 1 MiB")])
        }
        return try read(text: String(decoding: data, as: UTF8.self), from: path, assignments: assignments, over: base)
    }

    /// Reads a text.
    public static func read(
        text: String,
        from place: String,
        assignments: [String] = [],
        over base: MartletConfiguration = MartletConfiguration()
    ) throws(ConfigurationError) -> MartletConfiguration {
        var configuration = base
        var problems: [ConfigurationProblem] = []
        let locator = KeyLocator(text)
        do {
            let table = try TOMLTable(string: text)
            collect(table, [], place, locator, into: &configuration, &problems)
        } catch let error as TOMLParseError {
            problems.append(
                ConfigurationProblem(place: place, line: error.source.begin.line, reason: error.description)
            )
        } catch {
            problems.append(ConfigurationProblem(place: place, reason: "\(error)"))
        }
        problems.sort { ($0.line ?? 0) < ($1.line ?? 0) }
        for assignment in assignments {
            if let problem = assign(assignment, to: &configuration) { problems.append(problem) }
        }
        if problems.isEmpty { problems = contradictions(in: configuration, place, locator) }
        guard problems.isEmpty else { throw ConfigurationError(problems: problems) }
        return configuration
    }

    /// Sets what `--set` says, over a configuration that was not read from a file.
    public static func apply(
        _ assignments: [String],
        to base: MartletConfiguration
    ) throws(ConfigurationError) -> MartletConfiguration {
        try read(text: "", from: "--set", assignments: assignments, over: base)
    }

    // MARK: Tables

    private static func collect(
        _ table: TOMLTable,
        _ path: [String],
        _ place: String,
        _ locator: KeyLocator,
        into configuration: inout MartletConfiguration,
        _ problems: inout [ConfigurationProblem]
    ) {
        for name in table.keys {
            let path = path + [name]
            let key = path.joined(separator: ".")
            let report = { (reason: String) in
                ConfigurationProblem(place: place, line: locator.line(of: key), key: key, reason: reason)
            }
            guard let value = table[name] else { continue }
            if let list = ConfigurationTable.listTables.first(where: { $0.name == key }) {
                collect(value, list, place, locator, into: &configuration, &problems)
                continue
            }
            let isTable = ConfigurationTable.tables.contains { $0.name == key }
            if let inner = value.table {
                if isTable {
                    collect(inner, path, place, locator, into: &configuration, &problems)
                } else {
                    let known = ConfigurationTable.key(key)
                    problems.append(report(known.map { "a table is not \($0.form)" } ?? unknown(key)))
                }
            } else if isTable {
                problems.append(report("it is a table, to be written as [\(key)]"))
            } else if let known = ConfigurationTable.key(key) {
                if let problem = known.set(ConfigurationValue(value), &configuration) {
                    problems.append(report(problem.reason))
                }
            } else {
                problems.append(report(unknown(key)))
            }
        }
    }

    /// Reads a table that stands several times.
    private static func collect(
        _ value: any TOMLValueConvertible,
        _ list: ConfigurationListTable,
        _ place: String,
        _ locator: KeyLocator,
        into configuration: inout MartletConfiguration,
        _ problems: inout [ConfigurationProblem]
    ) {
        let report = { (key: String, reason: String) in
            ConfigurationProblem(place: place, line: locator.line(of: key), key: key, reason: reason)
        }
        guard let tables = value.array else {
            problems.append(report(list.name, "it may stand several times, to be written as [[\(list.name)]]"))
            return
        }
        for (index, element) in tables.enumerated() {
            let path = "\(list.name)[\(index + 1)]"
            guard let table = element.table else {
                problems.append(report(path, "it is a table, to be written as [[\(list.name)]]"))
                continue
            }
            let before = problems.count
            for name in table.keys {
                guard let value = table[name] else { continue }
                guard let key = list.key(name) else {
                    let known = list.keys.map(\.name).joined(separator: ", ")
                    problems.append(report("\(path).\(name)", "there is no such key in it; there are \(known)"))
                    continue
                }
                if let problem = key.set(ConfigurationValue(value), &configuration) {
                    problems.append(report("\(path).\(name)", problem.reason))
                }
            }
            if let problem = list.finish(&configuration), problems.count == before {
                problems.append(report(path, problem.reason))
            }
        }
    }

    private static func unknown(_ key: String) -> String {
        "there is no such key" + (ConfigurationTable.nearest(to: key).map { "; did you mean \($0)?" } ?? "")
    }

    // MARK: Assignments

    /// Sets one key by `KEY=VALUE`. The value is TOML; what is none is a text, and commas part a list.
    private static func assign(
        _ assignment: String,
        to configuration: inout MartletConfiguration
    ) -> ConfigurationProblem? {
        let place = "--set"
        guard let equals = assignment.firstIndex(of: "=") else {
            return ConfigurationProblem(place: place, reason: "\(assignment) is not of the form KEY=VALUE")
        }
        let path = assignment[..<equals].filter { $0 != " " }
        let text = String(assignment[assignment.index(after: equals)...])
        guard let key = ConfigurationTable.key(String(path)) else {
            return ConfigurationProblem(place: place, key: String(path), reason: unknown(String(path)))
        }
        let problem = key.set(value(text, for: key), &configuration)
        return problem.map { ConfigurationProblem(place: place, key: key.path, reason: $0.reason) }
    }

    private static func value(_ text: String, for key: ConfigurationKey) -> ConfigurationValue {
        // A text over several lines could set other keys than the one it stands behind.
        let table = text.contains(where: \.isNewline) ? nil : try? TOMLTable(string: "value = \(text)")
        let parsed = table?["value"].map { ConfigurationValue($0) }
        switch parsed {
        case .list(let elements)?: return .list(elements)
        case .text(let text)? where key.takesList: return .list([.text(text)])
        case .text(let text)?: return .text(text)
        case let value? where !key.takesText: return value
        default: break
        }
        guard key.takesList else { return .text(text) }
        let parts = text.split(separator: ",").map { $0.filter { $0 != " " } }
        return .list(parts.map { .text(String($0)) })
    }

    // MARK: What does not fit together

    private static func contradictions(
        in configuration: MartletConfiguration,
        _ place: String,
        _ locator: KeyLocator
    ) -> [ConfigurationProblem] {
        var problems: [ConfigurationProblem] = []
        func require(_ condition: Bool, _ key: String, _ reason: String) {
            if condition { return }
            problems.append(ConfigurationProblem(place: place, line: locator.line(of: key), key: key, reason: reason))
        }
        let (tls, outbound, queue) = (configuration.tls, configuration.outbound, configuration.queue)
        require(tls.certificate == nil || tls.key != nil, "tls.certificate", "tls.key has to name its private key")
        require(tls.key == nil || tls.certificate != nil, "tls.key", "tls.certificate has to name its certificate")
        require(
            outbound.mode != .smartHost || outbound.smartHost != nil,
            "outbound.mode",
            "outbound.smart-host has to name the host"
        )
        require(
            outbound.username == nil || outbound.passwordFile != nil,
            "outbound.username",
            "outbound.password-file has to name the file with the password"
        )
        require(
            outbound.passwordFile == nil || outbound.username != nil,
            "outbound.password-file",
            "outbound.username has to say who logs in"
        )
        let returnPath = configuration.returnPath
        require(
            returnPath.perRecipient.isEmpty || configuration.directory.separator == "+",
            "return-path.per-recipient",
            "directory.separator has to be \"+\", or reports would come to nobody"
        )
        let pools = Set(configuration.egressPools.map(\.name))
        for (index, destination) in configuration.destinations.enumerated() {
            require(
                destination.egress == nil || pools.contains(destination.egress),
                "destination[\(index + 1)].egress",
                "there is no [[egress]] table with this name"
            )
        }
        require(
            queue.delayWarning < queue.lifetime || queue.delayWarning == .zero,
            "queue.delay-warning",
            "it has to be shorter than queue.lifetime"
        )
        let ldap = configuration.ldap
        require(ldap.url == nil || ldap.base != nil, "ldap.url", "ldap.base has to say where entries are looked for")
        require(
            configuration.relay.certificates.isEmpty || tls.clientAuthorities != nil,
            "relay.certificates",
            "tls.client-authorities has to name who issued them"
        )
        require(ldap.isSafe, "ldap.start-tls", "passwords would cross the network in clear")
        require(
            (ldap.bindName == nil) == (ldap.passwordFile == nil),
            ldap.bindName == nil ? "ldap.password-file" : "ldap.bind-name",
            "ldap.bind-name and ldap.password-file belong together"
        )
        return problems
    }
}

extension ConfigurationValue {
    init(_ value: any TOMLValueConvertible) {
        if let text = value.string {
            self = .text(text)
        } else if let flag = value.bool {
            self = .flag(flag)
        } else if let number = value.int {
            self = .integer(number)
        } else if let number = value.double {
            self = .float(number)
        } else if let list = value.array {
            self = .list(list.map { ConfigurationValue($0) })
        } else {
            self = .other(value.type.description)
        }
    }
}
