import ArgumentParser
import MailBytes
import Martlet

struct Track: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Asks a host what became of a message that was sent with MTRK (RFC 3887).",
        discussion: "The secret that was kept then comes on standard input, as base64."
    )
    @Argument(help: "HOST or HOST:PORT; the port is 1038 unless another is named.") var host: String
    @Argument(help: "The envelope id that it was sent with (ENVID).") var envelopeID: String

    func run() async throws {
        let encoded = Array(try Input.password(for: "the message \(envelopeID)").utf8)
        guard let secret = Base64.decode(encoded.span), !secret.isEmpty else {
            throw CommandFailure(.usage, "The secret is not base64.")
        }
        guard envelopeID.utf8.allSatisfy(\.isVisible) else {
            throw CommandFailure(.usage, "An envelope id has no spaces or control characters.")
        }
        var (name, port): (String, Int?) = (host, nil)
        if let colon = host.lastIndex(of: ":"), host.firstIndex(of: ":") == colon {
            guard let number = UInt16(host[host.index(after: colon)...]) else {
                throw CommandFailure(.usage, "\(host) is no HOST or HOST:PORT.")
            }
            (name, port) = (String(host[..<colon]), Int(number))
        }
        do {
            let lines = try await MessageTracking.ask(host: name, port: port, envelopeID: envelopeID, secret: secret)
            Output.text(lines.joined(separator: "\n"))
        } catch {
            throw CommandFailure(.failed, "\(envelopeID) could not be tracked: \(error).")
        }
    }
}
