/// The operations on files that the spool is built on; tests and the simulation put their own disk underneath.
///
/// Each throws a `SpoolError` with the system's number.
public protocol SpoolFiles: Sendable {
    /// The names in the folder.
    func list() throws(SpoolError) -> [String]
    /// Opens a file, making it with mode 0600 where it is not there.
    func open(_ name: String) throws(SpoolError) -> any SpoolFile
    /// Makes a file that must not be there yet.
    func create(_ name: String) throws(SpoolError) -> any SpoolFile
    func rename(_ name: String, to other: String) throws(SpoolError)
    func remove(_ name: String) throws(SpoolError)
    /// Makes names durable.
    func syncFolder() throws(SpoolError)
    /// Free octets on the disk.
    func freeSpace() throws(SpoolError) -> Int
}

/// An open file. It closes when nobody holds it any more.
public protocol SpoolFile: AnyObject, Sendable {
    func size() throws(SpoolError) -> Int
    /// Reserves the space from the beginning on.
    func allocate(_ size: Int) throws(SpoolError)
    /// Writes all of it.
    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SpoolError)
    /// Writes all of it, and it is durable on return; what was written before by `write` may not be.
    func writeDurably(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SpoolError)
    /// Writes zeros, for which nobody waits: they need not pass through memory that others use.
    func writeZeros(_ count: Int, at offset: Int) throws(SpoolError)
    /// Reads what there is, at most the buffer's size; returns how much.
    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(SpoolError) -> Int
    /// Makes what was written, and the file's size, durable.
    func sync() throws(SpoolError)
}

extension SpoolFile {
    /// Reads that many octets, or fewer at the end of the file.
    func read(at offset: Int, count: Int) throws(SpoolError) -> [UInt8] {
        var failure: SpoolError?
        let bytes = [UInt8](unsafeUninitializedCapacity: max(0, count)) { buffer, filled in
            do throws(SpoolError) {
                filled = try read(into: UnsafeMutableRawBufferPointer(buffer), at: offset)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        return bytes
    }

    /// Writes an array.
    func write(_ bytes: [UInt8], at offset: Int) throws(SpoolError) {
        var failure: SpoolError?
        bytes.withUnsafeBytes { buffer in
            do throws(SpoolError) { try write(buffer, at: offset) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    /// Makes the file that large with zeros that are really on the disk: to overwrite blocks that were written once costs no
    /// change of the file system's own records, which is most of what a sync costs otherwise.
    ///
    /// - Parameter pause: called between pieces, each of which is synced when it is given, so that others get their turn.
    func fillWithZeros(upTo size: Int, pause: (() -> Void)? = nil) throws(SpoolError) {
        var offset = try self.size()
        guard offset < size else { return }
        try allocate(size)
        while offset < size {
            let piece = min(1 << 20, size - offset)
            try writeZeros(piece, at: offset)
            offset += piece
            if let pause {
                try sync()
                pause()
            }
        }
    }

    public func writeDurably(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SpoolError) {
        try write(bytes, at: offset)
        try sync()
    }

    public func writeZeros(_ count: Int, at offset: Int) throws(SpoolError) {
        try write([UInt8](repeating: 0, count: count), at: offset)
    }
}
