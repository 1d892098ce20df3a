import CPlatform
import Foundation
import Glibc
import NIOPosix
import Synchronization

/// Listens at a Unix socket and answers each request with `answer`.
///
/// Blocking sockets on threads of its own: administration is rare, and must work when the event loops are busy.
final class ControlServer: Sendable {
    /// Carries a request out for a user of this machine.
    typealias Answer = @Sendable (AdministrationRequest, uid_t) async -> AdministrationAnswer

    /// Connections that are open at the same time; more wait in the listen queue.
    private static let connectionLimit = 64
    /// How long one read or write may take.
    private static let patience = 30
    /// How long a whole request may take to arrive.
    private static let requestPatience = Duration.seconds(120)

    private let listener: CInt
    private let path: String
    private let threads: NIOThreadPool
    private let stopped = Atomic<Bool>(false)
    private let connections = Mutex<Set<CInt>>([])
    private let answer: Answer

    /// Listens at a path; what lies there, a socket that a server left, is removed.
    ///
    /// - Parameter mode: who may connect: those who may write.
    /// - Throws: `ControlSocketError` when the path cannot be used.
    init(path: String, mode: mode_t, answer: @escaping Answer) throws {
        self.path = path
        self.answer = answer
        guard var address = ControlSocket.address(path) else { throw ControlSocketError.pathTooLong(path) }
        unlink(path)
        let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        self.listener = listener
        let threads = NIOThreadPool(numberOfThreads: ControlSocket.concurrentRequests + 1)
        self.threads = threads
        guard listener >= 0 else { throw ControlSocketError.broken(errno) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        // Nobody can connect before the socket listens, and then it has its mode. The process's umask would be that of all
        // threads, and of the files that they make meanwhile.
        guard bound == 0, chmod(path, mode) == 0, listen(listener, 64) == 0 else {
            let number = errno
            close(listener)
            throw ControlSocketError.unusable(path, number)
        }
        threads.start()
        threads.submit { [self] _ in acceptUntilStopped() }
    }

    /// Ends listening. A request that has arrived is answered if that takes no longer than `grace`; whoever has not sent all
    /// of one, or does not take the answer, is not waited for.
    func stop(grace: Duration = .seconds(1)) async {
        stopped.store(true, ordering: .sequentiallyConsistent)
        shutdown(listener, CInt(SHUT_RDWR))
        unlink(path)
        shutConnections(CInt(SHUT_RD))
        let end = ContinuousClock.now + grace
        while ContinuousClock.now < end, connections.withLock({ !$0.isEmpty }) {
            try? await Task.sleep(for: .milliseconds(10))
        }
        shutConnections(CInt(SHUT_RDWR))
        try? await threads.shutdownGracefully()
        close(listener)
    }

    // MARK: Connections

    private func shutConnections(_ how: CInt) {
        connections.withLock { for connection in $0 { shutdown(connection, how) } }
    }

    /// Whether the connection is served; after the stop it is closed.
    private func keep(_ connection: CInt) -> Bool {
        connections.withLock { connections in
            guard !stopped.load(ordering: .sequentiallyConsistent) else {
                close(connection)
                return false
            }
            connections.insert(connection)
            return true
        }
    }

    /// Under the lock, so that no descriptor is shut down that is another's by then.
    private func end(_ connection: CInt) {
        connections.withLock { connections in
            connections.remove(connection)
            _ = close(connection)
        }
    }

    private func acceptUntilStopped() {
        while !stopped.load(ordering: .sequentiallyConsistent) {
            guard connections.withLock({ $0.count < Self.connectionLimit }) else {
                usleep(20_000)
                continue
            }
            let connection = accept(listener, nil, nil)
            if connection < 0 {
                if errno == EINTR || errno == ECONNABORTED { continue }
                if errno == EMFILE || errno == ENFILE {
                    usleep(100_000)
                    continue
                }
                return
            }
            _ = fcntl(connection, F_SETFD, FD_CLOEXEC)
            var patience = timeval(tv_sec: Self.patience, tv_usec: 0)
            setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            guard keep(connection) else { return }
            threads.submit { [self] state in
                if state == .active { serve(connection) } else { end(connection) }
            }
        }
    }

    private func serve(_ connection: CInt) {
        var user = uid_t.max
        let end = ContinuousClock.now + Self.requestPatience
        guard martlet_peer_user(connection, &user) == 0,
            let bytes = try? ControlSocket.read(from: connection, limit: ControlSocket.requestLimit, until: end),
            let request = try? JSONDecoder().decode(AdministrationRequest.self, from: Data(bytes))
        else {
            reply(
                .failure(.usage, "The request was not understood: is the command of another version?"),
                to: connection
            )
            return
        }
        Task { [user] in
            let answer = await self.answer(request, user)
            self.threads.submit { state in
                if state == .active { self.reply(answer, to: connection) } else { self.end(connection) }
            }
        }
    }

    private func reply(_ answer: AdministrationAnswer, to connection: CInt) {
        defer { end(connection) }
        guard let encoded = try? JSONEncoder().encode(answer) else { return }
        // A client that went away has no use for its answer.
        try? ControlSocket.write(Array(encoded), to: connection)
    }
}
