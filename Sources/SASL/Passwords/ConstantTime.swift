/// Comparison whose duration depends on the lengths alone, never on where two secrets differ.
public enum ConstantTime {
    /// Whether both hold the same octets. Lengths are not secret: unequal ones return at once.
    @inline(never)
    public static func areEqual(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool {
        guard left.count == right.count else { return false }
        var difference: UInt8 = 0
        for index in left.indices { difference |= left[index] ^ right[index] }
        return difference == 0
    }
}
