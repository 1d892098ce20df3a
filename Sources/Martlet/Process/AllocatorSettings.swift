import CPlatform

/// How the C library's allocator keeps memory that was given back to it.
enum AllocatorSettings {
    /// Larger pieces are mapped on their own, and so go back to the system at once.
    private static let mapped: CInt = 1 << 20

    /// The library raises its threshold to the largest piece it ever saw, up to 32 MiB. The 19 MiB with which one password is
    /// hashed would then stay with each thread that hashed one.
    static func apply() { _ = martlet_map_allocations(mapped) }
}
