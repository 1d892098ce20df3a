import ArgumentParser
import Foundation
import Glibc
import Martlet

/// The interface of /usr/sbin/sendmail, which programs on the machine use to send mail.
struct SendmailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sendmail",
        abstract: "The interface of /usr/sbin/sendmail: reads a message from standard input and queues it.",
        discussion: """
            -t           recipients are taken from To, Cc and Bcc
            -i, -oi      a line with a single dot does not end the message
            -f ADDRESS   the reverse-path (also -r)
            -F NAME      the sender's full name (taken and ignored)
            -bs          speaks SMTP on standard input and output
            -bp          lists the queue, as mailq does
            -O…, -o…     options of the original, taken and ignored
            --data DIR   the instance
            """
    )

    @Argument(parsing: .captureForPassthrough) var arguments: [String] = []

    func run() async throws { try await Self.run(arguments: arguments) }

    static func run(arguments: [String]) async throws {
        let options = try SendmailOptions(arguments)
        switch options.mode {
        case .queueList:
            let list = try QueueCommand.List.parse(options.data.map { ["--data", $0] } ?? [])
            try await list.run()
        case .smtp:
            try SMTPOnStandardStreams.run(through: SubmissionDoor(data: options.data))
        case .rebuildAliases:
            return
        case .deliver:
            let content = try readMessage(dotEnds: !options.ignoresDots)
            let submission = AdministrationRequest.Submission(
                sender: options.sender,
                recipients: options.recipients,
                recipientsFromHeader: options.recipientsFromHeader,
                content: Data(content).base64EncodedString(),
                user: NSUserName()
            )
            let answer: AdministrationAnswer
            do {
                answer = try SubmissionDoor(data: options.data).submit(submission)
            } catch {
                throw CommandFailure(.failed, "The message was not taken: \(error)")
            }
            guard answer.status == .done else { throw CommandFailure(answer.status, answer.text) }
        }
    }

    /// Reads standard input to its end, or to a line with a single dot.
    private static func readMessage(dotEnds: Bool) throws -> [UInt8] {
        var content: [UInt8] = []
        var input = InputLines(descriptor: 0)
        while let piece = input.next() {
            if dotEnds && piece.isDot { break }
            content += piece.octets
            guard content.count <= AdministrationRequest.Submission.contentLimit else {
                throw CommandFailure(.failed, "The message is larger than 64 MiB.")
            }
        }
        guard !content.isEmpty else { throw CommandFailure(.usage, "There is no message on standard input.") }
        return content
    }
}

/// What sendmail's arguments ask for.
struct SendmailOptions {
    enum Mode { case deliver, queueList, smtp, rebuildAliases }

    var mode = Mode.deliver
    var recipientsFromHeader = false
    var ignoresDots = false
    var sender: String?
    var data: String?
    var recipients: [String] = []

    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        func value(of option: String, attached: Substring) throws -> String {
            if !attached.isEmpty { return String(attached) }
            guard let next = rest.popFirst() else {
                throw CommandFailure(.usage, "sendmail: the option \(option) needs a value.")
            }
            return next
        }
        while let argument = rest.popFirst() {
            if argument == "--" {
                recipients += rest
                break
            }
            guard argument.hasPrefix("-"), argument.count > 1 else {
                recipients.append(argument)
                continue
            }
            if argument == "--data" {
                data = try value(of: argument, attached: "")
                continue
            }
            let attached = argument.dropFirst(2)
            switch argument.prefix(2) {
            case "-t": recipientsFromHeader = true
            case "-i": ignoresDots = true
            case "-o":
                if attached == "i" { ignoresDots = true }
            case "-f", "-r":
                let address = try value(of: argument, attached: attached)
                sender = address == "<>" ? "" : address.trimmingCharacters(in: ["<", ">"])
            case "-b":
                switch attached {
                case "m": mode = .deliver
                case "p": mode = .queueList
                case "s": mode = .smtp
                case "i": mode = .rebuildAliases
                default: throw CommandFailure(.usage, "sendmail: there is no mode \(argument) here.")
                }
            case "-F", "-B", "-h", "-L", "-N", "-R", "-V", "-X", "-O", "-p", "-q":
                if attached.isEmpty && argument != "-q" { _ = rest.popFirst() }
            case "-G", "-n", "-U", "-v", "-m", "-e": break
            default: throw CommandFailure(.usage, "sendmail: there is no option \(argument).")
            }
        }
        if mode == .deliver && recipients.isEmpty && !recipientsFromHeader {
            throw CommandFailure(.usage, "sendmail: name a recipient, or use -t to take them from the header.")
        }
    }
}
