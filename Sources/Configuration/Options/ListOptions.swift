/// What holds for all mailing lists. The lists themselves are in the directory.
public struct ListOptions: Sendable, Hashable {
    /// The page where members leave a list with one click: RFC 8058.
    public var unsubscribePage: String?

    public init() {}
}
