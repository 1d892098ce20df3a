import Directory
import MailNames
import MailPolicy
import SMTPProtocol

/// VRFY and EXPN: RFC 5321 section 3.5. Full answers for who logged in and for listed networks; others are told nothing of
/// who is here that RCPT would not tell them too (section 7.3).
extension Admission {
    /// Names that an ambiguous one could mean, at most.
    private static let candidates = 20
    /// Addresses that EXPN tells of one alias, at most.
    private static let members = 1000

    public func lookUp(_ lookup: SMTPLookup, _ client: Client) async -> SMTPReply {
        guard mayLookUp(client) else { return .cannotVerify }
        do {
            let reply = try await answer(lookup, client)
            let isPlain = reply.lines.allSatisfy { $0.utf8.allSatisfy { $0 < 0x80 } }
            return isPlain || lookup.takesUTF8 ? reply : .namesNeedUTF8
        } catch {
            return .directoryUnavailable
        }
    }

    private func mayLookUp(_ client: Client) -> Bool {
        if client.account != nil { return true }
        guard let peer = client.peer else { return false }
        return options.withLock { $0.lookupNetworks.contains { $0.contains(peer) } }
    }

    private func answer(_ lookup: SMTPLookup, _ client: Client) async throws(DirectoryError) -> SMTPReply {
        let text = Self.addressText(lookup.text)
        if text.contains("@") {
            guard let address = try? EmailAddress(parsing: text) else { return .lookupSyntax }
            return try await answer(lookup.command, address, client)
        }
        guard let name = try? LocalPart(text: text), !text.isEmpty else { return .lookupSyntax }
        let found = try await directory.addresses(named: name, limit: Self.candidates)
        if found.count > 1 {
            let lines = ["Ambiguous; Possibilities are"] + found.map { "<\($0)>" }
            return SMTPReply(553, EnhancedStatus(5, 1, 4), lines: lines)
        }
        guard let only = found.first else { return .unknownRecipient }
        return try await answer(lookup.command, only, client)
    }

    /// The address of `Full Name <address>` or `<address>`, or the text itself.
    private static func addressText(_ text: String) -> String {
        guard text.hasSuffix(">"), let less = text.lastIndex(of: "<") else { return text }
        return String(text[text.index(after: less)...].dropLast())
    }

    private func answer(
        _ command: SMTPLookup.Command,
        _ address: EmailAddress,
        _ client: Client
    ) async throws(DirectoryError) -> SMTPReply {
        switch try await directory.answer(for: address) {
        case .account: return .mailboxes([address])
        case .alias(let addresses): return command == .verify ? .mailboxes([address]) : members(addresses)
        case .mixedAlias(let targets):
            // Which files and commands there are is nobody's business outside.
            return command == .verify ? .mailboxes([address]) : members(targets.compactMap(\.address))
        case .list(let list):
            guard command == .expand, list.role == .post, let lists else { return .mailboxes([address]) }
            // To others: "252 Unable to verify members of mailing list", section 3.5.1.
            guard try await mayKnowMembers(of: list.list, lists, client) else { return .cannotExpand }
            return members(try await lists.recipients(of: list.list))
        case .moved(let new, .forward): return .willForward(to: new)
        case .moved(let new, .tell): return .tryInstead(new)
        case .disabled: return .mailboxDisabled
        case .unknownRecipient: return .unknownRecipient
        case .relayDomain: return .cannotVerifyElsewhere
        case .notLocal:
            let relay = options.withLock(\.relay)
            return relay.mayRelay(client.relaying, to: address).allowed ? .cannotVerifyElsewhere : .relayingDenied
        }
    }

    /// Who is on a list is for its owner and its members to know, and for the networks that the operator listed.
    private func mayKnowMembers(
        of list: ListID,
        _ lists: any ListDirectory,
        _ client: Client
    ) async throws(DirectoryError) -> Bool {
        guard let account = client.account else { return true }
        guard let address = try? EmailAddress(parsing: account) else { return false }
        if try await lists.list(list)?.owner == address { return true }
        return try await lists.isMember([address], of: list)
    }

    private func members(_ addresses: [EmailAddress]) -> SMTPReply {
        guard !addresses.isEmpty, addresses.count <= Self.members else { return .cannotExpand }
        return .mailboxes(addresses)
    }
}

extension SMTPReply {
    static let lookupSyntax = SMTPReply(501, EnhancedStatus(5, 1, 3), "That is neither a name nor an address")
    static let cannotVerifyElsewhere = SMTPReply(
        252,
        EnhancedStatus(2, 1, 5),
        "The mailbox is elsewhere and cannot be verified here, but mail for it is taken"
    )
    static let cannotExpand = SMTPReply(252, EnhancedStatus(2, 5, 2), "Whom it stands for cannot be told")
    /// The answer has UTF-8, which the client did not say it takes: RFC 6531 section 3.7.4.2.
    static let namesNeedUTF8 = SMTPReply(
        252,
        EnhancedStatus(2, 6, 8),
        "The answer needs UTF-8: ask again with the parameter SMTPUTF8"
    )

    /// One mailbox a line: RFC 5321 section 3.5.2.
    static func mailboxes(_ addresses: [EmailAddress]) -> SMTPReply {
        SMTPReply(250, EnhancedStatus(2, 1, 5), lines: addresses.map { "<\($0)>" })
    }
}
