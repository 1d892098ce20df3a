import Foundation
import Glibc
import Logging

/// The two sockets by which programs of this machine reach a server: one for its operator, one for everybody's mail.
struct LocalDoors: Sendable {
    private let control: ControlServer
    /// `nil` where the plan has none, or its path cannot be used: the server's own user can still send by the other.
    private let submission: ControlServer?

    /// Opens both.
    ///
    /// - Throws: `ControlSocketError` for the control socket. The other is not worth a server: what is wrong is logged.
    static func open(_ plan: ServerPlan, _ administration: Administration, _ logger: Logger) throws -> LocalDoors {
        // The spool's lock has already shown that no other server uses this folder.
        let control = try ControlServer(path: ControlSocket.path(in: plan.dataFolder), mode: 0o600) { request, _ in
            await administration.perform(request)
        }
        guard let path = plan.submissionSocket else { return LocalDoors(control: control, submission: nil) }
        do {
            try makeFolder(of: path, for: nil)
            guard try ControlSocket.connect(to: path).map({ close($0) }) == nil else {
                throw ControlSocketError.inUse(path)
            }
            let submission = try ControlServer(path: path, mode: 0o666) { request, user in
                await administration.submit(request, by: user, in: plan.dataFolder)
            }
            return LocalDoors(control: control, submission: submission)
        } catch {
            logger.warning(
                "Users of this machine cannot send mail by the sendmail command: \(error) Set sendmail.socket."
            )
            return LocalDoors(control: control, submission: nil)
        }
    }

    /// Makes the folder of a socket where it is not there; open to everybody, as the socket is.
    ///
    /// - Parameter user: who is to have it, when root makes it.
    static func makeFolder(of path: String, for user: String?) throws {
        let folder = (path as NSString).deletingLastPathComponent
        guard mkdir(folder, 0o755) == 0 else {
            guard errno == EEXIST else { throw ControlSocketError.unusable(folder, errno) }
            return
        }
        if let user { try Privileges.give(folder, to: user) }
    }

    func stop() async {
        async let control: Void = control.stop()
        async let submission: Void? = submission?.stop()
        _ = await (control, submission)
    }
}

extension Administration {
    /// Takes a message from a user of this machine, and nothing else: who it is says the system, not the request.
    ///
    /// - Parameter folder: the server's data folder; a request that means another is refused.
    func submit(
        _ request: AdministrationRequest,
        by user: uid_t,
        in folder: String
    ) async -> AdministrationAnswer {
        guard case .submit(var submission) = request else {
            return .failure(.failed, "Only root and the server's own user may ask that.")
        }
        if let meant = submission.folder, Self.canonical(meant) != Self.canonical(folder) {
            return .failure(
                .unavailable,
                "The server that takes mail from this machine's users has another data folder."
            )
        }
        submission.user = LocalUser.name(user)
        return await perform(.submit(submission))
    }

    private static func canonical(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().standardizedFileURL.path
    }
}

/// A user of this machine.
enum LocalUser {
    /// The name by the system's own table; what has none is called by its number.
    static func name(_ user: uid_t) -> String {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var space = [CChar](repeating: 0, count: 16 << 10)
        guard getpwuid_r(user, &entry, &space, space.count, &found) == 0, found != nil, let name = entry.pw_name else {
            return "user-\(user)"
        }
        return String(cString: name)
    }
}
