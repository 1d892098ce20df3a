import GRDB
import MailNames

/// Accounts whose mail goes elsewhere, or nowhere.
extension SQLDirectory {
    /// Has mail for an account go to another address, or told there; its mailbox stays and gets nothing.
    ///
    /// - Parameter new: `nil` to deliver to the mailbox again.
    public func setForwarding(
        of address: EmailAddress,
        to new: EmailAddress?,
        _ way: Forwarding
    ) async throws(DirectoryError) {
        if let new, new.domain == address.domain, new.localPart.folded == address.localPart.folded {
            throw DirectoryError(.addressTaken(address))
        }
        try await changeAccount(
            address,
            "UPDATE account SET forward_to = ?, forwarding = ? WHERE domain = ? AND local_part = ?",
            [new?.description, new == nil ? nil : way.rawValue]
        )
    }

    /// Switches an account off or on: one that is off neither logs in nor is sent mail.
    public func setEnabled(_ isEnabled: Bool, of address: EmailAddress) async throws(DirectoryError) {
        try await changeAccount(
            address,
            "UPDATE account SET enabled = ? WHERE domain = ? AND local_part = ?",
            [isEnabled ? "1" : "0"]
        )
    }

    /// Where an account's mail goes instead of its mailbox; `nil` where it does not.
    public func forwarding(
        of address: EmailAddress
    ) async throws(DirectoryError) -> (to: EmailAddress, way: Forwarding)? {
        try await read { database in
            let row = try Row.fetchOne(
                database,
                sql: "SELECT forward_to, forwarding FROM account WHERE domain = ? AND local_part = ?",
                arguments: [address.domain?.ascii ?? "", address.localPart.folded]
            )
            guard let text = row?["forward_to"] as String?, let new = try? EmailAddress(parsing: text) else {
                return nil
            }
            return (new, (row?["forwarding"] as String?).flatMap(Forwarding.init) ?? .forward)
        }
    }
}
