import Delivery
import MailBytes
import MailEvents
import MailNames

/// What waits, and what an operator does with it.
struct QueueAdministration {
    let delivery: DeliveryService

    func perform(_ request: AdministrationRequest) async throws -> AdministrationAnswer {
        switch request {
        case .queueList(let domain, let state, let limit):
            let states = DeliveryService.states
            if let state, !states.contains(state) {
                return .failure(.usage, "There is no state \(state); there are \(states.joined(separator: ", ")).")
            }
            let ascii = try domain.map { try Domain(parsing: $0).ascii }
            let messages = await delivery.list(domain: ascii, state: state, limit: max(1, limit))
            return AdministrationAnswer(text: text(messages), json: JSONText.of(messages.map(Shown.init)))
        case .queueShow(let text):
            guard let id = QueueID(text) else { return Self.noID(text) }
            guard let message = await delivery.show(id) else { return Self.unknown(text) }
            return AdministrationAnswer(text: detail(message), json: JSONText.of(message))
        case .queueFlush(let domain):
            let ascii = try domain.map { try Domain(parsing: $0).ascii }
            let count = await delivery.flush(domain: ascii)
            return done("Trying \(Self.counted(count, domain == nil ? "destination" : "message")) now.", count)
        case .queueHold(let selection):
            let answer = try await act(selection) {
                await delivery.hold($0)
            } told: { messages, _ in
                "\(messages) held."
            }
            return await addingAttempts(to: answer)
        case .queueRelease(let selection):
            return try await act(selection) {
                await delivery.release($0)
            } told: { messages, _ in
                "\(messages) released."
            }
        case .queueDelete(let selection):
            return try await act(selection) {
                await delivery.delete($0)
            } told: { messages, _ in
                "\(messages) deleted."
            }
        case .queueBounce(let selection):
            return try await act(selection) {
                await delivery.bounce($0)
            } told: {
                $1 > DeliveryService.givenUpAtOnce
                    ? "\($0) held, to be given up and reported; `martlet queue orders` tells how far that is."
                    : "\($0) given up and reported."
            }
        case .queueReroute(let selection, let destination):
            guard let result = await delivery.reroute(try Self.selection(selection), to: destination) else {
                return .failure(.usage, "\(destination) is no next hop: HOST, HOST:PORT, or - for the domain's own.")
            }
            let verb = result.messages == 1 ? "goes" : "go"
            return done("\(Self.counted(result.messages, "message")) \(verb) to \(destination).", result)
        case .queueOrders:
            let orders = await delivery.bounceOrders.values.sorted { $0.number < $1.number }
            return AdministrationAnswer(text: text(orders), json: JSONText.of(orders.map(ShownOrder.init)))
        case .queueDestinations, .queueSuspend, .queueResume: return try await performOnDestinations(request)
        default: return .failure(.usage, "That is no command about the queue.")
        }
    }

    private func act(
        _ selection: AdministrationRequest.QueueSelection,
        _ body: (QueueSelection) async -> OrderResult,
        told: (_ messages: String, _ count: Int) -> String
    ) async throws -> AdministrationAnswer {
        let result = await body(try Self.selection(selection))
        if result.messages == 0, case .message(let text) = selection {
            let error = if let id = QueueID(text) { await delivery.show(id)?.summary.lastError } else { String?.none }
            return error.map { .failure(.failed, "Message \(text) stays as it is: \($0).") } ?? Self.unknown(text)
        }
        return done(told(Self.counted(result.messages, "message"), result.messages), result)
    }

    private func done(_ text: String, _ result: OrderResult) -> AdministrationAnswer {
        guard let problem = result.problem else { return done(text, result.messages) }
        return .failure(
            .failed,
            "\(text) That counts now, but could not be written to disk and would be undone by a start: \(problem). It is tried again."
        )
    }

    /// What goes on while it is held cannot be called back, and the operator ought to know.
    private func addingAttempts(to answer: AdministrationAnswer) async -> AdministrationAnswer {
        let underWay = await delivery.attemptsUnderWay
        guard answer.status == .done, underWay > 0 else { return answer }
        var answer = answer
        answer.text += " Of what is being tried at this moment, \(Self.counted(underWay, "attempt")) at most may go on."
        return answer
    }

