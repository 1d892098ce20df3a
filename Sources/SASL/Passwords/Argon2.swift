import CArgon2

/// The call into libargon2. C sees buffers of known length and nothing it would have to parse.
enum Argon2 {
    /// The Argon2id tag of a password: RFC 9106 section 3.
    static func derive(
        _ password: [UInt8],
        salt: [UInt8],
        parameters: PasswordHash.Parameters,
        count: Int
    ) throws(PasswordHashError) -> [UInt8] {
        var tag = [UInt8](repeating: 0, count: count)
        // Each pointer is to an array that lives through the call, with that array's own count; libargon2 writes
        // `count` octets to `tag` and reads the other two.
        let status = unsafe tag.withUnsafeMutableBytes { tag in
            unsafe password.withUnsafeBytes { password in
                unsafe salt.withUnsafeBytes { salt in
                    unsafe argon2id_hash_raw(
                        parameters.passes,
                        parameters.memoryInKibibytes,
                        parameters.lanes,
                        password.baseAddress,
                        password.count,
                        salt.baseAddress,
                        salt.count,
                        tag.baseAddress,
                        tag.count
                    )
                }
            }
        }
        switch status {
        case ARGON2_OK.rawValue: return tag
        case ARGON2_MEMORY_ALLOCATION_ERROR.rawValue: throw .memory
        default: throw .parameters
        }
    }
}
