import Directory
import MailNames

extension DirectoryAdministration {
    private struct Counts: Encodable {
        var made = 0
        var replaced = 0
        var kept = 0
        var problems: [AliasFile.Problem] = []
    }

    /// Makes what can be made, and says of everything else where and why not.
    func importAliases(_ file: AliasImport) async throws -> AdministrationAnswer {
        let domain: Domain
        if let named = file.domain {
            domain = try Domain(parsing: named)
        } else {
            let local = try await directory.hostedDomains().filter { $0.kind == .local }
            guard local.count == 1, let only = local.first else {
                return .failure(
                    .usage,
                    "There are \(local.count) local domains: say with --domain whose aliases these are."
                )
            }
            domain = only.name
        }
        var counts = Counts(problems: file.problems)
        var read: [(entry: AliasFile.Entry, alias: AliasAddress, targets: [AliasTarget])] = []
        for entry in file.entries {
            var targets: [AliasTarget] = []
            for text in entry.targets {
                do {
                    // Words without quotes are no name, whatever a quoted local part may have.
                    let isName = !text.contains(" ")
                    targets.append(try AliasTarget(parsing: isName ? Self.whole(text, domain) : text))
                } catch {
                    let reason = "\(text) is neither an address, a file nor a command: \(error)"
                    counts.problems.append(.init(place: file.place, line: entry.line, reason: reason))
                }
            }
            do {
                let alias = try AliasAddress(parsing: Self.whole(entry.name, domain))
                if !targets.isEmpty { read.append((entry, alias, targets)) }
            } catch {
                let reason = "\(entry.name) is no name for an alias: \(error)"
                counts.problems.append(.init(place: file.place, line: entry.line, reason: reason))
            }
        }
        let results = try await directory.importAliases(read.map { ($0.alias, $0.targets) }, replaces: file.replaces)
        for (item, result) in zip(read, results) {
            switch result {
            case .made: counts.made += 1
            case .replaced: counts.replaced += 1
            case .kept: counts.kept += 1
            case .failed(let reason):
                let text = "\(DirectoryError(reason))"
                counts.problems.append(.init(place: file.place, line: item.entry.line, reason: text))
            }
        }
        counts.problems.sort { ($0.place, $0.line) < ($1.place, $1.line) }
        return Self.answer(counts)
    }

    /// A name without a domain is one of the domain. Files and commands are what they are.
    private static func whole(_ text: String, _ domain: Domain) -> String {
        if text.contains("@") || text.hasPrefix("/") || text.hasPrefix("|") { return text }
        return (try? LocalPart(text: text)).map { "\($0.wire)@\(domain.ascii)" } ?? text
    }

    private static func answer(_ counts: Counts) -> AdministrationAnswer {
        var sentence = "\(counts.made) aliases made, \(counts.replaced) replaced"
        if counts.kept > 0 { sentence += ", \(counts.kept) kept as they were (--replace gives them the new targets)" }
        sentence += ", \(counts.problems.count) problems."
        let lines = counts.problems.map(\.description) + [sentence]
        return AdministrationAnswer(
            status: counts.problems.isEmpty ? .done : .failed,
            text: lines.joined(separator: "\n"),
            json: JSONText.of(counts)
        )
    }
}
