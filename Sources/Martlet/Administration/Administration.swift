import Delivery
import Directory
import Foundation
import MailBytes
import MailEvents
import MailNames
import Monitoring
import Reception
import SASL
import SMTPProtocol

/// Carries administration requests out, for the running server or on the data of a stopped one.
public struct Administration: Sendable {
    let directory: SQLDirectory?
    let trace: TraceStore?
    /// `nil` where no server runs.
    let server: MartletServer?

    /// Asks the server of a data folder, or works on its data when none runs.
    public static func perform(_ request: AdministrationRequest, in folder: String) async throws -> AdministrationAnswer
    {
        if let answer = try ControlSocket.ask(request, in: folder) { return answer }
        guard FileManager.default.fileExists(atPath: folder) else {
            return .failure(.unavailable, "There is no instance at \(folder): name its data folder with --data.")
        }
        let data = DataFolder(folder)
        switch request {
        case .domainAdd, .domainList, .domainRemove, .accountAdd, .accountList, .accountRemove, .accountPassword,
            .appPassword, .accountSenderAdd, .accountSenderList, .accountSenderRemove, .aliasAdd, .aliasList,
            .aliasRemove,
            .directory:
            let directory = try SQLDirectory(path: data.directory, clock: .system)
            let answer = await Administration(directory: directory, trace: nil, server: nil).perform(request)
            await directory.close()
            return answer
        case .list(let request) where !request.needsServer:
            let directory = try SQLDirectory(path: data.directory, clock: .system)
            let answer = await Administration(directory: directory, trace: nil, server: nil).perform(.list(request))
            await directory.close()
            return answer
        case .trace:
            let trace = try TraceStore(folder: data.trace, clock: .system)
            let answer = await Administration(directory: nil, trace: trace, server: nil).perform(request)
            trace.close()
            return answer
        default:
            return .failure(.unavailable, "No server is running on \(folder): start it, or name another with --data.")
        }
    }

    /// Carries a request out.
    public func perform(_ request: AdministrationRequest) async -> AdministrationAnswer {
        do {
            return try await carryOut(request)
        } catch let error as AddressSyntaxError {
            return .failure(.usage, "That is no address or domain: \(error).")
        } catch let error as DirectoryError {
            let isTemporary = error.reason == .unavailable
            return .failure(isTemporary ? .temporary : .failed, "\(error)".sentence)
        } catch let error as LocalSubmissionRefused {
            return .refused(error.reply)
        } catch {
            return .failure(.failed, "\(error)".sentence)
        }
    }

    private func carryOut(_ request: AdministrationRequest) async throws -> AdministrationAnswer {
        switch request {
        case .status: return AdministrationAnswer(text: "running", json: #"{"running":true}"#)
        case .domainAdd, .domainList, .domainRemove, .accountAdd, .accountList, .accountRemove, .accountPassword,
            .appPassword, .accountSenderAdd, .accountSenderList, .accountSenderRemove, .aliasAdd, .aliasList,
            .aliasRemove,
            .directory:
            guard let directory else { return Self.noServer }
            if case .appPassword(let request) = request {
                return try await AppPasswordAdministration(directory: directory).perform(request)
            }
            return try await DirectoryAdministration(directory: directory).perform(request)
        case .list(let request):
            guard let directory else { return Self.noServer }
            return try await ListAdministration(directory: directory, delivery: server?.delivery).perform(request)
        case .trace(let query, let limit):
            guard let trace else { return Self.noServer }
            let histories = try await trace.find(query, limit: max(1, min(limit, 1000)))
            let text = histories.map(\.text).joined(separator: "\n\n")
            return AdministrationAnswer(
                text: text.isEmpty ? "Nothing is known of \(query)." : text,
                json: JSONText.of(histories)
            )
        case .submit(let submission): return try await submit(submission)
        case .fetchMail(let request): return try await server?.fetch(request) ?? Self.noServer
        default:
            guard let server else { return Self.noServer }
            return try await QueueAdministration(delivery: server.delivery).perform(request)
        }
    }

    static let noServer = AdministrationAnswer.failure(.unavailable, "No server is running there.")

    private func submit(_ submission: AdministrationRequest.Submission) async throws -> AdministrationAnswer {
        guard let server else { return Self.noServer }
        guard let content = Data(base64Encoded: submission.content) else {
            return .failure(.usage, "The message did not arrive whole.")
        }
        guard content.count <= server.plan.smtpLimits.messageSize.bytes else {
            return .refused(.tooLarge)
        }
        let sender: ReversePath? =
            switch submission.sender {
            case nil: nil
            case "": .null
            case let text?: .address(try address(text, server))
            }
        let id = try await server.reception.submitLocally(
            LocalSubmission(
                sender: sender,
                recipients: try submission.recipients.map { try address($0, server) },
                takesRecipientsFromHeader: submission.recipientsFromHeader,
                content: Array(content),
                user: submission.user
            ),
            on: server.group.next()
        )
        return AdministrationAnswer(text: "", json: JSONText.of(["queue-id": id.description]))
    }

    /// A bare name is one of this host.
    private func address(_ text: String, _ server: MartletServer) throws -> EmailAddress {
        try EmailAddress(parsing: text.contains("@") ? text : "\(text)@\(server.plan.hostName.ascii)")
    }
}

extension AdministrationAnswer {
    /// A message that was not taken, and why.
    static func refused(_ reply: SMTPReply) -> AdministrationAnswer {
        var answer = failure(
            reply.isTransient ? .temporary : .failed,
            "The message was not taken: \(reply.oneLine)".sentence
        )
        answer.refusal = SubmissionRefusal(
            code: reply.code,
            status: reply.status?.description ?? "",
            lines: reply.lines
        )
        return answer
    }
}

extension String {
    /// With a capital in front and a full stop behind.
    var sentence: String {
        guard let first else { return self }
        let text = first.uppercased() + dropFirst()
        return text.hasSuffix(".") || text.hasSuffix("`") ? text : text + "."
    }
}
