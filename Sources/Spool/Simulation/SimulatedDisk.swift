import Glibc
import MailBytes
import Synchronization

/// A disk in memory, driven by a seed: the same seed and the same calls give the same faults.
///
/// It promises no more than a disk does. What was written and not synced may be there after a power cut, or not, or in part,
/// sector by sector and in any order; a name that was changed may be the old one until the folder is synced; after a failed sync
/// some of what was written is lost, and a later sync does not bring it back.
package final class SimulatedDisk: SpoolFiles {
    package static let sector = 512

    /// What goes wrong, and how often: one in so many calls, never for 0.
    package struct Faults: Sendable {
        package var writeFails = 0
        package var syncFails = 0
        package var folderSyncFails = 0
        package var readFails = 0
        package var openFails = 0
        /// Octets that all files may have together.
        package var capacity = Int.max

        package init() {}
    }

    final class Inode: Sendable {
        struct Content {
            /// As programs see it.
            var bytes: [UInt8] = []
            /// As it is on the disk.
            var durable: [UInt8] = []
            /// Sectors that differ, with all that was written to them since the last sync.
            var dirty: [Int: [[UInt8]]] = [:]
            var durableSize: Int { durable.count }
        }

        let content = Mutex(Content())
    }

    private enum NameChange {
        case made(String, Inode)
        case renamed(String, String)
        case removed(String)
    }

    private struct State {
        var random: SplitMix64
        var faults = Faults()
        var names: [String: Inode] = [:]
        var durableNames: [String: Inode] = [:]
        var changes: [NameChange] = []
        var steps = 0
        var cutAt: Int?
        var isOff = false
        var unreadable: (name: String, octets: Range<Int>)?
    }

    private let state: Mutex<State>

    package init(seed: UInt64) {
        state = Mutex(State(random: SplitMix64(seed: seed)))
    }

    package var faults: Faults {
        get { state.withLock { $0.faults } }
        set { state.withLock { $0.faults = newValue } }
    }

    /// Octets of a file that the disk does not give back.
    package var unreadable: (name: String, octets: Range<Int>)? {
        get { state.withLock { $0.unreadable } }
        set { state.withLock { $0.unreadable = newValue } }
    }

    /// Writes, syncs and changes of names so far.
    package var steps: Int { state.withLock { $0.steps } }

    /// Cuts the power in the middle of that step, counted from now: from then on every call fails, until `restart()`.
    package func cutPower(afterSteps steps: Int) { state.withLock { $0.cutAt = $0.steps + steps } }

    package var isOff: Bool { state.withLock { $0.isOff } }

    /// The power comes back: what was not synced is as the disk left it. Open files are dead.
    package func restart() {
        state.withLock { state in
            var names = state.durableNames
            let keepsAll = state.random.next(upperBound: UInt(4)) == 0
            for change in state.changes where keepsAll || state.random.next(upperBound: UInt(2)) == 0 {
                Self.apply(change, to: &names)
            }
            // In an order that the seed decides alone.
            for name in state.names.keys.sorted() + names.keys.sorted() {
                guard let inode = state.names[name] ?? names[name] else { continue }
                Self.settle(inode, &state.random, share: state.random.next(upperBound: UInt(5)))
                if let other = names[name], other !== inode {
                    Self.settle(other, &state.random, share: state.random.next(upperBound: UInt(5)))
                }
            }
            // Other names lead to files of their own from now on: who holds an old one writes into nothing.
            state.names = names.mapValues(Self.copy)
            state.durableNames = state.names
            state.changes = []
            state.isOff = false
            state.cutAt = nil
        }
    }

    /// The program ends without the machine: everything written is there.
    package func killProgram() {
        state.withLock { state in
            state.isOff = false
            state.cutAt = nil
        }
    }

    /// Changes the bytes of a file on the disk, as decay does.
    package func damage(_ name: String, _ change: (inout [UInt8]) -> Void) {
        guard let inode = state.withLock({ $0.names[name] }) else { return }
        inode.content.withLock { content in
            change(&content.bytes)
            content.durable = content.bytes
            content.dirty = [:]
        }
    }

    /// A file's bytes.
    package func bytes(of name: String) -> [UInt8]? {
        state.withLock { $0.names[name] }?.content.withLock { $0.bytes }
    }

    /// Puts a file there.
    package func put(_ bytes: [UInt8], as name: String) {
        let inode = Inode()
        inode.content.withLock { content in
            content.bytes = bytes
            content.durable = bytes
        }
        state.withLock { state in
            state.names[name] = inode
            state.durableNames[name] = inode
        }
    }

    private static func apply(_ change: NameChange, to names: inout [String: Inode]) {
        switch change {
        case .made(let name, let inode): names[name] = inode
        case .renamed(let old, let new):
            if let inode = names.removeValue(forKey: old) { names[new] = inode }
        case .removed(let name): names[name] = nil
        }
    }

    private static func copy(_ inode: Inode) -> Inode {
        let other = Inode()
        let bytes = inode.content.withLock { $0.durable }
        other.content.withLock { content in
            content.bytes = bytes
            content.durable = bytes
        }
        return other
    }

    /// Decides for each unsynced sector which of its contents the disk has. `share` of 0 keeps none, of 4 the latest of all.
    private static func settle(_ inode: Inode, _ random: inout SplitMix64, share: UInt) {
        inode.content.withLock { content in
            for (sector, versions) in content.dirty.sorted(by: { $0.key < $1.key }) {
                let pick = share == 4 ? versions.count - 1 : Int(random.next(upperBound: UInt(versions.count)))
                guard share == 4 || share > 0 && random.next(upperBound: UInt(4)) < share else { continue }
                let start = sector * sectorSize
                let end = start + versions[pick].count
                if content.durable.count < end {
                    content.durable.append(contentsOf: [UInt8](repeating: 0, count: end - content.durable.count))
                }
                content.durable.replaceSubrange(start..<end, with: versions[pick])
            }
            content.dirty = [:]
        }
    }

    private static let sectorSize = sector

    // MARK: SpoolFiles

    package func list() throws(SpoolError) -> [String] {
        try check()
        return state.withLock { $0.names.keys.sorted() }
    }

    package func create(_ name: String) throws(SpoolError) -> any SpoolFile {
        if state.withLock({ $0.names[name] != nil }) { throw SpoolError(system: EEXIST, path: name) }
        return try open(name)
    }

    package func open(_ name: String) throws(SpoolError) -> any SpoolFile {
        try check()
        if chance(\.openFails) { throw SpoolError(system: EMFILE, path: name) }
        let inode = state.withLock { state -> Inode in
            if let inode = state.names[name] { return inode }
            let inode = Inode()
            state.names[name] = inode
            state.changes.append(.made(name, inode))
            return inode
        }
        return SimulatedFile(name: name, inode: inode, disk: self)
    }

    package func rename(_ name: String, to other: String) throws(SpoolError) {
        try step()
        let found = state.withLock { state in
            guard let inode = state.names.removeValue(forKey: name) else { return false }
            state.names[other] = inode
            state.changes.append(.renamed(name, other))
            return true
        }
        if !found { throw SpoolError(system: ENOENT, path: name) }
    }

    package func remove(_ name: String) throws(SpoolError) {
        try step()
        let found = state.withLock { state in
            guard state.names.removeValue(forKey: name) != nil else { return false }
            state.changes.append(.removed(name))
            return true
        }
        if !found { throw SpoolError(system: ENOENT, path: name) }
    }

    package func syncFolder() throws(SpoolError) {
        try step()
        if chance(\.folderSyncFails) { throw SpoolError(system: EIO, path: ".") }
        state.withLock { state in
            for change in state.changes { Self.apply(change, to: &state.durableNames) }
            state.changes = []
        }
    }

    package func freeSpace() throws(SpoolError) -> Int {
        try check()
        return faults.capacity == .max ? .max : max(0, faults.capacity - used)
    }

    // MARK: Faults

    private var used: Int {
        let inodes = state.withLock { Array($0.names.values) }
        return inodes.reduce(0) { sum, inode in sum + inode.content.withLock { $0.bytes.count } }
    }

    func check() throws(SpoolError) {
        if isOff { throw SpoolError(system: EIO, path: "off") }
    }

    /// Counts a step; the power may go in it.
    func step() throws(SpoolError) {
        if takeStep() { throw SpoolError(system: EIO, path: "off") }
    }

    /// Whether the power went in this step or before.
    func takeStep() -> Bool {
        state.withLock { state in
            if state.isOff { return true }
            state.steps += 1
            if let cut = state.cutAt, state.steps >= cut { state.isOff = true }
            return state.isOff
        }
    }

    func chance(_ fault: KeyPath<Faults, Int>) -> Bool {
        state.withLock { state in
            let rate = state.faults[keyPath: fault]
            return rate > 0 && state.random.next(upperBound: UInt(rate)) == 0
        }
    }

    func grow(_ inode: Inode, to size: Int) throws(SpoolError) {
        let old = inode.content.withLock { $0.bytes.count }
        guard size > old else { return }
        if faults.capacity != .max, used + size - old > faults.capacity {
            throw SpoolError(system: ENOSPC, path: "full")
        }
        inode.content.withLock { content in
            content.bytes.append(contentsOf: [UInt8](repeating: 0, count: size - content.bytes.count))
        }
    }

    /// Writes up to `count` octets of them; a write that fails writes a part.
    func writtenPart(_ count: Int) -> Int { state.withLock { Int($0.random.next(upperBound: UInt(count + 1))) } }

    func loseSome(of inode: Inode) {
        state.withLock { state in
            let kept = inode.content.withLock { $0.bytes }
            Self.settle(inode, &state.random, share: state.random.next(upperBound: UInt(5)))
            // Programs go on seeing what they wrote.
            inode.content.withLock { $0.bytes = kept }
        }
    }
}
