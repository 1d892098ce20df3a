import Access
import Logging
import Monitoring
import NIOCore
import NIOSSL
import TrackingProtocol

extension MartletServer {
    /// The message tracking service over the trace: RFC 3887.
    static func tracking(
        _ plan: ServerPlan,
        _ trace: TraceStore,
        _ group: any EventLoopGroup,
        _ logger: Logger,
        tls: @escaping @Sendable () -> NIOSSLContext?
    ) -> TrackingServer {
        let hostName = plan.hostName.ascii
        return TrackingServer(hostName: hostName, limits: plan.connections, tls: tls, group: group) { id, secret in
            do {
                let report = try await trace.track(envelopeID: id, secret: secret, hostName: hostName)
                return report.map { .report($0) } ?? .nothing
            } catch {
                logger.error("a message could not be tracked: \(error)")
                return .unavailable
            }
        }
    }
}
