/// Commands of extensions and sister protocols.
extension SMTPServerSession {
    mutating func perform(_ command: ExtendedCommand) -> Action {
        switch command {
        case .localHello(let name):
            configuration.role == .delivery ? hello(name, true) : fault(.unrecognized)
        case .presentClient(let attributes): presentClient(attributes)
        case .forwardClient(let attributes): forwardClient(attributes)
        case .startQueue(let node): startQueue(node)
        case .turnAround(let domains): turnAround(domains)
        case .turn: turn()
        // Nobody is logged in at a terminal of ours: RFC 821 section 3.4.
        case .send: fault(.notOffered)
        case .sendAndMail(let parameters):
            configuration.raisesNotices ? mail(parameters, raisesNotice: true) : fault(.notOffered)
        }
    }
}
