import MailBytes
import Testing

@testable import MailNames

@Suite("Addresses, RFC 5321 section 4.1.2") struct AddressTests {
    @Test(arguments: [
        ("alice@example.org", "alice@example.org"),
        ("Alice.Smith@EXAMPLE.org", "Alice.Smith@example.org"),
        ("\"two words\"@example.org", "\"two words\"@example.org"),
        ("\"plain\"@example.org", "plain@example.org"),
        ("\"quo\\\"te\"@example.org", "\"quo\\\"te\"@example.org"),
        ("a@[192.0.2.1]", "a@[192.0.2.1]"),
        ("a@[IPv6:2001:db8:0:0:0:0:0:1]", "a@[IPv6:2001:db8::1]"),
        ("жанна@почта.рф", "жанна@xn--80a1acny.xn--p1ai"),
        ("a@b\u{FC}cher.example", "a@xn--bcher-kva.example"),
        ("x@example.org.", "x@example.org"),
    ])
    func `a good address is read and written`(_ text: String, _ wire: String) throws {
        let address = try EmailAddress(parsing: text)
        #expect(address.description == wire)
        let again = try EmailAddress(parsing: wire)
        #expect(again == address)
    }

    @Test(arguments: [
        "", "alice", "@example.org", "alice@", "a..b@example.org", ".a@example.org", "a.@example.org",
        "a b@example.org",
        "a@-example.org", "a@example-.org", "a@ex ample.org", "a@[192.0.2]", "a@[2001:db8::1]", "\"a@example.org",
        "a\n@example.org",
        "a@xn--\u{80}.org",
    ])
    func `a bad one is refused`(_ text: String) {
        #expect(throws: AddressSyntaxError.self) { try EmailAddress(parsing: text) }
    }

    @Test(arguments: [
        ("xn--80a1acny.xn--p1ai", "почта.рф"), ("xn--bcher-kva.example", "b\u{FC}cher.example"),
        // Punycode of U+0080, a control character, which no name may hold.
        ("xn--a.example", "xn--a.example"),
        ("a-b.example", "a-b.example"),
    ])
    func `a domain is shown in its own script where its A-labels are true ones`(
        _ ascii: String,
        _ shown: String
    )
        throws
    {
        let domain = try Domain(parsing: ascii)
        #expect(domain.unicode == shown)
        #expect(try Domain(parsing: domain.unicode) == domain)
    }

    @Test func `any bytes are read or refused, and what is read is written so that it is read back`() throws {
        let alphabet = Array("ab@.\"\\ []:<>-_é\u{0}1".utf8)
        for seed in UInt64(0)..<3000 {
            var random = SplitMix64(seed: seed)
            let bytes = (0..<Int(random.next() % 24)).map { _ in alphabet[Int(random.next() % UInt64(alphabet.count))] }
            guard let address = try? EmailAddress(parsing: bytes.span) else { continue }
            let again = try EmailAddress(parsing: address.description)
            #expect(again == address, "seed \(seed)")
        }
    }
}

@Suite("IP addresses and networks") struct IPAddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1"), ("::1", "::1"), ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("::ffff:192.0.2.7", "192.0.2.7"), ("::", "::"), ("2001:db8::", "2001:db8::"),
        ("1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"),
    ])
    func `an address is read and written canonically`(_ text: String, _ canonical: String) throws {
        let address = try #require(IPAddress(text))
        #expect(address.description == canonical)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.256", "1.2.3.4.5", ":::", "1::2::3", "12345::", "::1.2.3", "g::1", "1:2:3:4:5:6:7:8:9",
    ])
    func `what is none is refused`(_ text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `a network contains what its prefix says`() throws {
        let network = try #require(IPNetwork("10.1.0.0/16"))
        #expect(IPAddress("10.1.255.3").map(network.contains) == true)
        #expect(IPAddress("10.2.0.1").map(network.contains) == false)
        #expect(IPAddress("::ffff:10.1.2.3").map(network.contains) == true)
        let six = try #require(IPNetwork("2001:db8::/33"))
        #expect(IPAddress("2001:db8:7fff::1").map(six.contains) == true)
        #expect(IPAddress("2001:db8:8000::1").map(six.contains) == false)
        #expect(IPNetwork("10.0.0.0/33") == nil)
    }
}

