import DNSClient
import MailNames

/// Looks up in DNS where mail goes.
struct DNSHostLookup: HostLookup {
    let resolver: any DNSResolver

    func mailExchangers(of domain: Domain) async -> LookupAnswer<[MailExchanger]> {
        do throws(DNSFailure) {
            let answer = try await resolver.lookUp(domain.ascii, .mx)
            switch answer.existence {
            case .noName: return .noSuchName
            case .noData: return .noRecords
            case .found: break
            }
            var exchangers: [MailExchanger] = []
            for record in answer.records {
                guard let (preference, name) = DNSRecordData.mailExchanger(record) else { continue }
                guard let name else {
                    exchangers.append(MailExchanger(preference, nil))
                    continue
                }
                // A name that is none leads nowhere; others of the list may.
                guard let host = try? Domain(parsing: name) else { continue }
                exchangers.append(MailExchanger(preference, host))
            }
            guard !exchangers.isEmpty else { return .unavailable("its MX records name no hosts") }
            let listed = exchangers.sorted { $0.preference < $1.preference }
                .map { "\($0.preference) \($0.host?.ascii ?? ".")" }
            return .found(
                exchangers,
                text: "MX of \(Self.path(domain.ascii, answer)): \(listed.joined(separator: ", "))"
            )
        } catch {
            return .unavailable(error.description)
        }
    }

    func hasSignedExchangers(_ domain: Domain) async -> Bool {
        guard let answer = try? await resolver.lookUp(domain.ascii, .mx) else { return false }
        return answer.existence != .found || answer.security == .secure
    }

    func addresses(of host: Domain) async -> LookupAnswer<[IPAddress]> {
        async let six = lookUp(host, .aaaa)
        async let four = lookUp(host, .a)
        let answers = await [six, four]
        var families: [[IPAddress]] = []
        var texts: [String] = []
        var failure: DNSFailure?
        var exists = false
        for answer in answers {
            switch answer {
            case .failure(let error): failure = error
            case .success(let answer):
                exists = exists || answer.existence != .noName
                let addresses = answer.records.compactMap(DNSRecordData.address)
                guard !addresses.isEmpty else { continue }
                families.append(addresses)
                texts.append(
                    "\(addresses[0].isIPv4 ? "A" : "AAAA") of \(Self.path(host.ascii, answer)): "
                        + addresses.map(\.description).joined(separator: ", ")
                )
            }
        }
        guard !families.isEmpty else {
            if let failure { return .unavailable(failure.description) }
            return exists ? .noRecords : .noSuchName
        }
        return .found(Self.interleaved(families), text: texts.joined(separator: "; "))
    }

    private func lookUp(_ host: Domain, _ type: DNSRecordType) async -> Result<DNSAnswer, DNSFailure> {
        do throws(DNSFailure) {
            return .success(try await resolver.lookUp(host.ascii, type))
        } catch {
            return .failure(error)
        }
    }

    /// The families in turn, so that one that does not work costs one attempt: as RFC 8305 section 4 has it.
    private static func interleaved(_ families: [[IPAddress]]) -> [IPAddress] {
        var addresses: [IPAddress] = []
        for index in 0..<(families.map(\.count).max() ?? 0) {
            for family in families where index < family.count { addresses.append(family[index]) }
        }
        return addresses
    }

    private static func path(_ name: String, _ answer: DNSAnswer) -> String {
        guard let canonical = answer.canonicalName, canonical != name else { return name }
        return "\(name) (\(canonical))"
    }
}
