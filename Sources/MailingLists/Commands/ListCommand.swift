import InternetMessage
import MailBytes

/// What somebody asks of a list by mail.
public enum ListCommand: Hashable, Sendable {
    case subscribe
    case unsubscribe
    case help
    /// The answer to our question, with its token.
    case confirm(String)

    /// Octets of text that are looked through for a command.
    private static let textLimit = 4096

    /// What a message to one of the list's addresses asks for; help where it is not understood.
    ///
    /// - Parameters:
    ///   - subject: decoded.
    ///   - text: the first of the message's text.
    public static func of(_ role: ListRole, subject: String, text: String) -> ListCommand {
        switch role {
        case .subscribe: .subscribe
        case .unsubscribe: .unsubscribe
        case .confirm(let token): .confirm(token)
        case .request: command(in: subject) ?? firstCommand(text) ?? .help
        case .help, .post, .owner, .approve, .reject, .bounces: .help
        }
    }

    private static func firstCommand(_ text: String) -> ListCommand? {
        // What comes later is a signature or a quotation, and may say anything.
        let lines = text.prefix(textLimit).split(whereSeparator: \.isNewline).lazy.map(String.init)
        return lines.first { !$0.allSatisfy(\.isWhitespace) }.flatMap(command(in:))
    }

    /// The command that a line begins with, marks of answering aside.
    private static func command(in line: String) -> ListCommand? {
        let words = BaseSubject.of(line).text.split(whereSeparator: \.isWhitespace)
        guard let first = words.first?.lowercased() else { return nil }
        switch first {
        case "subscribe", "join": return .subscribe
        case "unsubscribe", "leave", "signoff": return .unsubscribe
        case "help", "info": return .help
        case "confirm":
            return words.dropFirst().first.map { .confirm(String($0)) }
        default: return nil
        }
    }
}
