import MailNames
import SMTPProtocol

/// What becomes of a message to a list.
public enum PostDecision: Hashable, Sendable {
    /// It goes to the members.
    case distribute
    /// It waits for the owner, for this reason.
    case hold(String)
    /// Its sender is told that it was not taken.
    case refuse(EnhancedStatus, String)
    /// It is dropped: telling anybody would make it worse.
    case discard(String)

    /// Decides.
    ///
    /// - Parameters:
    ///   - isMember: whether one of `post.writers` is a member.
    ///   - account: who logged in to send it; a From field alone proves nothing, so the owner's own posts to a moderated list are
    ///     held as well unless they came so.
    public static func of(
        _ post: ArrivingPost,
        to list: ListSettings,
        reversePath: ReversePath,
        account: String?,
        isMember: Bool
    ) -> PostDecision {
        if post.passedLists.contains(list.identifier) {
            return .discard("it went through the list before and came back")
        }
        if reversePath == .null { return .discard("it has no sender, as reports have none") }
        if post.isAutomaticAnswer { return .discard("it is an automatic answer") }
        let isOwner = account.flatMap { try? EmailAddress(parsing: $0) }.map { same($0, list.owner) } ?? false
        switch list.posting {
        case .anyone: return .distribute
        case .members:
            let isKnown = isMember || isOwner
            return isKnown
                ? .distribute
                : .refuse(.listProhibited, "Only members may post to \(list.address)")
        case .moderated: return isOwner ? .distribute : .hold("the owner looks at every post to \(list.address) first")
        }
    }

    private static func same(_ left: EmailAddress, _ right: EmailAddress) -> Bool {
        left.host == right.host && left.localPart.text.lowercased() == right.localPart.text.lowercased()
    }
}

extension EnhancedStatus {
    /// The sender may not post to the list: RFC 3463 section 3.8.
    public static let listProhibited = EnhancedStatus(5, 7, 2)
}
