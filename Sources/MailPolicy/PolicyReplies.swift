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
    public static let loopDetected = SMTPReply(
        554,
        EnhancedStatus(5, 4, 6),
        "The message has passed too many hosts, it is in a loop"
    )
}
