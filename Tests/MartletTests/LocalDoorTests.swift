import Foundation
import Synchronization
import Testing

@testable import Martlet

@Suite("The sockets for programs of this machine", .timeLimit(.minutes(15))) struct LocalDoorTests {
    /// A folder of its own, short enough for the path of a socket.
    private static func inFolder(_ body: (String) async throws -> Void) async throws {
        let folder = "/tmp/martlet-door-" + UUID().uuidString.prefix(8)
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    private static func server(
        _ folder: String,
        mode: mode_t = 0o600,
        _ answer: @escaping ControlServer.Answer
    ) throws -> ControlServer {
        try ControlServer(path: ControlSocket.path(in: folder), mode: mode, answer: answer)
    }

    private static func ask(_ request: AdministrationRequest, _ folder: String) async throws -> AdministrationAnswer? {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try ControlSocket.ask(request, in: folder) })
            }
        }
    }

    private static let submission = AdministrationRequest.Submission(
        sender: nil,
        recipients: ["alice@example.test"],
        recipientsFromHeader: false,
        content: "",
        user: "root"
    )

    @Test func `a request is answered, and the answerer knows who asks`() async throws {
        try await Self.inFolder { folder in
            let users = Mutex<[uid_t]>([])
            let server = try Self.server(folder) { _, user in
                users.withLock { $0.append(user) }
                return AdministrationAnswer(text: "yes", json: "true")
            }
            #expect(try await Self.ask(.status, folder)?.text == "yes")
            #expect(users.withLock { $0 } == [geteuid()])
            await server.stop()
            #expect(try await Self.ask(.status, folder) == nil)
        }
    }

    @Test(arguments: [0o600, 0o666] as [mode_t])
    func `a socket has its mode whatever the process's umask is`(mode: mode_t) async throws {
        try await Self.inFolder { folder in
            let server = try Self.server(folder, mode: mode) { _, _ in .failure(.failed, "no") }
            var status = stat()
            #expect(stat(ControlSocket.path(in: folder), &status) == 0)
            #expect(status.st_mode & 0o777 == mode)
            await server.stop()
        }
    }

    @Test func `connections on which nothing comes do not keep a stop waiting`() async throws {
        try await Self.inFolder { folder in
            let server = try Self.server(folder) { _, _ in .failure(.failed, "no") }
            var idle: [CInt] = []
            for _ in 0..<10 {
                let connection = try ControlSocket.connect(to: ControlSocket.path(in: folder))
                idle.append(try #require(connection))
            }
            // Returns while they are still open.
            await server.stop()
            for connection in idle { close(connection) }
        }
    }

    @Test func `a request in flight is answered while the server stops`() async throws {
        try await Self.inFolder { folder in
            let isAsked = Mutex(false)
            let server = try Self.server(folder) { _, _ in
                isAsked.withLock { $0 = true }
                try? await Task.sleep(for: .milliseconds(200))
                return AdministrationAnswer(text: "done", json: "")
            }
            async let answer = Self.ask(.status, folder)
            while !isAsked.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
            await server.stop(grace: .seconds(3600))
            #expect(try await answer?.text == "done")
        }
    }

    @Test func `by the socket for everybody mail is handed over and nothing else`() async {
        let administration = Administration(directory: nil, trace: nil, server: nil)
        for request in [AdministrationRequest.status, .accountList, .queueDelete(selection: .all)] {
            let answer = await administration.submit(request, by: geteuid(), in: "/data")
            #expect(answer.status == .failed)
        }
        var elsewhere = Self.submission
        elsewhere.folder = "/other"
        let other = await administration.submit(.submit(elsewhere), by: geteuid(), in: "/data")
        #expect(other.text.contains("another data folder"))
        var meant = Self.submission
        meant.folder = "/data/"
        let taken = await administration.submit(.submit(meant), by: geteuid(), in: "/data")
        #expect(taken == Administration.noServer)
    }

    @Test func `users are called as the system calls them`() {
        #expect(LocalUser.name(0) == "root")
        #expect(LocalUser.name(3_999_999_999) == "user-3999999999")
    }

    @Test func `mail goes to the socket for everybody where no server is named and none is there`() async throws {
        try await Self.inFolder { folder in
            let socket = folder + "/submit.sock"
            let server = try ControlServer(path: socket, mode: 0o666) { _, _ in
                AdministrationAnswer(text: "taken", json: "")
            }
            let none = folder + "/none"
            let anywhere = SubmissionDoor(named: nil, standard: none, socket: socket)
            let taken = try await Self.hand(anywhere)
            #expect(taken.text == "taken")
            // A server that was named and does not run is not replaced by another.
            let named = SubmissionDoor(named: none, standard: none, socket: socket)
            let refused = try await Self.hand(named)
            #expect(refused.status == .temporary)
            await server.stop()
        }
    }

    private static func hand(_ door: SubmissionDoor) async throws -> AdministrationAnswer {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread { continuation.resume(with: Result { try door.submit(submission) }) }
        }
    }
}
