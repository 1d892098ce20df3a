import Directory
import MailNames
import SASL

/// Domains, accounts and aliases.
struct DirectoryAdministration {
    let directory: SQLDirectory

    func perform(_ request: AdministrationRequest) async throws -> AdministrationAnswer {
        switch request {
        case .domainAdd(let name, let kind): return try await addDomain(try Domain(parsing: name), kind)
        case .domainList: return try await listDomains()
        case .domainRemove(let name):
            let domain = try Domain(parsing: name)
            try await directory.removeDomain(domain)
            return done("Mail for \(domain.unicode) is no longer taken.", ["domain": domain.ascii])
        case .accountAdd(let text, let password):
            let account = try await directory.addAccount(
                try EmailAddress(parsing: text),
                password: try Self.password(password)
            )
            return done("The account \(account.address) is made.", ["account": account.address.description])
        case .accountList: return try await listAccounts()
        case .accountRemove(let text):
            let address = try EmailAddress(parsing: text)
            try await directory.removeAccount(address)
            return done("The account \(address) is removed.", ["account": address.description])
        case .accountPassword(let text, let password):
            let address = try EmailAddress(parsing: text)
            try await directory.setPassword(try Self.password(password), of: address)
            return done("The password of \(address) is changed.", ["account": address.description])
        case .accountSenderAdd, .accountSenderList, .accountSenderRemove: return try await performOnSenders(request)
        case .aliasAdd(let text, let targets):
            let alias = try AliasAddress(parsing: text)
            let ends = try targets.map { target throws in try AliasTarget(parsing: target) }
            try await directory.setAlias(alias, targets: ends)
            return done(
                "\(alias) leads to \(ends.map(\.description).joined(separator: ", ")).",
                ["alias": alias.description]
            )
        case .aliasList:
            let aliases = try await directory.aliases()
            let rows = aliases.map { [$0.address, $0.targets.map(\.description).joined(separator: ", ")] }
            return AdministrationAnswer(
                text: aliases.isEmpty ? "No aliases." : TextTable.of(["ALIAS", "LEADS TO"], rows),
                json: JSONText.of(aliases.map(Shown.init))
            )
        case .aliasRemove(let text):
            let alias = try AliasAddress(parsing: text)
            try await directory.removeAlias(alias)
            return done("The alias \(alias) is removed.", ["alias": alias.description])
        case .directory(let request): return try await perform(request)
        default: return .failure(.usage, "That is no command about the directory.")
        }
    }

    private struct Shown: Encodable {
        let alias: String
        let targets: [String]

        init(_ alias: Alias) {
            self.alias = alias.address
            self.targets = alias.targets.map(\.description)
        }
    }

    /// Short passwords are refused where they are set, not where they are used.
    private static let shortestPassword = 8

    private static func password(_ text: String) throws -> Password {
        guard text.count >= shortestPassword, let password = Password(text) else {
            throw DirectoryError(.passwordTooWeak)
        }
        return password
    }

    func done(_ text: String, _ values: [String: String]) -> AdministrationAnswer {
        AdministrationAnswer(text: text, json: JSONText.of(values))
    }
}
