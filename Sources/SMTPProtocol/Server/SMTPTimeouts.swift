/// How long each side waits for the other: RFC 5321 section 4.5.3.2.
public struct SMTPTimeouts: Sendable, Hashable {
    /// The server waits for the next command: section 4.5.3.2.7.
    public var command = Duration.seconds(300)
    /// The server waits for more content, and the client for its content to leave: section 4.5.3.2.5.
    public var contentBlock = Duration.seconds(180)
    /// The client waits for the greeting, and for the answers to EHLO, MAIL and RCPT: sections 4.5.3.2.1 to 4.5.3.2.3.
    public var greeting = Duration.seconds(300)
    public var mail = Duration.seconds(300)
    public var recipient = Duration.seconds(300)
    /// The client waits for 354: section 4.5.3.2.4.
    public var dataStart = Duration.seconds(120)
    /// The client waits for the answer to its content: section 4.5.3.2.6. Giving up early makes duplicates (RFC 1047).
    public var contentEnd = Duration.seconds(600)
    /// The client waits for a connection to stand.
    public var connect = Duration.seconds(30)
    /// The client waits for the answer to QUIT, which nothing depends on.
    public var quit = Duration.seconds(5)

    public init() {}
}
