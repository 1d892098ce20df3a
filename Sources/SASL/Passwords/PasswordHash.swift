/// A password as it is kept: Argon2id (RFC 9106) with its salt and parameters, in the PHC string format.
///
/// `$argon2id$v=19$m=19456,t=2,p=1$<salt>$<tag>`, base64 without padding. Values of this type have been parsed and
/// are within `Bounds`, so verifying one costs a bounded amount of memory and time, whoever wrote it.
///
/// Hashing with the standard parameters takes tens of milliseconds of one core and 19 MiB: call it on a bounded pool
/// of threads, never on an event loop.
public struct PasswordHash: Hashable, Sendable {
    /// What was asked of Argon2 when the hash was made.
    public let parameters: Parameters
    /// 8 to 64 octets.
    public let salt: [UInt8]
    /// 16 to 64 octets.
    public let tag: [UInt8]

    /// Cost parameters of Argon2id: RFC 9106 section 3.1.
    public struct Parameters: Hashable, Sendable {
        /// KiB of memory; at least 8 a lane.
        public let memoryInKibibytes: UInt32
        /// Passes over the memory, at least 1.
        public let passes: UInt32
        /// Lanes, at least 1. Computed by one thread, whatever their number.
        public let lanes: UInt32

        /// Parameters within `Bounds`; `nil` when they are not.
        public init?(memoryInKibibytes: UInt32, passes: UInt32, lanes: UInt32) {
            guard Bounds.lanes.contains(lanes), Bounds.passes.contains(passes),
                Bounds.memoryInKibibytes.contains(memoryInKibibytes), memoryInKibibytes >= 8 * lanes,
                UInt64(memoryInKibibytes) * UInt64(passes) <= Bounds.work
            else { return nil }
            self.init(trusted: memoryInKibibytes, passes: passes, lanes: lanes)
        }

        private init(trusted memoryInKibibytes: UInt32, passes: UInt32, lanes: UInt32) {
            self.memoryInKibibytes = memoryInKibibytes
            self.passes = passes
            self.lanes = lanes
        }

        /// 19 MiB, 2 passes, 1 lane: what OWASP recommends for servers, about 40 to 80 ms of one core.
        public static let standard = Parameters(trusted: 19 * 1024, passes: 2, lanes: 1)

        /// 8 KiB, 1 pass, 1 lane. For tests alone: it protects nothing.
        public static let forTests = Parameters(trusted: 8, passes: 1, lanes: 1)
    }

    /// What a hash read from a database or an import may ask of us.
    public enum Bounds {
        /// At most 128 MiB.
        public static let memoryInKibibytes: ClosedRange<UInt32> = 8...(128 * 1024)
        /// Passes over the memory.
        public static let passes: ClosedRange<UInt32> = 1...16
        /// Lanes.
        public static let lanes: ClosedRange<UInt32> = 1...16
        /// Memory times passes, in KiB: about two seconds of one core.
        public static let work: UInt64 = 512 * 1024
        /// Octets of salt.
        public static let salt = 8...64
        /// Octets of the tag.
        public static let tag = 16...64
    }

    init(parameters: Parameters, salt: [UInt8], tag: [UInt8]) {
        self.parameters = parameters
        self.salt = salt
        self.tag = tag
    }

    /// Hashes a password with a salt from outside: the same input gives the same hash.
    ///
    /// - Throws: `.salt` when the salt's length is out of bounds, `.memory` when there is not enough of it.
    public static func hash(
        password: Password,
        salt: [UInt8],
        parameters: Parameters = .standard
    ) throws(PasswordHashError) -> PasswordHash {
        guard Bounds.salt.contains(salt.count) else { throw .salt }
        let tag = try Argon2.derive(password.bytes, salt: salt, parameters: parameters, count: 32)
        return PasswordHash(parameters: parameters, salt: salt, tag: tag)
    }

    /// Hashes a password with 16 octets of salt from the system's random source.
    ///
    /// - Throws: `.memory` when there is not enough of it.
    public static func hash(
        password: Password,
        parameters: Parameters = .standard
    ) throws(PasswordHashError) -> PasswordHash {
        var random = SystemRandomNumberGenerator()
        let salt = (0..<16).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        return try self.hash(password: password, salt: salt, parameters: parameters)
    }

    /// Whether the password is the one that was hashed; compared in constant time. As dear as hashing.
    ///
    /// - Throws: `.memory` when there is not enough of it: that is our trouble, not a wrong password.
    public func verify(_ password: Password) throws(PasswordHashError) -> Bool {
        let candidate = try Argon2.derive(
            password.bytes,
            salt: self.salt,
            parameters: self.parameters,
            count: self.tag.count
        )
        return ConstantTime.areEqual(candidate.span, self.tag.span)
    }

    /// Whether the hash was made with other parameters, and should be made anew at the next good log-in.
    public func needsRenewal(for parameters: Parameters = .standard) -> Bool {
        self.parameters != parameters
    }

    /// A hash that no password matches, with the standard parameters: verified for unknown users, so that the answer
    /// takes as long as for known ones.
    public static let decoy = PasswordHash(
        parameters: .standard,
        salt: Array(repeating: 0x5A, count: 16),
        tag: Array(repeating: 0, count: 32)
    )
}

/// Why a password could not be hashed or a hash not be read.
public enum PasswordHashError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Not the PHC string of an Argon2id hash.
    case format
    /// A hash of another kind or another version of Argon2.
    case algorithm
    /// Parameters out of `PasswordHash.Bounds`.
    case parameters
    /// The salt's length is out of bounds.
    case salt
    /// Argon2 could not get its memory.
    case memory

    /// One sentence for the operator; never the hash.
    public var description: String {
        switch self {
        case .format: "The password hash is not in the form $argon2id$v=19$m=…,t=…,p=…$salt$tag."
        case .algorithm: "The password hash is of another kind than argon2id version 19."
        case .parameters: "The password hash asks for more memory or time than is allowed, or for too little."
        case .salt: "The salt of a password hash must have 8 to 64 octets."
        case .memory: "There is not enough memory to hash a password."
        }
    }
}
