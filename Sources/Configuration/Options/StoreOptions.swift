import MailBytes
import MailNames

/// How long mail is tried.
public struct QueueOptions: Sendable, Hashable {
    /// How long a message is tried before it is given up: RFC 5321 section 4.5.4.1.
    public var lifetime = Duration.seconds(5 * 86_400)
    /// The same for reports that Martlet writes itself.
    public var reportLifetime = Duration.seconds(5 * 86_400)
    /// After how long a sender is told that the message still waits; zero for never.
    public var delayWarning = Duration.seconds(4 * 3600)
    /// The delays after the first failures.
    public var firstRetries: [Duration] = [.seconds(60), .seconds(300), .seconds(900)]
    /// The delay after those; it grows from then on.
    public var retry = Duration.seconds(1800)
    /// No delay is longer.
    public var longestRetry = Duration.seconds(4 * 3600)
    /// Where reports go that cannot be delivered; `nil` drops them.
    public var doubleBounceRecipient: EmailAddress?

    public init() {}
}

/// What the queue may take of the disk.
public struct SpoolBounds: Sendable, Hashable {
    public var maximumSize = ByteCount.gibibytes(64)
    public var minimumFree = ByteCount.mebibytes(256)

    public init() {}
}

/// The record of what happened to messages.
public struct TraceOptions: Sendable, Hashable {
    public var retention = Duration.seconds(30 * 86_400)

    public init() {}
}

/// What is written to standard error.
public struct LogOptions: Sendable, Hashable {
    /// How much.
    public enum Level: String, Sendable, Hashable, CaseIterable {
        case debug
        case info
        case notice
        case warning
        case error
    }

    public var level = Level.info

    public init() {}
}
