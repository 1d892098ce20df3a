import Foundation
import Glibc
import NIOConcurrencyHelpers
import NIOPosix
import Synchronization

/// Listens at the control socket and answers each request with `answer`.
///
/// Blocking sockets on threads of its own: administration is rare, and must work when the event loops are busy.
final class ControlServer: Sendable {
    private let listener: CInt
    private let path: String
    private let threads: NIOThreadPool
    private let stopped = Atomic<Bool>(false)
    private let answer: @Sendable (AdministrationRequest) async -> AdministrationAnswer

    /// - Throws: `ControlSocketError` when the path cannot be used or another server answers there.
    init(folder: String, answer: @escaping @Sendable (AdministrationRequest) async -> AdministrationAnswer) throws {
        let path = ControlSocket.path(in: folder)
        self.path = path
        self.answer = answer
        guard var address = ControlSocket.address(path) else { throw ControlSocketError.pathTooLong(path) }
        // The spool's lock has already shown that no other server uses this folder: what lies here is left over.
        unlink(path)
        let listener = socket(AF_UNIX, CInt(SOCK_STREAM.rawValue) | CInt(SOCK_CLOEXEC.rawValue), 0)
        self.listener = listener
        let threads = NIOThreadPool(numberOfThreads: ControlSocket.concurrentRequests + 1)
        self.threads = threads
        guard listener >= 0 else { throw ControlSocketError.broken(errno) }
        let mask = umask(0o177)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        umask(mask)
        guard bound == 0, listen(listener, 64) == 0 else {
            let number = errno
            close(listener)
            throw ControlSocketError.broken(number)
        }
        threads.start()
        threads.submit { [self] _ in acceptUntilStopped() }
    }

    /// Ends listening; requests in flight are answered.
    func stop() async {
        stopped.store(true, ordering: .sequentiallyConsistent)
        shutdown(listener, CInt(SHUT_RDWR))
        unlink(path)
        try? await threads.shutdownGracefully()
        close(listener)
    }

    private func acceptUntilStopped() {
        while !stopped.load(ordering: .sequentiallyConsistent) {
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
            var patience = timeval(tv_sec: 30, tv_usec: 0)
            setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
            threads.submit { [self] state in
                guard state == .active else {
                    close(connection)
                    return
                }
                serve(connection)
            }
        }
    }

    private func serve(_ connection: CInt) {
        guard let bytes = try? ControlSocket.read(from: connection, limit: ControlSocket.requestLimit),
            let request = try? JSONDecoder().decode(AdministrationRequest.self, from: Data(bytes))
        else {
            reply(
                .failure(.usage, "The request was not understood: is the command of another version?"),
                to: connection
            )
            return
        }
        Task {
            let answer = await self.answer(request)
            self.threads.submit { state in
                if state == .active { self.reply(answer, to: connection) } else { close(connection) }
            }
        }
    }

    private func reply(_ answer: AdministrationAnswer, to connection: CInt) {
        defer { close(connection) }
        guard let encoded = try? JSONEncoder().encode(answer) else { return }
        // A client that went away has no use for its answer.
        try? ControlSocket.write(Array(encoded), to: connection)
    }
}
