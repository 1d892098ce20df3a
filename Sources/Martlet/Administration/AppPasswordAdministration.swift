import Directory
import MailBytes
import MailNames

/// What an administration command asks about the app passwords of an account.
public struct AppPasswordRequest: Codable, Sendable {
    public enum Action: Codable, Sendable {
        case add(name: String)
        case list
        case remove(name: String)
    }

    public var address: String
    public var action: Action

    public init(address: String, action: Action) {
        self.address = address
        self.action = action
    }
}

/// App passwords: made, listed, taken back.
struct AppPasswordAdministration {
    let directory: SQLDirectory

    func perform(_ request: AppPasswordRequest) async throws -> AdministrationAnswer {
        let address = try EmailAddress(parsing: request.address)
        switch request.action {
        case .add(let name):
            let password = try await directory.addAppPassword(name, of: address)
            return AdministrationAnswer(
                text: """
                    The app password \(name) of \(address), which is not shown again:

                    \(password)
                    """,
                json: JSONText.of(["account": address.description, "name": name, "password": password])
            )
        case .list:
            let passwords = try await directory.appPasswords(of: address)
            let rows = passwords.map { [$0.name, String($0.created.iso8601.prefix(19))] }
            return AdministrationAnswer(
                text: rows.isEmpty ? "No app passwords." : TextTable.of(["NAME", "MADE"], rows),
                json: JSONText.of(passwords.map { ["name": $0.name, "created": $0.created.iso8601] })
            )
        case .remove(let name):
            try await directory.removeAppPassword(name, of: address)
            return AdministrationAnswer(
                text: "The app password \(name) of \(address) is refused from now on.",
                json: JSONText.of(["account": address.description, "name": name])
            )
        }
    }
}
