import Foundation
import Glibc
import MailBytes
import MailNames
import Martlet
import SMTPProtocol

/// `sendmail -bs`: SMTP on standard input and output, for programs of this machine. Messages go to the server over the control
/// socket, and are acknowledged when it has them.
enum SMTPOnStandardStreams {
    static func run(folder: String) throws {
        let host = ProcessInfo.processInfo.hostName
        let domain = try Domain(parsing: host.contains(".") ? host : "localhost")
        let postmaster = EmailAddress(localPart: try LocalPart(text: "postmaster"), host: .domain(domain))
        var session = SMTPServerSession(
            configuration: SMTPServerConfiguration(
                hostName: domain.ascii,
                role: .transfer,
                offersTLS: false,
                postmaster: postmaster
            )
        )
        write(session.greeting)
        while let line = readLine(strippingNewline: true) {
            let bytes = Array((line.hasSuffix("\r") ? String(line.dropLast()) : line).utf8)
            var action = session.lineReceived(bytes.span)
            var content: [UInt8] = []
            while true {
                switch action {
                case .send(let reply): write(reply)
                case .sendAndClose(let reply), .refuseSmuggling(let reply), .startTLS(let reply):
                    write(reply)
                    return
                case .judgeSender:
                    action = session.senderJudged(.accepted)
                    continue
                case .judgeRecipient:
                    action = session.recipientJudged(.accepted)
                    continue
                case .judgeCredentials:
                    action = session.credentialsJudged(.unavailable)
                    continue
                case .findVerifier:
                    action = session.verifierFound(.unavailable)
                    continue
                case .receiveContent(let reply):
                    write(reply)
                    guard let message = readContent() else { return }
                    content = message
                    _ = session.contentReceived(content.count)
                    action = session.contentEnded()
                    continue
                case .receiveChunk:
                    write(.notOffered)
                    return
                case .commit(let transaction):
                    action = session.committed(try hand(content, transaction, folder))
                    continue
                }
                break
            }
        }
    }

    private static func write(_ reply: SMTPReply) {
        FileHandle.standardOutput.write(Data(reply.wire))
    }

    private static func readContent() -> [UInt8]? {
        var content: [UInt8] = []
        while let line = readLine(strippingNewline: true) {
            let text = line.hasSuffix("\r") ? String(line.dropLast()) : line
            if text == "." { return content }
            content += Array((text.hasPrefix(".") ? String(text.dropFirst()) : text).utf8) + [13, 10]
            guard content.count <= 64 << 20 else { return nil }
        }
        return nil
    }

    private static func hand(_ content: [UInt8], _ transaction: SMTPTransaction, _ folder: String) throws -> SMTPReply {
        let submission = AdministrationRequest.Submission(
            sender: transaction.reversePath.address?.description ?? "",
            recipients: transaction.recipients.map(\.address.description),
            recipientsFromHeader: false,
            content: Data(content).base64EncodedString(),
            user: NSUserName()
        )
        guard let answer = try ControlSocket.ask(.submit(submission), in: folder) else { return .localError }
        return answer.status == .done ? .ok : .localError
    }
}