@Suite("Domains in UTF-8, RFC 5891") struct DomainControlTests {
    @Test(arguments: [
        "exämple\u{0}.test", "\u{0}exämple.test", "exämple.test\u{0}.evil.test", "ex\u{7F}ämple.test", "ä\n.test",
    ])
    func `a control character in a name is refused, and cuts off nothing`(_ text: String) {
        #expect(throws: AddressSyntaxError.self) { try Domain(parsing: text) }
        #expect(throws: AddressSyntaxError.self) { try EmailAddress(parsing: "joe@\(text)") }
    }
}

@Suite("The envelope's bytes") struct EnvelopeCodingTests {
    @Test func `an envelope is read back, and no part of it is one`() throws {
        let envelope = Envelope(
            reversePath: .null,
            recipients: [
                EnvelopeRecipient(
                    address: try EmailAddress(parsing: "жанна@example.org"),
                    notify: [.success, .delay],
                    originalRecipient: OriginalRecipient(addressType: "utf-8", address: "жанна@example.org")
                ),
                EnvelopeRecipient(address: try EmailAddress(parsing: "b@[192.0.2.1]"), notify: .never),
            ],
            bodyType: .binaryMIME,
            isInternationalized: true,
            envelopeID: "id+1",
            returnContent: .headers,
            origin: MessageOrigin(
                door: .submission,
                peer: IPAddress("2001:db8::7"),
                helo: "client",
                account: "a@example.org",
                transmissionType: "UTF8SMTPSA"
            ),
            received: Timestamp(microseconds: 123_456_789),
            expires: .distantFuture
        )
        var bytes: [UInt8] = []
        EnvelopeCoding.encode(envelope, into: &bytes)
        let decoded = EnvelopeCoding.decode(bytes.span)
        #expect(decoded == envelope)
        for count in 0..<bytes.count {
            let part = EnvelopeCoding.decode(bytes.span.extracting(0..<count))
            #expect(part == nil)
        }
    }

    @Test func `what a sender asks for is read back with the envelope, and no part of it is one`() throws {
        let now = Timestamp(seconds: 1_764_259_200)
        let recipients = [
            EnvelopeRecipient(address: try EmailAddress(parsing: "a@example.org")),
            EnvelopeRecipient(
                address: try EmailAddress(parsing: "b@example.org"),
                requiredOwnership: RequiredOwnership(since: now, fallback: .continue)
            ),
        ]
        let terms = DeliveryTerms(
            deliverBy: DeliverBy(time: now + .seconds(120), mode: .return, traces: true),
            holdUntil: now + .seconds(60),
            priority: try #require(MessagePriority(-4)),
            requiresTLS: true,
            waivesTLS: true,
            tracking: MessageTracking(certifier: "dGVzdA=="),
            solicitation: "net.example:ADV",
            hasPathPerRecipient: true
        )
        let envelope = Envelope(
            reversePath: .null,
            recipients: recipients,
            origin: MessageOrigin(door: .smtp, transmissionType: "ESMTP"),
            received: now,
            expires: now + .seconds(86_400),
            terms: terms
        )
        var bytes: [UInt8] = []
        EnvelopeCoding.encode(envelope, into: &bytes)
        let decoded = EnvelopeCoding.decode(bytes.span)
        #expect(decoded == envelope)
        #expect(decoded?.terms == terms)
        for count in 0..<bytes.count {
            let part = EnvelopeCoding.decode(bytes.span.extracting(0..<count))
            #expect(part == nil)
        }
    }

    @Test func `an envelope that asks for nothing is written as version 1, which earlier programs read`() {
        var envelope = Envelope(
            reversePath: .null,
            recipients: [],
            origin: MessageOrigin(door: .smtp, transmissionType: "ESMTP"),
            received: .distantPast,
            expires: .distantFuture
        )
        envelope.terms = DeliveryTerms()
        var bytes: [UInt8] = []
        EnvelopeCoding.encode(envelope, into: &bytes)
        #expect(bytes.first == 1)
    }
}
