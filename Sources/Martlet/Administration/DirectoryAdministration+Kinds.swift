import Directory
import MailNames

/// Kinds of domains, and accounts whose mail goes elsewhere.
extension DirectoryAdministration {
    func perform(_ request: DirectoryRequest) async throws -> AdministrationAnswer {
        switch request {
        case .forward(let text, let new, let tells):
            let address = try EmailAddress(parsing: text)
            let target = try new.map { text throws in try EmailAddress(parsing: text) }
            try await directory.setForwarding(of: address, to: target, tells ? .tell : .forward)
            guard let target else {
                return done("Mail for \(address) is delivered to its mailbox.", ["account": address.description])
            }
            return done(
                tells
                    ? "Mail for \(address) is refused, and its senders told to write to \(target)."
                    : "Mail for \(address) goes on to \(target), and its senders are told so.",
                ["account": address.description, "to": target.description]
            )
        case .enable(let text, let isEnabled):
            let address = try EmailAddress(parsing: text)
            try await directory.setEnabled(isEnabled, of: address)
            return done(
                isEnabled
                    ? "\(address) logs in and is sent mail."
                    : "\(address) neither logs in nor is sent mail; what it has stays.",
                ["account": address.description]
            )
        case .importAliases(let aliases): return try await importAliases(aliases)
        }
    }

    func addDomain(_ domain: Domain, _ kind: DomainKindRequest) async throws -> AdministrationAnswer {
        switch kind {
        case .local:
            try await directory.addDomain(domain)
            return done("Mail for \(domain.unicode) is taken from now on.", ["domain": domain.ascii])
        case .relay:
            try await directory.addDomain(domain, .relay)
            return done("Mail for \(domain.unicode) is taken and sent on to its hosts.", ["domain": domain.ascii])
        case .alias(let name):
            let other = try Domain(parsing: name)
            try await directory.addDomain(domain, .alias(of: other))
            return done(
                "Names of \(domain.unicode) lead to the same names of \(other.unicode).",
                ["domain": domain.ascii, "alias-of": other.ascii]
            )
        }
    }

    private struct ShownDomain: Encodable {
        let domain: String
        let unicode: String
        let kind: String
        let aliasOf: String?

        enum CodingKeys: String, CodingKey {
            case domain, unicode, kind
            case aliasOf = "alias-of"
        }
    }

    func listDomains() async throws -> AdministrationAnswer {
        let domains = try await directory.hostedDomains()
        let lines = domains.map { domain in
            switch domain.kind {
            case .local: domain.name.unicode
            case .relay: "\(domain.name.unicode) (relay)"
            case .alias(let other): "\(domain.name.unicode) (alias of \(other.unicode))"
            }
        }
        let shown = domains.map { domain in
            let (kind, other): (String, String?) =
                switch domain.kind {
                case .local: ("local", nil)
                case .relay: ("relay", nil)
                case .alias(let other): ("alias", other.ascii)
                }
            return ShownDomain(
                domain: domain.name.ascii,
                unicode: domain.name.unicode,
                kind: kind,
                aliasOf: other
            )
        }
        return AdministrationAnswer(
            text: lines.isEmpty ? "No domains." : lines.joined(separator: "\n"),
            json: JSONText.of(shown)
        )
    }

    private struct ShownAccount: Encodable {
        let account: String
        let id: String
        let enabled: Bool
        let forwardTo: String?
        let forwarding: String?

        enum CodingKeys: String, CodingKey {
            case account, id, enabled, forwarding
            case forwardTo = "forward-to"
        }
    }

    func listAccounts() async throws -> AdministrationAnswer {
        let accounts = try await directory.accounts()
        var (lines, shown): ([String], [ShownAccount]) = ([], [])
        for account in accounts {
            let moved = try await directory.forwarding(of: account.address)
            var line = account.address.description
            if !account.isEnabled { line += " (disabled)" }
            if let moved { line += moved.way == .tell ? " (moved to \(moved.to))" : " (forwarded to \(moved.to))" }
            lines.append(line)
            shown.append(
                ShownAccount(
                    account: account.address.description,
                    id: account.id.description,
                    enabled: account.isEnabled,
                    forwardTo: moved?.to.description,
                    forwarding: moved?.way.rawValue
                )
            )
        }
        return AdministrationAnswer(
            text: lines.isEmpty ? "No accounts." : lines.joined(separator: "\n"),
            json: JSONText.of(shown)
        )
    }
}
