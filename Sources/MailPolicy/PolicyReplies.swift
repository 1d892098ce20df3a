import MailNames
import SMTPProtocol

/// What refused clients are told; nothing of names or rules behind it.
extension SMTPReply {
    public static let relayingDenied = SMTPReply(550, EnhancedStatus(5, 7, 1), "Relaying denied")
    public static let unknownRecipient = SMTPReply(550, EnhancedStatus(5, 1, 1), "No such user here")
    public static let notYourAddress = SMTPReply(
        553,
        EnhancedStatus(5, 7, 1),
        "The sender address does not belong to your account"
    )
    public static let directoryUnavailable = SMTPReply(
        451,
        EnhancedStatus(4, 3, 0),
        "Recipients cannot be checked now, come again later"
    )
    public static let mailboxDisabled = SMTPReply(550, EnhancedStatus(5, 2, 1), "The mailbox takes no mail")
    public static let routingDenied = SMTPReply(
        550,
        EnhancedStatus(5, 7, 1),
        "Addresses that route on to other hosts are not taken"
    )
    public static let nextHopUnavailable = SMTPReply(
        450,
        EnhancedStatus(4, 4, 1),
        "The recipient cannot be checked at its own host now, come again later"
    )
    public static let paceExceeded = SMTPReply(
        450,
        EnhancedStatus(4, 7, 1),
        "Your account has sent as much as it may for now, come again later"
    )
    public static let loopDetected = SMTPReply(
        554,
        EnhancedStatus(5, 4, 6),
        "The message has passed too many hosts, it is in a loop"
    )

    public static let returnPathInvalid = SMTPReply(
        550,
        EnhancedStatus(5, 7, 1),
        "The tag of this return path is not ours or has expired"
    )
    /// The mailbox is elsewhere now, and the message goes there: RFC 5321 section 3.4.
    public static func willForward(to address: EmailAddress) -> SMTPReply {
        SMTPReply(251, EnhancedStatus(2, 1, 5), "User not local; will forward to <\(address)>")
    }

    /// The mailbox is elsewhere now, and the sender is to write there: RFC 5321 section 3.4. The status is RFC 3463's.
    public static func tryInstead(_ address: EmailAddress) -> SMTPReply {
        SMTPReply(551, EnhancedStatus(5, 1, 6), "User not local; please try <\(address)>")
    }
}