    private static func selection(_ selection: AdministrationRequest.QueueSelection) throws -> QueueSelection {
        switch selection {
        case .all: return .all
        case .domain(let name): return .domain(try Domain(parsing: name).ascii)
        case .message(let text):
            guard let id = QueueID(text) else { throw WrongQueueID(text: text) }
            return .message(id)
        }
    }

    private struct WrongQueueID: Error, CustomStringConvertible {
        let text: String
        var description: String { "\(text) is no queue id: they have 13 letters and digits" }
    }

    private static func noID(_ text: String) -> AdministrationAnswer {
        .failure(.usage, "\(text) is no queue id: they have 13 letters and digits.")
    }

    private static func unknown(_ id: String) -> AdministrationAnswer {
        .failure(.failed, "No message \(id) is in the queue; `martlet trace \(id)` tells what became of it.")
    }

    private static func counted(_ count: Int, _ what: String) -> String { "\(count) \(what)\(count == 1 ? "" : "s")" }

    private func done(_ text: String, _ count: Int) -> AdministrationAnswer {
        AdministrationAnswer(text: text, json: JSONText.of(["count": count]))
    }

    // MARK: Showing

    /// A summary with times that programs and people can read.
    private struct Shown: Encodable {
        let id, sender, state, received: String
        let recipients: [String]
        let recipientCount, size: Int
        let nextAttempt, lastError: String?

        init(_ message: QueuedMessageSummary) {
            id = message.id
            sender = message.sender
            state = message.state
            received = message.received.iso8601
            recipients = message.recipients
            recipientCount = message.recipientCount
            size = message.size
            nextAttempt = message.nextAttempt?.iso8601
            lastError = message.lastError
        }
    }

    private struct ShownOrder: Encodable {
        let order, begun, ended: String?
        let messages, done, released, failed: Int

        init(_ order: BounceOrder) {
            self.order = "bounce"
            messages = order.messages
            done = order.dealtWith
            released = order.left
            failed = order.failed
            begun = order.begun.iso8601
            ended = order.ended?.iso8601
        }
    }

    private func text(_ orders: [BounceOrder]) -> String {
        guard !orders.isEmpty else { return "No order goes on." }
        let rows = orders.map { order in
            [
                "bounce", String(order.messages), String(order.dealtWith), String(order.left),
                String(order.failed), String(order.begun.iso8601.prefix(19)),
                order.ended.map { String($0.iso8601.prefix(19)) } ?? "-",
            ]
        }
        return TextTable.of(["ORDER", "MESSAGES", "DONE", "RELEASED", "FAILED", "BEGUN", "ENDED"], rows)
    }

    private func text(_ messages: [QueuedMessageSummary]) -> String {
        guard !messages.isEmpty else { return "No messages wait." }
        let rows = messages.map { message in
            let more = message.recipientCount > message.recipients.count ? " …" : ""
            return [
                message.id, message.state, String(message.received.iso8601.prefix(19)),
                message.nextAttempt.map { String($0.iso8601.prefix(19)) } ?? "-", String(message.size), message.sender,
                message.recipients.joined(separator: ", ") + more + (message.lastError.map { "  (\($0))" } ?? ""),
            ]
        }
        return TextTable.of(["ID", "STATE", "RECEIVED", "NEXT", "SIZE", "SENDER", "RECIPIENTS"], rows)
    }

    private func detail(_ message: QueuedMessageDetail) -> String {
        let summary = message.summary
        var lines = [
            "Message \(summary.id), \(summary.state), \(summary.size) octets",
            "  from      \(summary.sender)",
            "  received  \(summary.received.iso8601) by \(message.door)" + (message.peer.map { " from \($0)" } ?? ""),
            "  expires   \(summary.expires.iso8601)",
        ]
        if let route = message.route { lines.append("  route     \(route)") }
        for recipient in message.recipients {
            var line = "  to        \(recipient.address): \(recipient.state)"
            if recipient.attempts > 0 { line += ", tried \(Self.counted(recipient.attempts, "time"))" }
            if let next = recipient.nextAttempt { line += ", next at \(next.iso8601)" }
            if let error = recipient.lastError { line += ": \(error)" }
            lines.append(line)
        }
        return lines.joined(separator: "\n")
    }
}
