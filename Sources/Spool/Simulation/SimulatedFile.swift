import Glibc
import Synchronization

/// An open file of the simulated disk.
final class SimulatedFile: SpoolFile {
    private let name: String
    private let inode: SimulatedDisk.Inode
    private let disk: SimulatedDisk

    init(name: String, inode: SimulatedDisk.Inode, disk: SimulatedDisk) {
        self.name = name
        self.inode = inode
        self.disk = disk
    }

    func size() throws(SpoolError) -> Int {
        try disk.check()
        return inode.content.withLock { $0.bytes.count }
    }

    func allocate(_ size: Int) throws(SpoolError) {
        try disk.step()
        try disk.grow(inode, to: size)
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(SpoolError) {
        let isCut = disk.takeStep()
        let fails = isCut || disk.chance(\.writeFails)
        let count = fails ? disk.writtenPart(bytes.count) : bytes.count
        try disk.grow(inode, to: offset + bytes.count)
        let piece = Array(bytes.prefix(count))
        inode.content.withLock { content in
            content.bytes.replaceSubrange(offset..<(offset + count), with: piece)
            let sector = SimulatedDisk.sector
            for number in (offset / sector)..<((offset + count + sector - 1) / sector) {
                let end = min((number + 1) * sector, content.bytes.count)
                content.dirty[number, default: []].append(Array(content.bytes[(number * sector)..<end]))
            }
        }
        if fails { throw SpoolError(system: EIO, path: name) }
    }

    func read(into bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(SpoolError) -> Int {
        try disk.check()
        if disk.chance(\.readFails) { throw SpoolError(system: EIO, path: name) }
        if let (file, octets) = disk.unreadable, file == name, octets.overlaps(offset..<(offset + bytes.count)) {
            throw SpoolError(system: EIO, path: name)
        }
        return inode.content.withLock { content in
            guard offset < content.bytes.count else { return 0 }
            let part = content.bytes[offset..<min(offset + bytes.count, content.bytes.count)]
            bytes.copyBytes(from: part)
            return part.count
        }
    }

    func sync() throws(SpoolError) {
        try disk.step()
        if disk.chance(\.syncFails) {
            disk.loseSome(of: inode)
            throw SpoolError(system: EIO, path: name)
        }
        inode.content.withLock { content in
            content.durable = content.bytes
            content.dirty = [:]
        }
    }
}
