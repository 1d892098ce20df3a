import MailNames
import SMTPProtocol

/// A host of a list of mail exchangers.
struct MailExchanger: Hashable, Sendable {
    var preference: UInt16
    /// `nil` is the root: the null MX of RFC 7505 when it stands alone.
    var host: Domain?

    init(_ preference: UInt16, _ host: Domain?) {
        self.preference = preference
        self.host = host
    }
}

/// In which order the hosts of a domain are tried: RFC 5321 section 5.1.
enum MailExchangers {
    /// The hosts in order: the lowest preference first, equal ones shuffled, we and what is not better than us left out.
    ///
    /// - Parameters:
    ///   - records: what DNS says; empty when it names none, and the domain itself is the host then.
    ///   - own: our own names.
    static func order(
        _ records: [MailExchanger],
        domain: Domain,
        own: Set<Domain>,
        using generator: inout some RandomNumberGenerator
    ) throws(DeliveryFailure) -> [Domain] {
        if records.isEmpty { return try withoutOurselves([MailExchanger(0, domain)], domain, own) }
        if records.allSatisfy({ $0.host == nil }) {
            throw DeliveryFailure(
                EnhancedStatus(5, 1, 10),
                "The domain \(domain.ascii) takes no mail: its MX record says so (RFC 7505)"
            )
        }
        // Shuffled first, then sorted with a sort that keeps the order of equals.
        let shuffled = records.shuffled(using: &generator)
        let ordered = shuffled.enumerated().sorted {
            ($0.element.preference, $0.offset) < ($1.element.preference, $1.offset)
        }
        return try withoutOurselves(ordered.map(\.element), domain, own)
    }

    private static func withoutOurselves(
        _ ordered: [MailExchanger],
        _ domain: Domain,
        _ own: Set<Domain>
    ) throws(DeliveryFailure) -> [Domain] {
        let ours = ordered.first { $0.host.map(own.contains) ?? false }?.preference
        var hosts: [Domain] = []
        for record in ordered {
            guard let host = record.host, !hosts.contains(host) else { continue }
            if let ours, record.preference >= ours { break }
            hosts.append(host)
        }
        guard !hosts.isEmpty else {
            throw DeliveryFailure(
                EnhancedStatus(5, 4, 6),
                "Mail for \(domain.ascii) comes back to this host, which has no mailboxes for it"
            )
        }
        return hosts
    }
}
