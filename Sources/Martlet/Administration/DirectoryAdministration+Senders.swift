import Directory
import MailNames

/// The addresses that accounts may send as.
extension DirectoryAdministration {
    func performOnSenders(_ request: AdministrationRequest) async throws -> AdministrationAnswer {
        switch request {
        case .accountSenderAdd(let account, let text):
            let (address, sender) = (try EmailAddress(parsing: account), try AliasAddress(parsing: text))
            try await directory.addSender(sender, to: address)
            return done(
                "\(address) may send as \(sender).",
                ["account": address.description, "sender": sender.description]
            )
        case .accountSenderList(let account):
            let senders = try await directory.senders(of: try EmailAddress(parsing: account))
            return AdministrationAnswer(
                text: senders.isEmpty ? "No senders but its own addresses." : senders.joined(separator: "\n"),
                json: JSONText.of(senders.map { ["sender": $0] })
            )
        case .accountSenderRemove(let account, let text):
            let (address, sender) = (try EmailAddress(parsing: account), try AliasAddress(parsing: text))
            try await directory.removeSender(sender, from: address)
            return done(
                "\(address) may no longer send as \(sender).",
                ["account": address.description, "sender": sender.description]
            )
        default: return .failure(.usage, "That is no command about senders.")
        }
    }
}
