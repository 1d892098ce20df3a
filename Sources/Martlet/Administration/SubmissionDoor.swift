import Foundation

/// By which socket a program hands a message to a server of this machine.
public struct SubmissionDoor: Sendable {
    /// The path of the submission socket, unless `MARTLET_SENDMAIL_SOCKET` names another.
    public static let standardPath = "/run/martlet/submit.sock"

    /// The data folder that was named; `nil` for whichever server there is.
    private let named: String?
    private let folder: String
    private let socket: String

    /// - Parameter data: the data folder of `--data`, if it was given.
    public init(data: String?) {
        let environment = ProcessInfo.processInfo.environment
        self.init(
            named: data ?? environment["MARTLET_DATA"].flatMap { $0.isEmpty ? nil : $0 },
            standard: DataFolder.standard(),
            socket: environment["MARTLET_SENDMAIL_SOCKET"].flatMap { $0.isEmpty ? nil : $0 } ?? Self.standardPath
        )
    }

    init(named: String?, standard: String, socket: String) {
        self.named = named
        self.folder = named ?? standard
        self.socket = socket
    }

    /// Hands a message over: by the control socket where the caller may use it, else by the one for everybody.
    ///
    /// - Throws: `ControlSocketError` when a server is there and the answer does not come.
    public func submit(_ submission: AdministrationRequest.Submission) throws -> AdministrationAnswer {
        var submission = submission
        submission.folder = named
        do {
            if let answer = try ControlSocket.ask(.submit(submission), in: folder) { return answer }
            // Another server's socket is no substitute for one that was named and does not run.
            if named != nil { return .failure(.temporary, Self.noServer(folder)) }
            if let answer = try ControlSocket.ask(.submit(submission), at: socket) { return answer }
            return .failure(.temporary, Self.noServer(folder))
        } catch ControlSocketError.forbidden(let path) where path != socket {
            if let answer = try ControlSocket.ask(.submit(submission), at: socket) { return answer }
            return .failure(
                .temporary,
                "The message was not taken: \(path) is the server's own user's, and at \(socket), where everybody's mail is "
                    + "taken, no server answers."
            )
        }
    }

    private static func noServer(_ folder: String) -> String {
        "The message was not taken: no server is running on \(folder). Start it and send again."
    }
}
