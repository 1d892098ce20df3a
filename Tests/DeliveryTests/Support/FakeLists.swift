import Directory
import MailBytes
import MailNames
import MailingLists
import Synchronization

/// Lists in memory.
final class FakeLists: ListDirectory {
    private struct State {
        var lists: [ListID: ListSettings] = [:]
        var members: [ListID: [EmailAddress]] = [:]
        var scores: [EmailAddress: BounceScore] = [:]
        var suspended: Set<EmailAddress> = []
    }

    private let state = Mutex(State())

    func set(_ id: ListID, _ settings: ListSettings, members: [EmailAddress]) {
        state.withLock { state in
            state.lists[id] = settings
            state.members[id] = members
        }
    }

    func members(_ id: ListID) -> [String] { state.withLock { ($0.members[id] ?? []).map(\.description) } }
    var suspended: [String] { state.withLock { $0.suspended.map(\.description).sorted() } }

    func list(_ id: ListID) async throws(DirectoryError) -> ListSettings? { state.withLock { $0.lists[id] } }

    func recipients(of list: ListID) async throws(DirectoryError) -> [EmailAddress] {
        state.withLock { state in (state.members[list] ?? []).filter { !state.suspended.contains($0) } }
    }

    func isMember(_ addresses: [EmailAddress], of list: ListID) async throws(DirectoryError) -> Bool {
        state.withLock { state in addresses.contains { state.members[list]?.contains($0) == true } }
    }

    func addMembers(_ addresses: [EmailAddress], to list: ListID) async throws(DirectoryError) -> Int {
        state.withLock { state in
            let new = addresses.filter { state.members[list]?.contains($0) != true }
            state.members[list, default: []] += new
            return new.count
        }
    }

    func removeMembers(_ addresses: [EmailAddress], from list: ListID) async throws(DirectoryError) -> Int {
        state.withLock { state in
            let before = state.members[list]?.count ?? 0
            state.members[list]?.removeAll { addresses.contains($0) }
            return before - (state.members[list]?.count ?? 0)
        }
    }

    func countBounces(_ bounces: [ListBounce], of list: ListID) async throws(DirectoryError) -> [ListBounce] {
        state.withLock { state in
            let limit = state.lists[list]?.bounceLimit ?? 1
            return bounces.filter { bounce in
                guard state.members[list]?.contains(bounce.member) == true else { return false }
                let now = Timestamp(seconds: 1_800_000_000)
                let verdict = state.scores[bounce.member, default: BounceScore()].count(
                    bounce.severity,
                    limit: limit,
                    now: now
                )
                guard verdict == .suspended else { return false }
                return state.suspended.insert(bounce.member).inserted
            }
        }
    }

    func listSeal() async throws(DirectoryError) -> ListSeal {
        { bytes in
            (0..<4).flatMap { round -> [UInt8] in
                var hash: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(round)
                for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
                return (0..<8).map { UInt8(truncatingIfNeeded: hash >> (8 * UInt64($0))) }
            }
        }
    }
}
