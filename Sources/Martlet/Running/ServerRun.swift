import Foundation
import Glibc
import Logging
import UnixSignals

/// One run of the program as a server: from the plan to a clean end.
public enum ServerRun {
    /// Runs until SIGTERM or SIGINT; SIGHUP takes over what `reloaded` says.
    ///
    /// - Parameters:
    ///   - reloaded: reads the configuration again; throws when it is wrong, and then nothing changes.
    ///   - prepared: called with the opened server before it listens.
    ///   - started: called when everything listens.
    public static func run(
        _ plan: ServerPlan,
        logger: Logger,
        reloaded: @escaping @Sendable () throws -> ServerPlan,
        prepared: @Sendable (MartletServer) async throws -> Void = { _ in },
        started: @Sendable (MartletServer) -> Void = { _ in }
    ) async throws {
        signal(SIGPIPE, SIG_IGN)
        AllocatorSettings.apply()
        Privileges.raiseFileLimit()
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint, .sighup)
        // Read while root may: keys are root's where the operator likes it so.
        let identity = try MartletServer.identity(of: plan)
        let plan = try leaveRoot(try takeInherited(plan))
        let server = try MartletServer(plan: plan, logger: logger, identity: identity)
        server.warn(of: plan)
        try await prepared(server)
        let administration = Administration(directory: server.directory, trace: server.trace, server: server)
        let doors = try await server.start { try LocalDoors.open(plan, administration, logger) }
        started(server)
        Readiness.ready.tell()
        StartUpMemory.release()
        for await signal in signals {
            guard signal == .sighup else { break }
            Readiness.reloading(monotonicMicroseconds: Readiness.monotonicMicroseconds()).tell()
            do {
                await server.reload(try reloaded())
                logger.notice("The configuration was read again.")
            } catch {
                logger.error("The configuration was not taken over: \(error)")
            }
            Readiness.ready.tell()
        }
        Readiness.stopping.tell()
        logger.notice("Stopping.")
        // Whatever hangs, a stop ends: what was acknowledged is on disk already.
        let watchdog = Thread {
            Thread.sleep(forTimeInterval: 9.5)
            logger.warning("Not everything ended in time. What was acknowledged is on the disk.")
            exit(0)
        }
        watchdog.start()
        await doors.stop()
        await server.stop()
    }

    /// Listeners for which systemd bound a socket use it: by the socket's name, or by order.
    private static func takeInherited(_ plan: ServerPlan) throws -> ServerPlan {
        let inherited = InheritedSockets.take()
        guard !inherited.named.isEmpty else { return plan }
        var plan = plan
        var listeners: [ServerPlan.Listener] = []
        for (name, descriptor) in inherited.named {
            if let service = ServiceName(rawValue: name) ?? service(boundTo: descriptor) {
                listeners.append(ServerPlan.Listener(service, .sockets([descriptor])))
            }
        }
        let given = Set(listeners.map(\.service))
        plan.listeners = listeners + plan.listeners.filter { !given.contains($0.service) }
        return plan
    }

    private static func service(boundTo descriptor: CInt) -> ServiceName? {
        var address = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        let found = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(descriptor, $0, &length) }
        }
        // The port is at the same place in both kinds of address.
        guard found == 0 else { return nil }
        let port = Int(UInt16(bigEndian: address.sin6_port))
        return ServiceName.allCases.first { $0.wellKnownPort == port }
    }

    /// As root with a user to become: binds the ports, hands the data folder over, and is root no more.
    private static func leaveRoot(_ plan: ServerPlan) throws -> ServerPlan {
        guard Privileges.isRoot, let user = plan.user, !user.isEmpty else { return plan }
        var plan = plan
        plan.listeners = try plan.listeners.map { listener in
            let point = try listener.point.bound(for: listener.service.rawValue, count: plan.loops)
            return ServerPlan.Listener(listener.service, point)
        }
        if let socket = plan.submissionSocket { try? LocalDoors.makeFolder(of: socket, for: user) }
        try DataFolder(plan.dataFolder).make()
        try Privileges.give(plan.dataFolder, to: user)
        let names = FileManager.default.enumerator(atPath: plan.dataFolder)
        while let name = names?.nextObject() as? String { try Privileges.give(plan.dataFolder + "/" + name, to: user) }
        try Privileges.become(user)
        return plan
    }
}
