import Configuration
import Delivery
import MailNames
import SMTPChannels
import SMTPProtocol

/// What clients get who want what waits here: ETRN (RFC 1985), ATRN and TURN (RFC 2645).
extension MartletServer {
    /// Answers by what this plan says from now on.
    func answerQueueRequests(_ plan: ServerPlan) {
        let delivery = delivery
        reception.whenQueueIsAsked { request, client in
            switch request {
            case .start(let node): .reply(await Self.start(node, client, plan, delivery))
            case .turnAround(let domains): await Self.turnAround(domains, client, plan, delivery)
            }
        }
    }

    private static func start(
        _ node: QueueNode,
        _ client: SMTPClientDescription,
        _ plan: ServerPlan,
        _ delivery: DeliveryService
    ) async -> SMTPReply {
        let domain: Domain
        switch node {
        case .domain(let named), .domainAndSubdomains(let named): domain = named
        case .queue: return .queueNotStarted("\(node)")
        }
        if plan.onDemand.contains(where: { $0.domain == domain }) {
            return .nodeNotAllowed("\(node)", "its mail is fetched with ATRN")
        }
        var mayAsk = client.account != nil
        if let peer = client.peer, !mayAsk {
            mayAsk = plan.admission.relay.networks.contains { $0.contains(peer) }
            // What is below the domain may be somebody else's.
            if !mayAsk, case .domain = node { mayAsk = await delivery.takesMail(peer, for: domain) }
        }
        guard mayAsk else { return .nodeNotAllowed("\(node)", "this host may not ask for it") }
        if case .domain = node {
            return .queueStarted("\(node)", pending: await delivery.flush(domain: domain.ascii))
        }
        return .queueStarted("\(node)", pending: await delivery.flush(below: domain))
    }

    private static func turnAround(
        _ wanted: [Domain],
        _ client: SMTPClientDescription,
        _ plan: ServerPlan,
        _ delivery: DeliveryService
    ) async -> SMTPQueueAnswer {
        guard let account = client.account.flatMap({ try? EmailAddress(parsing: $0) }), let peer = client.peer else {
            return .reply(.authenticationRequired)
        }
        let own = plan.onDemand.filter { $0.account == account }.map(\.domain)
        let domains = wanted.isEmpty ? own : wanted
        guard !domains.isEmpty, domains.allSatisfy(own.contains) else { return .reply(.domainsNotYours) }
        guard await delivery.messagesToFetch(for: domains) > 0 else { return .reply(.noMailWaits) }
        let host = client.helo ?? "\(peer)"
        return .turnAround(.turningAround) { channel in
            delivery.serve(channel, with: domains, host: host, address: peer, hostName: plan.hostName.ascii)
        }
    }
}
