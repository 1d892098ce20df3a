import DeliveryScheduler
import MailBytes
import MailEvents
import MailNames
import NIOCore
import SMTPChannels
import SMTPProtocol

/// Mail that its domain's host comes for: RFC 2645, and ETRN (RFC 1985).
extension DeliveryService {
    /// Messages that wait to be fetched for these domains.
    public func messagesToFetch(for domains: [Domain]) async -> Int {
        await loading?.value
        return domains.reduce(0) { $0 + scheduler.held(for: .domain($1), because: .onDemand).count }
    }

    /// Sends what waits for the domains over a connection that their host made, and closes it. Called on its loop.
    ///
    /// - Parameter host: what the host calls itself, for the trace.
    public nonisolated func serve(
        _ channel: any Channel,
        with domains: [Domain],
        host: String,
        address: IPAddress,
        hostName: String
    ) {
        do {
            let turned = try TurnedConnection(taking: channel, hostName: hostName)
            eventLoop.execute {
                self.assumeIsolated { service in
                    service.startWorker { await $0.serve(turned, with: domains, host: host, address: address) }
                }
            }
        } catch {
            channel.close(promise: nil)
        }
    }

    private func serve(_ turned: TurnedConnection, with domains: [Domain], host: String, address: IPAddress) async {
        guard let opened = try? await turned.connection() else { return }
        let connection = RelayConnection(connection: opened, host: host, address: address)
        defer { connection.close() }
        for domain in domains where scheduler.suspended[.domain(domain)] == nil {
            for entry in scheduler.held(for: .domain(domain), because: .onDemand) {
                guard !isStopping, !connection.isClosed else { return }
                guard let taken = scheduler.takeHeld(entry),
                    let attempt = await begin(taken, .domain(domain), isFetched: true)
                else { continue }
                let result = await send(attempt, attempt.keys, over: connection, isFresh: true)
                // Those that want another connection have it when their host comes again.
                let later = DeliveryFailure(EnhancedStatus(4, 4, 2), "\(host) took no more over this connection")
                let outcomes = result.outcomes + (result.left + result.untried).map { ($0, .failed(later)) }
                traceTransaction(attempt, connection, result.dialogue, outcomes)
                settle(attempt, outcomes, dialogue: result.dialogue)
                guard result.isUsable else { return }
            }
        }
    }

    // MARK: ETRN

    /// Whether the address is one of those that DNS names for mail to the domain.
    public nonisolated func takesMail(_ address: IPAddress, for domain: Domain) async -> Bool {
        await hosts.takesMail(address, for: domain)
    }

    /// Tries at once what waits for a domain and those below it.
    ///
    /// - Returns: the number of messages.
    public func flush(below domain: Domain) async -> Int {
        await loading?.value
        let ids = scheduler.messages { destination in
            guard case .domain(let own) = destination else { return false }
            return own == domain || own.ascii.hasSuffix("." + domain.ascii)
        }
        for id in ids { flush(id) }
        return ids.count
    }
}

extension DeliveryFailure {
    /// REQUIRETLS (RFC 8689) and mail that is fetched: section 4.2.1 has us look the server up and authenticate its certificate, but who
    /// turns a connection around was the client of its TLS, and showed none. That it logged in says who it is, not that nobody stands
    /// between: only it knows whether it verified our certificate. The message must not be sent then, and its sender is to be told.
    static let fetchedUnverified = DeliveryFailure(
        EnhancedStatus(5, 7, 10),
        "The message needs TLS with a verified certificate on its whole way (REQUIRETLS), and its domain's host fetches mail over "
            + "connections that cannot give that"
    )
}

extension RelayConnector {
    /// Hosts of a domain whose addresses are looked up at most.
    private static let exchangerLimit = 16

    func takesMail(_ address: IPAddress, for domain: Domain) async -> Bool {
        var hosts = [domain]
        if case .found(let records, _) = await lookup.mailExchangers(of: domain) { hosts = records.compactMap(\.host) }
        for host in hosts.prefix(Self.exchangerLimit) {
            if case .found(let addresses, _) = await lookup.addresses(of: host), addresses.contains(address) {
                return true
            }
        }
        return false
    }
}
