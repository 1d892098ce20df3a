/// How mail of people who logged in is taken.
public struct SubmissionOptions: Sendable, Hashable {
    /// Whether the addresses in From have to be the account's.
    public var checkFrom = true

    public init() {}
}
