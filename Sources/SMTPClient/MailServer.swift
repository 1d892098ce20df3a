import MailBytes
import NIOCore
import NIOPosix
import NIOSSL
import SASL
import SMTPChannels
import SMTPProtocol

/// The server that a client sends through, and how it is spoken to.
struct MailServer: Sendable {
    let host: String
    let port: Int
    let security: SMTPClient.Security
    let credentials: SMTPClient.Credentials?
    let options: SMTPClient.Options

    /// A connection that is ready for mail.
    func connect(on loop: any EventLoop) async throws(SMTPClientError) -> SMTPClientConnection {
        let login = try passwordCredentials()
        let tls = try handler()
        let address: SocketAddress
        do {
            // The system's resolver blocks.
            address = try await NIOThreadPool.singleton.runIfActive { [host, port] in
                try SocketAddress.makeAddressResolvingHost(host, port: port)
            }
        } catch {
            throw SMTPClientError(.unreachable, "the address of \(host) cannot be found: \(error)")
        }
        var timeouts = SMTPTimeouts()
        timeouts.connect = options.connectTimeout
        let target = SMTPClientConnection.Target(
            address: address,
            session: SMTPClientSession.Configuration(hostName: options.name, tls: policy, credentials: login),
            timeouts: timeouts,
            tls: tls
        )
        do {
            return try await SMTPClientConnection.connect(to: target, on: loop)
        } catch let error as SMTPClientConnection.ConnectError {
            throw Self.explained(error.failure, host)
        } catch {
            throw SMTPClientError(.unreachable, "\(host) cannot be connected to: \(error)")
        }
    }

    private static func explained(_ failure: SMTPClientFailure, _ host: String) -> SMTPClientError {
        let (reply, text) = (failure.reply, failure.reply.lines.joined(separator: " "))
        return switch failure.reason {
        case .authenticationFailed:
            SMTPClientError(.authentication, "logging in to \(host) failed: \(text)", reply: reply)
        case .tlsRequired: SMTPClientError(.insecure, "\(host) gives no TLS: \(text)", reply: reply)
        case .takesNoMail: SMTPClientError(.refused, "\(host) takes no mail: \(text)", reply: reply)
        case .refused, .protocolError, .connectionLost, .timedOut:
            SMTPClientError(.unreachable, "\(host): \(text)", reply: reply)
        }
    }

    private var policy: SMTPClientSession.TLSPolicy {
        switch security {
        case .implicit: .implicit
        case .startTLS: .required
        case .opportunistic: .opportunistic
        case .none: .off
        }
    }

    private func passwordCredentials() throws(SMTPClientError) -> PasswordCredentials? {
        guard let credentials else { return nil }
        guard let password = Password(credentials.password) else {
            throw SMTPClientError(.authentication, "what was given as password cannot be one")
        }
        return PasswordCredentials(authenticationIdentity: credentials.user, password: password)
    }

    private func handler() throws(SMTPClientError) -> (@Sendable () throws -> NIOSSLClientHandler)? {
        guard security != .none else { return nil }
        do {
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.minimumTLSVersion = .tlsv12
            if let trusted = options.trustedCertificates {
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(trusted))
            }
            // Against listeners only: whatever certificate there is, it is better than none (RFC 7435).
            if security == .opportunistic { configuration.certificateVerification = .none }
            let context = try NIOSSLContext(configuration: configuration)
            // An address is no server name: RFC 6066 section 3.
            let name = (try? SocketAddress(ipAddress: host, port: port)) == nil ? host : nil
            return { try NIOSSLClientHandler(context: context, serverHostname: name) }
        } catch {
            throw SMTPClientError(.insecure, "TLS cannot be set up: \(error)")
        }
    }
}
