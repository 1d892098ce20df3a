import MailBytes
import NIOCore
import SMTPChannels

/// The connections of a client: kept while they are of use, bounded in number, lent to one message at a time.
actor ConnectionPool {
    /// A connection in use.
    struct Lease: Sendable {
        let connection: SMTPClientConnection
        /// Nothing was sent over it before.
        let isFresh: Bool
        fileprivate let messages: Int
    }

    private struct Idle {
        var number: Int
        var connection: SMTPClientConnection
        var messages: Int
        var timer: Scheduled<Void>
    }

    private let server: MailServer
    private let group: any EventLoopGroup
    /// The one that was used last comes last, and is used next.
    private var idle: [Idle] = []
    /// Connections in use, being made or idle.
    private var open = 0
    private var waiting: [(number: Int, continuation: CheckedContinuation<Void, Never>)] = []
    private var count = 0
    private var isShutDown = false

    init(server: MailServer, group: any EventLoopGroup) {
        self.server = server
        self.group = group
    }

    /// A connection to send over; waits while all are in use. Give it back with `release(_:isUsable:)`.
    func acquire() async throws(SMTPClientError) -> Lease {
        while true {
            if isShutDown { throw SMTPClientError(.shutDown, "the client is shut down") }
            if Task.isCancelled { throw SMTPClientError(.cancelled, "the sending was cancelled") }
            if let kept = idle.popLast() {
                kept.timer.cancel()
                if !kept.connection.isClosed {
                    return Lease(connection: kept.connection, isFresh: false, messages: kept.messages)
                }
                open -= 1
                continue
            }
            if open < max(1, server.options.connections) { return try await connect() }
            await waitForTurn()
        }
    }

    private func connect() async throws(SMTPClientError) -> Lease {
        open += 1
        do throws(SMTPClientError) {
            let connection = try await server.connect(on: group.next())
            return Lease(connection: connection, isFresh: true, messages: 0)
        } catch {
            open -= 1
            wakeOne()
            throw error
        }
    }

    /// Gives a connection back.
    func release(_ lease: Lease, isUsable: Bool) async {
        let messages = lease.messages + 1
        guard isUsable, !isShutDown, messages < server.options.messagesPerConnection else {
            open -= 1
            wakeOne()
            await lease.connection.close()
            return
        }
        count += 1
        let number = count
        let timer = group.any().scheduleTask(in: .nanoseconds(server.options.idle.nanoseconds)) {
            // Ends at once, in the pool's own time.
            Task { await self.expire(number) }
            return
        }
        idle.append(Idle(number: number, connection: lease.connection, messages: messages, timer: timer))
        wakeOne()
    }

    private func expire(_ number: Int) async {
        guard let index = idle.firstIndex(where: { $0.number == number }) else { return }
        let kept = idle.remove(at: index)
        open -= 1
        await kept.connection.close()
    }

    func shutDown() async {
        isShutDown = true
        let kept = idle
        idle = []
        open -= kept.count
        for waiter in waiting { waiter.continuation.resume() }
        waiting = []
        for one in kept {
            one.timer.cancel()
            await one.connection.close()
        }
    }

    // MARK: Turns

    private func waitForTurn() async {
        count += 1
        let number = count
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                if Task.isCancelled {
                    continuation.resume()
                } else {
                    waiting.append((number, continuation))
                }
            }
        } onCancel: {
            Task { await self.giveUpTurn(number) }
        }
    }

    private func giveUpTurn(_ number: Int) {
        guard let index = waiting.firstIndex(where: { $0.number == number }) else { return }
        waiting.remove(at: index).continuation.resume()
    }

    private func wakeOne() {
        guard !waiting.isEmpty else { return }
        waiting.removeFirst().continuation.resume()
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        let (product, overflow) = wholeMicroseconds.multipliedReportingOverflow(by: 1000)
        return overflow ? .max / 2 : product
    }
}
