/// What an administration command asks of an instance, whether the running server answers or the command itself works on
/// the data.
public enum AdministrationRequest: Codable, Sendable {
    case status
    case domainAdd(domain: String, kind: DomainKindRequest)
    case domainList
    case domainRemove(domain: String)
    case accountAdd(address: String, password: String)
    case accountList
    case accountRemove(address: String)
    case accountPassword(address: String, password: String)
    case appPassword(AppPasswordRequest)
    case accountSenderAdd(address: String, sender: String)
    case accountSenderList(address: String)
    case accountSenderRemove(address: String, sender: String)
    case aliasAdd(alias: String, targets: [String])
    case aliasList
    case aliasRemove(alias: String)
    case list(ListRequest)
    case directory(DirectoryRequest)
    case queueList(domain: String?, state: String?, limit: Int)
    case queueShow(id: String)
    case queueFlush(domain: String?)
    case queueHold(selection: QueueSelection)
    case queueRelease(selection: QueueSelection)
    case queueDelete(selection: QueueSelection)
    case queueBounce(selection: QueueSelection)
    case queueReroute(selection: QueueSelection, destination: String)
    case queueOrders
    case queueDestinations
    case queueSuspend(destination: String, reason: String)
    case queueResume(destination: String)
    case trace(query: String, limit: Int)
    case submit(Submission)
    case fetchMail(MailFetchRequest)

    /// Which messages a queue command is about.
    public enum QueueSelection: Codable, Sendable {
        case message(id: String)
        case domain(String)
        case all
    }

    /// A message handed over by the `sendmail` command.
    public struct Submission: Codable, Sendable {
        /// Octets of a message that is handed over.
        public static let contentLimit = 64 << 20

        /// The reverse-path; empty for the null one, `nil` for the caller's own address.
        public var sender: String?
        public var recipients: [String]
        /// Adds the recipients named in To, Cc and Bcc: `-t`.
        public var recipientsFromHeader: Bool
        /// The whole message, lines ending in LF or CR LF, base64.
        public var content: String
        /// The name of the user who called.
        public var user: String
        /// The data folder of the server that is meant; `nil` for whichever answers.
        public var folder: String?

        public init(
            sender: String?,
            recipients: [String],
            recipientsFromHeader: Bool,
            content: String,
            user: String
        ) {
            self.sender = sender
            self.recipients = recipients
            self.recipientsFromHeader = recipientsFromHeader
            self.content = content
            self.user = user
        }
    }
}

/// What came of it: a text for people and the same for programs.
public struct AdministrationAnswer: Codable, Sendable, Hashable {
    /// The command's exit status.
    public var status: ExitStatus
    /// What is printed for people; on failure the sentence for standard error.
    public var text: String
    /// What `--json` prints: one JSON value.
    public var json: String
    /// Why a message was not taken, as SMTP says it; `nil` for every other answer.
    public var refusal: SubmissionRefusal?

    public init(status: ExitStatus = .done, text: String, json: String) {
        self.status = status
        self.text = text
        self.json = json
    }

    /// A failure with its sentence.
    public static func failure(_ status: ExitStatus, _ sentence: String) -> AdministrationAnswer {
        AdministrationAnswer(status: status, text: sentence, json: "")
    }
}

/// A reply that refuses a message.
public struct SubmissionRefusal: Codable, Sendable, Hashable {
    /// 400 to 599.
    public var code: Int
    /// The enhanced status; empty where there is none.
    public var status: String
    public var lines: [String]

    public init(code: Int, status: String, lines: [String]) {
        self.code = code
        self.status = status
        self.lines = lines
    }
}

/// The exit statuses of `martlet`, as in sysexits.h.
public enum ExitStatus: Int32, Codable, Sendable {
    case done = 0
    case failed = 1
    /// The command line or the configuration is wrong.
    case usage = 64
    /// The server it should talk to is not there.
    case unavailable = 69
    /// Try again.
    case temporary = 75
}
