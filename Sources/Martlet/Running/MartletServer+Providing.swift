import Directory
import MailNames
import SASL

extension MartletServer {
    /// Makes a domain and accounts with these passwords, where they are not there already: for `martlet dev`.
    public func provide(domain: Domain, accounts: [(name: String, password: String)]) async throws {
        if try await !directory.isLocal(domain) { try await directory.addDomain(domain) }
        for (name, text) in accounts {
            let address = EmailAddress(localPart: try LocalPart(text: name), host: .domain(domain))
            guard let password = Password(text) else { throw DirectoryError(.passwordTooWeak) }
            guard try await directory.account(addressed: address) != nil else {
                _ = try await directory.addAccount(address, password: password)
                continue
            }
            let credentials = PasswordCredentials(authenticationIdentity: address.description, password: password)
            if try await directory.authenticate(credentials) == nil {
                try await directory.setPassword(password, of: address)
            }
        }
    }
}
