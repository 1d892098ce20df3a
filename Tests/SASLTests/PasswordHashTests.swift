import MailBytes
import SASL
import Testing

@Suite("Password hashes, RFC 9106") struct PasswordHashTests {
    static func password(_ text: String) throws -> Password { try #require(Password(text)) }

    @Test func `a hash verifies its own password and no other`() throws {
        let password = try Self.password("correct horse")
        let hash = try PasswordHash.hash(password: password, parameters: .forTests)
        #expect(try hash.verify(password))
        for wrong in ["correct hors", "correct horse ", "Correct horse"] {
            #expect(try !hash.verify(Self.password(wrong)), "\(wrong)")
        }
    }

    @Test func `the reference program's hash is verified`() throws {
        // echo -n password | argon2 somesalt -id -t 2 -m 16 -p 1 -l 24: from the reference implementation's README.
        let text = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        let hash = try PasswordHash(phc: text)
        #expect(hash.parameters.memoryInKibibytes == 65_536)
        #expect(hash.salt == Array("somesalt".utf8))
        #expect(try hash.verify(Self.password("password")))
        #expect(try !hash.verify(Self.password("passwore")))
    }

    @Test func `one salt gives one hash, random salts give others`() throws {
        let password = try Self.password("secret")
        let salt = Array("0123456789abcdef".utf8)
        let first = try PasswordHash.hash(password: password, salt: salt, parameters: .forTests)
        let second = try PasswordHash.hash(password: password, salt: salt, parameters: .forTests)
        #expect(first == second)
        let third = try PasswordHash.hash(password: password, parameters: .forTests)
        let fourth = try PasswordHash.hash(password: password, parameters: .forTests)
        #expect(third.salt != fourth.salt)
        #expect(third.tag != fourth.tag)
    }

    @Test func `what is written is read back`() throws {
        var random = SplitMix64(seed: 7)
        for length in 8...64 {
            let salt = (0..<length).map { _ in UInt8.random(in: .min ... .max, using: &random) }
            let hash = try PasswordHash.hash(password: Self.password("x"), salt: salt, parameters: .forTests)
            #expect(try PasswordHash(phc: hash.phc) == hash, "salt of \(length) octets, seed 7")
        }
    }

    @Test(arguments: [
        ("", PasswordHashError.format),
        ("argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .format),
        ("$argon2id", .format),
        ("$argon2i$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .algorithm),
        ("$2b$12$abcdefghijklmnopqrstuv", .algorithm),
        ("$argon2id$v=16$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .algorithm),
        ("$argon2id$v=19$m=8,t=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .format),
        ("$argon2id$v=19$t=1,m=8,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .format),
        ("$argon2id$v=19$m=+8,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .format),
        ("$argon2id$v=19$m=99999999999,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .format),
        ("$argon2id$v=19$m=4294967295,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .parameters),
        ("$argon2id$v=19$m=131073,t=1,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .parameters),
        ("$argon2id$v=19$m=131072,t=16,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .parameters),
        ("$argon2id$v=19$m=8,t=4294967295,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .parameters),
        ("$argon2id$v=19$m=8,t=1,p=2$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .parameters),
        ("$argon2id$v=19$m=8,t=1,p=1$c29tZQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .salt),
        ("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$CTFhFdXP", .format),
        ("$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ=$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .format),
        ("$argon2id$v=19$m=8,t=1,p=1$c29t*XNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8", .format),
        (String(repeating: "$", count: 300), .format),
    ])
    func `a hostile or broken hash is refused before anything is computed`(
        text: String,
        expected: PasswordHashError
    ) {
        #expect(throws: expected) { try PasswordHash(phc: text) }
    }

    @Test func `an account with old parameters is told apart`() throws {
        let hash = try PasswordHash.hash(password: Self.password("x"), parameters: .forTests)
        #expect(hash.needsRenewal())
        #expect(!hash.needsRenewal(for: .forTests))
        #expect(!PasswordHash.decoy.needsRenewal())
    }

    @Test func `a salt out of bounds is refused`() throws {
        let password = try Self.password("x")
        for count in [0, 7, 65] {
            #expect(throws: PasswordHashError.salt) {
                try PasswordHash.hash(
                    password: password,
                    salt: Array(repeating: 0, count: count),
                    parameters: .forTests
                )
            }
        }
    }

    @Test func `neither hash nor password shows itself`() throws {
        let password = try Self.password("hunter2-unique")
        let hash = try PasswordHash.hash(password: password, parameters: .forTests)
        let credentials = PasswordCredentials(authenticationIdentity: "alice", password: password)
        var dumped = ""
        dump(SASLCredentials.password(credentials), to: &dumped)
        dump(hash, to: &dumped)
        let texts = [
            "\(password)", String(reflecting: password), "\(credentials)", "\(hash)", String(reflecting: hash), dumped,
        ]
        let tag = hash.phc.split(separator: "$").last.map(String.init) ?? ""
        for text in texts {
            #expect(!text.contains("hunter2"))
            #expect(!text.contains(tag))
            #expect(!text.contains(", 110, 116"))
        }
    }
}

@Suite("Preparation of names and passwords, RFC 4013 and RFC 8265") struct CredentialPreparationTests {
    @Test(
        arguments: [
            [], [0], Array("a\0b".utf8), Array("a\rb".utf8), [0x61, 0x7F], [0xFF], [0xC0, 0x80], [0xED, 0xA0, 0x80],
            Array("\u{85}".utf8), Array("\u{FFFE}".utf8), Array(repeating: 0x61, count: 1025),
        ] as [[UInt8]]
    )
    func `an empty, too long, malformed or control character password is none`(octets: [UInt8]) {
        let isNil = Password(octets.span) == nil
        #expect(isNil)
    }

    @Test func `spaces outside of ASCII become one that people can type`() throws {
        let password = try #require(Password("a\u{A0}b\u{3000}c d"))
        #expect(password.bytes == Array("a b c d".utf8))
        let kept = try #require(Password("Grüße 🔑"))
        #expect(kept.bytes == Array("Grüße 🔑".utf8))
    }

    @Test func `equality looks at every octet`() throws {
        let password = try #require(Password("abcdef"))
        #expect(try password == #require(Password("abcdef")))
        for other in ["abcdeg", "bbcdef", "abcde", "abcdefg"] {
            #expect(try password != #require(Password(other)))
        }
    }
}
