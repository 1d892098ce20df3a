import MailNames

/// XCLIENT and XFORWARD, from hosts that are listed.
extension SMTPServerSession {
    /// What is announced to a listed host, and to nobody else.
    var proxyKeywords: [String] {
        guard trustsPeer else { return [] }
        let names = { (list: [ClientAttributes.Name]) in list.map(\.rawValue).joined(separator: " ") }
        return ["XCLIENT \(names(ClientAttributes.presented))", "XFORWARD \(names(ClientAttributes.forwarded))"]
    }

    /// The client's address, when the connection's is this one.
    public func clientAddress(_ connection: IPAddress?) -> IPAddress? {
        guard let presented, presented.has(.address) else { return connection }
        return presented.address
    }

    /// XCLIENT: from here on the session is one of the client that the host speaks for, and begins anew.
    mutating func presentClient(_ attributes: ClientAttributes) -> Action {
        guard trustsPeer else { return fault(.notListed) }
        switch phase {
        case .greeted, .ready: break
        default: return fault(.notInTransaction)
        }
        var all = presented ?? attributes
        all.take(attributes)
        presented = all
        forwarded = nil
        checkpointState = .none
        clientName = all[.helo]
        isExtended = all[.transmission]?.uppercased() == "ESMTP"
        // What somebody else logged in as is not this client's, nor is the certificate of the host that speaks for it.
        account = attributes[.login]
        connection.certificateIdentities = []
        connection.certificateFingerprint = nil
        phase = .greeted
        return .send(greeting)
    }

    /// XFORWARD: about the next transaction.
    mutating func forwardClient(_ attributes: ClientAttributes) -> Action {
        guard trustsPeer else { return fault(.notListed) }
        switch phase {
        case .ready: break
        case .greeted: return fault(.helloFirst)
        default: return fault(.notInTransaction)
        }
        var all = forwarded ?? attributes
        all.take(attributes)
        forwarded = all
        return .send(.ok)
    }
}

extension SMTPReply {
    static let notListed = SMTPReply(550, EnhancedStatus(5, 7, 0), "This host may not speak for others")
}
