import MailNames

extension DNSResolver {
    /// The answer to a question about the records of a type.
    public func answer(_ name: DNSName, _ type: DNSRecordType) async throws(DNSFailure) -> DNSAnswer {
        try await answer(to: DNSQuestion(name, type))
    }

    /// The hosts that take mail for a domain: RFC 5321 section 5.1. None means that the domain itself may be the host.
    public func mailExchangers(of domain: Domain) async throws(DNSFailure) -> DNSAnswer {
        try await answer(DNSName(domain), .mx)
    }

    /// The TXT records of a name.
    public func texts(of name: DNSName) async throws(DNSFailure) -> DNSAnswer {
        try await answer(name, .txt)
    }

    /// The names that an address is said to have.
    public func names(of address: IPAddress) async throws(DNSFailure) -> DNSAnswer {
        try await answer(DNSName(reverse: address), .ptr)
    }

    /// The certificates that a host's service says it has: RFC 6698, RFC 7672.
    public func certificateAssociations(of host: Domain, port: UInt16) async throws(DNSFailure) -> DNSAnswer {
        let question = DNSQuestion(DNSName(unchecked: "_\(port)._tcp.\(host.ascii)"), .tlsa)
        guard DNSName(question.name.text) != nil else { throw DNSFailure(question, .malformed) }
        return try await answer(to: question)
    }

    /// The addresses of a host, AAAA and A asked at once.
    public func addresses(of host: Domain) async -> HostAddresses {
        let name = DNSName(host)
        async let six = outcome(DNSQuestion(name, .aaaa))
        async let four = outcome(DNSQuestion(name, .a))
        return await HostAddresses(v6: six, v4: four)
    }

    private func outcome(_ question: DNSQuestion) async -> Result<DNSAnswer, DNSFailure> {
        do {
            return .success(try await answer(to: question))
        } catch {
            return .failure(error)
        }
    }
}

/// What DNS says about the addresses of a host, by family.
public struct HostAddresses: Sendable {
    public var v6: Result<DNSAnswer, DNSFailure>
    public var v4: Result<DNSAnswer, DNSFailure>

    public init(v6: Result<DNSAnswer, DNSFailure>, v4: Result<DNSAnswer, DNSFailure>) {
        self.v6 = v6
        self.v4 = v4
    }

    /// The addresses, IPv6 first.
    public var all: [IPAddress] {
        [v6, v4].flatMap { (try? $0.get())?.addresses ?? [] }
    }

    /// A family that was not answered; with addresses of the other one it does not matter.
    public var failure: DNSFailure? {
        for result in [v6, v4] {
            if case .failure(let failure) = result { return failure }
        }
        return nil
    }

    /// Both answers, each in a line.
    public var description: [String] {
        [v6, v4].map { result in
            switch result {
            case .success(let answer): answer.description
            case .failure(let failure): failure.description
            }
        }
    }
}

extension DNSAnswer {
    /// The MX records, in the order of the answer.
    public var mailExchangers: [MailExchangerRecord] {
        records.compactMap { if case .mailExchanger(let record) = $0 { record } else { nil } }
    }

    /// The addresses of A and AAAA records.
    public var addresses: [IPAddress] {
        records.compactMap { if case .address(let address) = $0 { address } else { nil } }
    }

    /// The TXT records, each with its strings joined.
    public var texts: [[UInt8]] {
        records.compactMap { if case .text(let bytes) = $0 { bytes } else { nil } }
    }

    /// The names of PTR, CNAME and NS records.
    public var names: [DNSName] {
        records.compactMap { if case .name(let name) = $0 { name } else { nil } }
    }

    /// The SRV records.
    public var services: [ServiceRecord] {
        records.compactMap { if case .service(let record) = $0 { record } else { nil } }
    }

    /// The TLSA records.
    public var certificateAssociations: [CertificateAssociation] {
        records.compactMap { if case .certificate(let record) = $0 { record } else { nil } }
    }
}
