import MailNames
import SMTPProtocol

/// What DNS said.
enum LookupAnswer<Value: Sendable>: Sendable {
    /// At least one record, and the answer in words for the trace.
    case found(Value, text: String)
    /// The name exists and has no such record.
    case noRecords
    /// There is no such name.
    case noSuchName
    /// It cannot be told now.
    case unavailable(String)
}

/// Looks up where mail goes. CNAMEs are followed.
protocol HostLookup: Sendable {
    func mailExchangers(of domain: Domain) async -> LookupAnswer<[MailExchanger]>
    /// Addresses of both families, in the order in which they are to be tried.
    func addresses(of host: Domain) async -> LookupAnswer<[IPAddress]>
    /// Whether the list of a domain's mail exchangers is signed (RFC 4035), or there is none.
    func hasSignedExchangers(_ domain: Domain) async -> Bool
}

extension HostLookup {
    func hasSignedExchangers(_ domain: Domain) async -> Bool { false }
}

/// The hosts to try for a destination, in order.
struct HostList: Sendable {
    struct Host: Hashable, Sendable {
        /// The name to look up, or the address itself.
        var host: MailHost
        var port: Int
        /// LMTP instead of SMTP.
        var speaksLMTP = false
        /// The path of a Unix socket of this machine instead of an address and a port.
        var path: String?
    }

    var hosts: [Host]
    /// What DNS said, for the trace.
    var answers: String?

    /// The hosts that take mail for a domain: RFC 5321 section 5.1.
    static func find(
        _ domain: Domain,
        options: DeliveryOptions,
        lookup: any HostLookup,
        using generator: inout some RandomNumberGenerator
    ) async throws(DeliveryFailure) -> HostList {
        let own = options.otherHostNames.union([options.hostName])
        let records: [MailExchanger]
        var answers: String
        switch await lookup.mailExchangers(of: domain) {
        case .found(let found, let text): (records, answers) = (found, text)
        case .noRecords: (records, answers) = ([], "\(domain.ascii) has no MX: the domain is the host")
        case .noSuchName:
            throw DeliveryFailure(EnhancedStatus(5, 1, 2), "The domain \(domain.ascii) does not exist")
        case .unavailable(let reason):
            throw DeliveryFailure(
                EnhancedStatus(4, 4, 3),
                "DNS cannot tell now where mail for \(domain.ascii) goes: \(reason)"
            )
        }
        let hosts = try MailExchangers.order(records, domain: domain, own: own, using: &generator)
        if records.count > 1 { answers += "; tried in the order \(hosts.map(\.ascii).joined(separator: ", "))" }
        return HostList(hosts: hosts.map { Host(host: .domain($0), port: options.outboundPort) }, answers: answers)
    }
}
