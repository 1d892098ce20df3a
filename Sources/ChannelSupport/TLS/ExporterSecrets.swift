import Crypto
import NIOCore
import NIOSSL
import SASL
import Synchronization

/// The exporter secrets of handshakes that are under way: RFC 8446 section 7.5.
///
/// NIOSSL has no call for keying material. What it has is the key log, which names each secret by the random of the
/// client's first message; so that message is watched too (`HandshakeWitness`), and of the log nothing is kept but the
/// exporter secret of a handshake that somebody waits for, until the handshake is over. Nothing is written anywhere.
public final class ExporterSecrets: Sendable {
    /// By the client's random; no octets while the secret is awaited. One entry a handshake, so that as many can be here as
    /// connections are admitted.
    private let awaited = Mutex<[[UInt8]: [UInt8]]>([:])

    public init() {}

    /// Makes the contexts of a configuration tell their secrets to this.
    public func listen(to configuration: inout TLSConfiguration) {
        configuration.keyLogCallback = { [weak self] line in self?.logged(line) }
    }

    /// Whether no handshake is under way.
    var isEmpty: Bool { self.awaited.withLock { $0.isEmpty } }

    func expect(_ random: [UInt8]) { self.awaited.withLock { $0[random] = [] } }

    func forget(_ random: [UInt8]) { self.awaited.withLock { _ = $0.removeValue(forKey: random) } }

    /// The secret, which is not here any more then; `nil` before TLS 1.3.
    func take(_ random: [UInt8]) -> [UInt8]? {
        let secret = self.awaited.withLock { $0.removeValue(forKey: random) }
        return secret.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// `EXPORTER_SECRET <random> <secret>`, both in hexadecimal.
    private func logged(_ line: ByteBuffer) {
        // The other secrets are not even copied.
        let label = "EXPORTER_SECRET ".utf8
        guard line.readableBytesView.starts(with: label) else { return }
        let fields = Array(line.readableBytesView.dropFirst(label.count)).split {
            $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n")
        }
        guard fields.count == 2, let random = Self.decoded(fields[0]), let secret = Self.decoded(fields[1]) else {
            return
        }
        self.awaited.withLock { awaited in
            if awaited[random] != nil { awaited[random] = secret }
        }
    }

    private static func decoded(_ digits: ArraySlice<UInt8>) -> [UInt8]? {
        guard digits.count % 2 == 0, digits.count <= 128 else { return nil }
        var octets: [UInt8] = []
        for index in stride(from: digits.startIndex, to: digits.endIndex, by: 2) {
            guard let high = Self.value(digits[index]), let low = Self.value(digits[index + 1]) else { return nil }
            octets.append(high << 4 | low)
        }
        return octets
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}

extension ChannelBindings {
    /// `tls-exporter` of a connection: RFC 9266 section 4.2 over RFC 8446 section 7.5, with no context, 32 octets.
    ///
    /// - Parameter secret: the exporter secret; its length tells the hash of the cipher suite.
    static func exporter(secret: [UInt8]) -> [UInt8] {
        secret.count == SHA384.byteCount ? exporter(secret, SHA384.self) : exporter(secret, SHA256.self)
    }

    private static func exporter<Hash: HashFunction>(_ secret: [UInt8], _ hash: Hash.Type) -> [UInt8] {
        let empty = Array(Hash.hash(data: [UInt8]()))
        let derived = expanded(secret, "EXPORTER-Channel-Binding", empty, Hash.Digest.byteCount, hash)
        return expanded(derived, "exporter", empty, 32, hash)
    }

    /// HKDF-Expand-Label: RFC 8446 section 7.1.
    private static func expanded<Hash: HashFunction>(
        _ secret: [UInt8],
        _ label: String,
        _ context: [UInt8],
        _ count: Int,
        _ hash: Hash.Type
    ) -> [UInt8] {
        let name = Array("tls13 \(label)".utf8)
        let length = [UInt8(count >> 8), UInt8(count & 0xFF)]
        let info = length + [UInt8(name.count)] + name + [UInt8(context.count)] + context
        return HKDF<Hash>.expand(pseudoRandomKey: secret, info: info, outputByteCount: count)
            .withUnsafeBytes { Array($0) }
    }
}
