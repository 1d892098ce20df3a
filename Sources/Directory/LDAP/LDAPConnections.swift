import NIOPosix
import Synchronization

/// The connections to a directory server: made when they are needed, kept, and replaced when they broke.
final class LDAPConnections: Sendable {
    let options: LDAPOptions
    private let threads: NIOThreadPool
    private let idle = Mutex<[LDAPConnection]>([])
    private let inWork = Atomic(0)

    init(_ options: LDAPOptions) {
        self.options = options
        threads = NIOThreadPool(numberOfThreads: max(1, options.connections))
        threads.start()
    }

    func close() async {
        try? await threads.shutdownGracefully()
        for connection in takeAll() { connection.close() }
    }

    private func takeAll() -> [LDAPConnection] {
        idle.withLock { idle in
            defer { idle = [] }
            return idle
        }
    }

    /// Asks over a connection that is bound as the configuration says.
    ///
    /// - Throws: `DirectoryError.unavailable`.
    func ask<Value: Sendable>(
        _ body: @escaping @Sendable (LDAPConnection) throws(LDAPFailure) -> Value
    ) async throws(DirectoryError) -> Value {
        try await onThread { [self] in
            while let connection = idle.withLock({ $0.popLast() }) {
                do throws(LDAPFailure) {
                    return try use(connection, body)
                } catch {
                    // The server may have closed it long ago: the next one, or a new one, tells.
                    guard error.isAboutConnection else { throw error }
                }
            }
            return try use(try LDAPConnection(options), body)
        }
    }

    private func use<Value>(
        _ connection: LDAPConnection,
        _ body: (LDAPConnection) throws(LDAPFailure) -> Value
    ) throws(LDAPFailure) -> Value {
        do throws(LDAPFailure) {
            let value = try body(connection)
            idle.withLock { $0.append(connection) }
            return value
        } catch {
            connection.close()
            throw error
        }
    }

    /// Whether a name and password fit, over a connection of its own: one that was bound as somebody asks nothing more.
    func check(
        _ body: @escaping @Sendable (LDAPConnection) throws(LDAPFailure) -> Bool
    ) async throws(DirectoryError) -> Bool {
        try await onThread { [options] in
            let connection = try LDAPConnection(options)
            defer { connection.close() }
            return try body(connection)
        }
    }

    private func onThread<Value: Sendable>(
        _ body: @escaping @Sendable () throws -> Value
    ) async throws(DirectoryError) -> Value {
        let count = inWork.add(1, ordering: .relaxed).newValue
        defer { inWork.subtract(1, ordering: .relaxed) }
        guard count <= options.waiting else { throw DirectoryError(.unavailable) }
        do { return try await threads.runIfActive(body) } catch { throw DirectoryError(error) }
    }
}
