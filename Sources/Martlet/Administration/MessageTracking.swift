import Access
import NIOPosix

/// Asks another host what became of a message, for the command line: no server of ours is needed for that.
public enum MessageTracking {
    /// - Returns: the answer's lines.
    /// - Throws: `TrackingFailure`.
    public static func ask(host: String, port: Int?, envelopeID: String, secret: [UInt8]) async throws -> [String] {
        try await TrackingClient.track(
            envelopeID: envelopeID,
            secret: secret,
            at: host,
            port: port ?? ServiceName.mtqp.wellKnownPort,
            on: MultiThreadedEventLoopGroup.singleton
        )
    }
}
