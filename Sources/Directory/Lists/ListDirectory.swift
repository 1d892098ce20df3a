import MailBytes
import MailNames
import MailingLists

/// Mailing lists and who is in them.
public protocol ListDirectory: Sendable {
    /// What a list is like; `nil` when it is not there any more.
    func list(_ id: ListID) async throws(DirectoryError) -> ListSettings?

    /// The members who get posts, those who are suspended left out.
    func recipients(of list: ListID) async throws(DirectoryError) -> [EmailAddress]

    /// Whether one of the addresses is a member's, suspended or not.
    func isMember(_ addresses: [EmailAddress], of list: ListID) async throws(DirectoryError) -> Bool

    /// Makes addresses members. Those who were members before are suspended no longer, and their bounces are forgotten.
    ///
    /// Durable on return, as all changes.
    ///
    /// - Returns: how many were no members before.
    @discardableResult
    func addMembers(_ addresses: [EmailAddress], to list: ListID) async throws(DirectoryError) -> Int

    /// - Returns: how many were members.
    @discardableResult
    func removeMembers(_ addresses: [EmailAddress], from list: ListID) async throws(DirectoryError) -> Int

    /// Counts mail that came back from members.
    ///
    /// - Returns: those who get no more posts from now on.
    func countBounces(_ bounces: [ListBounce], of list: ListID) async throws(DirectoryError) -> [ListBounce]

    /// What tokens are sealed with: the same for as long as the directory is.
    func listSeal() async throws(DirectoryError) -> ListSeal
}

/// Mail to a member that came back.
public struct ListBounce: Hashable, Sendable {
    public var member: EmailAddress
    public var severity: BounceReport.Severity
    /// For the owner, one line.
    public var reason: String

    public init(member: EmailAddress, severity: BounceReport.Severity, reason: String) {
        self.member = member
        self.severity = severity
        self.reason = reason
    }
}

/// Names a list for good, also when its address changes.
public struct ListID: Hashable, Sendable {
    public let rawValue: Int64

    /// The id of a number from the database.
    public init(_ rawValue: Int64) {
        self.rawValue = rawValue
    }
}

/// Which list an address belongs to, and what the address is for.
///
/// An object, since few addresses are lists' and each answer would be larger with both in it.
public final class ListTarget: Hashable, Sendable {
    public let list: ListID
    public let role: ListRole

    public init(_ list: ListID, _ role: ListRole) {
        self.list = list
        self.role = role
    }

    public static func == (left: ListTarget, right: ListTarget) -> Bool {
        left.list == right.list && left.role == right.role
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(list)
        hasher.combine(role)
    }
}
