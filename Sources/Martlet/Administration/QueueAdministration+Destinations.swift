import Delivery
import MailBytes

/// Where mail waits, and what the operator suspends.
extension QueueAdministration {
    func performOnDestinations(_ request: AdministrationRequest) async throws -> AdministrationAnswer {
        switch request {
        case .queueSuspend(let destination, let reason):
            guard try await delivery.suspend(destination, reason: reason) else {
                return Self.noDestination(destination)
            }
            return AdministrationAnswer(
                text: "Nothing is sent to \(destination) until it is resumed.",
                json: JSONText.of(["suspended": destination])
            )
        case .queueResume(let destination):
            switch try await delivery.resume(destination) {
            case nil: return Self.noDestination(destination)
            case false: return .failure(.failed, "\(destination) is not suspended.")
            case true:
                return AdministrationAnswer(
                    text: "What waits for \(destination) is tried now.",
                    json: JSONText.of(["resumed": destination])
                )
            }
        default:
            let destinations = await delivery.destinations.sorted { $0.destination < $1.destination }
            return AdministrationAnswer(
                text: text(destinations),
                json: JSONText.of(destinations.map(ShownDestination.init))
            )
        }
    }

    private static func noDestination(_ text: String) -> AdministrationAnswer {
        .failure(.usage, "\(text) is no destination: DOMAIN, [ADDRESS], HOST:PORT or local.")
    }

    private struct ShownDestination: Encodable {
        let destination, state: String
        let ready, deferred, held, inFlight, connections: Int
        let until, since, reason: String?

        init(_ status: QueueDestination) {
            destination = status.destination
            state = QueueAdministration.state(of: status)
            ready = status.ready
            deferred = status.deferred
            held = status.held
            inFlight = status.inFlight
            connections = status.connections
            until = status.suspended == nil ? status.blockedUntil?.iso8601 : nil
            since = status.suspended?.iso8601
            reason = QueueAdministration.reason(of: status)
        }
    }

    /// `suspended` by the operator, `unreachable` until its next probe, or `ok`.
    private static func state(of status: QueueDestination) -> String {
        if status.suspended != nil { return "suspended" }
        return status.blockedUntil == nil ? "ok" : "unreachable"
    }

    private static func reason(of status: QueueDestination) -> String? {
        guard status.suspended != nil else { return status.lastError }
        return status.suspensionReason.flatMap { $0.isEmpty ? nil : $0 } ?? "by the operator"
    }

    private func text(_ destinations: [QueueDestination]) -> String {
        guard !destinations.isEmpty else { return "Nothing waits for any destination." }
        let rows = destinations.map { status in
            var reason = Self.reason(of: status) ?? ""
            if let since = status.suspended {
                reason += " (since \(since.iso8601))"
            } else if let until = status.blockedUntil {
                reason += " (next attempt \(until.iso8601))"
            }
            return [
                status.destination, Self.state(of: status), String(status.ready), String(status.deferred),
                String(status.held), String(status.inFlight), String(status.connections), reason,
            ]
        }
        let head = ["DESTINATION", "STATE", "READY", "DEFERRED", "HELD", "ACTIVE", "CONNECTIONS", "REASON"]
        return TextTable.of(head, rows)
    }
}
