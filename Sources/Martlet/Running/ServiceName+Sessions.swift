import SMTPProtocol

extension ServiceName {
    /// What the clients of an SMTP door are.
    var role: SMTPServerConfiguration.Role {
        switch self {
        case .submission, .submissions: .submission
        case .lmtp: .delivery
        case .odmr: .onDemand
        default: .transfer
        }
    }

    var takesLogIns: Bool { role == .submission || role == .onDemand }
}
