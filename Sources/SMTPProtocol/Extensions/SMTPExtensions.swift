import MailBytes
import MailNames

/// Service extensions that a listener offers or not, beyond those that every session has: RFC 5321 section 2.2.
///
/// Each is declared in a file of its own beside this one: its keyword, its parameters, and what they stand for.
public struct SMTPExtensions: OptionSet, Hashable, Sendable {
    public let rawValue: UInt16

    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// DELIVERBY: RFC 2852.
    public static let deliverBy = SMTPExtensions(rawValue: 1)
    /// FUTURERELEASE, which is for submission alone: RFC 4865 section 4.2.
    public static let futureRelease = SMTPExtensions(rawValue: 2)
    /// MT-PRIORITY: RFC 6710.
    public static let priority = SMTPExtensions(rawValue: 4)
    /// RRVS: RFC 7293.
    public static let requiredOwnership = SMTPExtensions(rawValue: 8)
    /// REQUIRETLS, which is there under TLS alone: RFC 8689 section 2.
    public static let requireTLS = SMTPExtensions(rawValue: 16)
    /// NO-SOLICITING: RFC 3865.
    public static let noSoliciting = SMTPExtensions(rawValue: 32)
    /// MTRK: RFC 3885.
    public static let tracking = SMTPExtensions(rawValue: 64)
    /// VERB and ONEX, old commands of sendmail that change nothing here.
    public static let verbose = SMTPExtensions(rawValue: 128)
    /// BURL, which is for submission alone: RFC 4468 section 3.1.
    public static let burl = SMTPExtensions(rawValue: 256)
    /// CHECKPOINT, for transfer and submission: RFC 1845.
    public static let checkpoint = SMTPExtensions(rawValue: 512)
}

/// What a listener offers beyond what every session has, with the values that are announced.
public struct SMTPServiceOffer: Hashable, Sendable {
    public var extensions: SMTPExtensions
    /// The shortest time that BY may ask for with mode R; zero for any: RFC 2852 section 2.
    public var shortestDeliverBy: Duration
    /// How long a message may be held for its release: RFC 4865 section 3.
    public var longestHold: Duration
    /// The name of the priority assignment policy; `nil` tells none: RFC 6710 section 3.
    public var priorityPolicy: String?
    /// Solicitation class keywords of what is not taken: RFC 3865 section 2.2.
    public var refusedSolicitations: [String]

    public init(
        _ extensions: SMTPExtensions = [],
        shortestDeliverBy: Duration = .zero,
        longestHold: Duration = .seconds(30 * 86_400),
        priorityPolicy: String? = nil,
        refusedSolicitations: [String] = []
    ) {
        self.extensions = extensions
        self.shortestDeliverBy = shortestDeliverBy
        self.longestHold = longestHold
        self.priorityPolicy = priorityPolicy
        self.refusedSolicitations = refusedSolicitations
    }

    /// What holds for a session of this role, in clear or under TLS.
    func holding(for role: SMTPServerConfiguration.Role, isEncrypted: Bool) -> SMTPExtensions {
        var offered = extensions
        if role != .submission { offered.subtract([.futureRelease, .burl]) }
        // LMTP tells the outcome of each recipient, of which there is no one reply to repeat; on-demand relay takes no mail.
        if role != .submission && role != .transfer { offered.remove(.checkpoint) }
        if !isEncrypted { offered.remove(.requireTLS) }
        return offered
    }

    /// The lines of EHLO for these extensions.
    ///
    /// - Parameter now: what the latest moment of release is counted from.
    func lines(of offered: SMTPExtensions, now: Timestamp) -> [String] {
        guard !offered.isEmpty else { return [] }
        var lines: [String] = []
        if offered.contains(.deliverBy) { lines.append(DeliverByExtension.line(shortest: shortestDeliverBy)) }
        if offered.contains(.futureRelease) {
            lines.append(FutureReleaseExtension.line(longest: longestHold, now: now))
        }
        if offered.contains(.priority) { lines.append(PriorityExtension.line(policy: priorityPolicy)) }
        if offered.contains(.requiredOwnership) { lines.append(RequiredOwnershipExtension.keyword) }
        if offered.contains(.requireTLS) { lines.append(RequireTLSExtension.keyword) }
        if offered.contains(.noSoliciting) { lines.append(NoSolicitingExtension.line(refused: refusedSolicitations)) }
        if offered.contains(.tracking) { lines.append(TrackingExtension.keyword) }
        if offered.contains(.checkpoint) { lines.append(CheckpointExtension.keyword) }
        if offered.contains(.verbose) { lines += ["VERB", "ONEX"] }
        return lines
    }
}
