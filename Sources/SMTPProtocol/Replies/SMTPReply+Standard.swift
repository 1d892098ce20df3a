/// The replies of the server, each in one place: RFC 5321 section 4.2.3, statuses by RFC 3463 and RFC 5248.
extension SMTPReply {
    public static let ok = SMTPReply(250, EnhancedStatus(2, 0, 0), "Ok")
    public static let senderOk = SMTPReply(250, EnhancedStatus(2, 1, 0), "Ok")
    public static let recipientOk = SMTPReply(250, EnhancedStatus(2, 1, 5), "Ok")
    public static let startContent = SMTPReply(354, nil, "End data with <CR><LF>.<CR><LF>")
    public static let startTLS = SMTPReply(220, EnhancedStatus(2, 0, 0), "Ready to start TLS")
    public static let authenticated = SMTPReply(235, EnhancedStatus(2, 7, 0), "Authentication successful")
    public static let cannotVerify = SMTPReply(
        252,
        EnhancedStatus(2, 5, 2),
        "Names are not told here, but mail for them is taken if they exist"
    )

    public static let unrecognized = SMTPReply(500, EnhancedStatus(5, 5, 2), "Command not recognized")
    public static let lineTooLong = SMTPReply(500, EnhancedStatus(5, 5, 2), "Line too long")
    public static let bareNewlineInCommand = SMTPReply(
        500,
        EnhancedStatus(5, 5, 2),
        "A line ends with CR LF, and has no other CR, LF or NUL"
    )
    public static let bareNewlineInContent = SMTPReply(
        554,
        EnhancedStatus(5, 6, 0),
        "Lines end with CR LF: a bare CR or LF in the message is refused"
    )
    public static let noArguments = SMTPReply(501, EnhancedStatus(5, 5, 4), "This command takes no arguments")
    public static let missingArgument = SMTPReply(501, EnhancedStatus(5, 5, 4), "An argument is missing")
    public static let senderSyntax = SMTPReply(501, EnhancedStatus(5, 1, 7), "Syntax: MAIL FROM:<address>")
    public static let recipientSyntax = SMTPReply(501, EnhancedStatus(5, 1, 3), "Syntax: RCPT TO:<address>")
    public static let parameterSyntax = SMTPReply(
        501,
        EnhancedStatus(5, 5, 4),
        "A parameter has a wrong value or comes twice"
    )
    public static let parameterUnknown = SMTPReply(555, EnhancedStatus(5, 5, 4), "A parameter is not known here")
    public static let chunkSyntax = SMTPReply(501, EnhancedStatus(5, 5, 4), "Syntax: BDAT size [LAST]")
    public static let nameSyntax = SMTPReply(501, EnhancedStatus(5, 5, 4), "Syntax: EHLO hostname")
    public static let localHelloOnly = SMTPReply(500, EnhancedStatus(5, 5, 1), "LMTP is spoken here: say LHLO")
    public static let helloFirst = SMTPReply(503, EnhancedStatus(5, 5, 1), "Say EHLO first")
    public static let mailFirst = SMTPReply(503, EnhancedStatus(5, 5, 1), "MAIL comes first")
    public static let nestedMail = SMTPReply(503, EnhancedStatus(5, 5, 1), "A transaction is already open")
    public static let recipientFirst = SMTPReply(503, EnhancedStatus(5, 5, 1), "RCPT comes first")
    public static let noValidRecipients = SMTPReply(554, EnhancedStatus(5, 5, 1), "No valid recipients")
    public static let chunkingBegun = SMTPReply(503, EnhancedStatus(5, 5, 1), "Only BDAT can go on with this message")
    public static let binaryNeedsChunks = SMTPReply(503, EnhancedStatus(5, 5, 1), "BINARYMIME goes with BDAT only")
    public static let notInTransaction = SMTPReply(503, EnhancedStatus(5, 5, 1), "Not during a transaction")
    public static let tooManyRecipients = SMTPReply(
        452,
        EnhancedStatus(4, 5, 3),
        "Too many recipients, send the rest in another transaction"
    )
    public static let tooManyTransactions = SMTPReply(
        421,
        EnhancedStatus(4, 7, 0),
        "Too many messages in one connection, come again"
    )
    public static let tooManyErrors = SMTPReply(421, EnhancedStatus(4, 7, 0), "Too many errors")
    public static let tooLarge = SMTPReply(552, EnhancedStatus(5, 3, 4), "The message is larger than is taken here")
    public static let internationalizedAddress = SMTPReply(
        553,
        EnhancedStatus(5, 6, 7),
        "An address in UTF-8 needs the parameter SMTPUTF8"
    )
    public static let tlsActive = SMTPReply(503, EnhancedStatus(5, 5, 1), "TLS is active already")
    public static let tlsUnavailable = SMTPReply(454, EnhancedStatus(4, 7, 0), "TLS is not available now")
    public static let authenticationRequired = SMTPReply(530, EnhancedStatus(5, 7, 0), "Authentication required")
    public static let encryptionRequired = SMTPReply(
        538,
        EnhancedStatus(5, 7, 11),
        "Log-ins are taken over TLS only: STARTTLS first"
    )
    public static let mechanismUnknown = SMTPReply(504, EnhancedStatus(5, 5, 4), "The mechanism is not known here")
    public static let mechanismTooWeak = SMTPReply(
        534,
        EnhancedStatus(5, 7, 9),
        "The mechanism is too weak here: take one that does not send the password"
    )
    public static let alreadyAuthenticated = SMTPReply(503, EnhancedStatus(5, 5, 1), "Already authenticated")
    public static let authenticationCancelled = SMTPReply(501, EnhancedStatus(5, 7, 0), "Authentication cancelled")
    public static let authenticationSyntax = SMTPReply(
        501,
        EnhancedStatus(5, 5, 2),
        "Not valid base64, or not of the mechanism's form"
    )
    public static let authenticationTooLong = SMTPReply(500, EnhancedStatus(5, 5, 6), "Authentication line too long")
    public static let credentialsInvalid = SMTPReply(535, EnhancedStatus(5, 7, 8), "Authentication credentials invalid")
    public static let authenticationUnavailable = SMTPReply(
        454,
        EnhancedStatus(4, 7, 0),
        "Temporary authentication failure"
    )
    public static let notOffered = SMTPReply(502, EnhancedStatus(5, 5, 1), "Not offered here")
    public static let storageFull = SMTPReply(
        452,
        EnhancedStatus(4, 3, 1),
        "Insufficient system storage, come again later"
    )
    public static let localError = SMTPReply(451, EnhancedStatus(4, 3, 0), "Local error, come again later")
    public static let timedOut = SMTPReply(421, EnhancedStatus(4, 4, 2), "Timed out waiting for you")
    public static let closing = SMTPReply(221, EnhancedStatus(2, 0, 0), "Bye")
    public static let tooManyConnections = SMTPReply(
        421,
        EnhancedStatus(4, 7, 0),
        "Too many connections, come again later"
    )

    /// The server is about to stop: RFC 5321 section 3.8.
    public static func shuttingDown(_ host: String) -> SMTPReply {
        SMTPReply(421, EnhancedStatus(4, 3, 2), "\(host) is shutting down, come again soon")
    }

    /// The message is on stable storage under this queue id.
    public static func queued(_ id: String) -> SMTPReply {
        SMTPReply(250, EnhancedStatus(2, 0, 0), "Ok: queued as \(id)")
    }

    /// A chunk arrived: RFC 3030 section 2.
    public static func chunkReceived(_ octets: Int) -> SMTPReply {
        SMTPReply(250, EnhancedStatus(2, 0, 0), "\(octets) octets received")
    }
}
