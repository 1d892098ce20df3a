import MailBytes
import MailEvents
import Testing

@testable import DeliveryScheduler

@Suite("The scheduler under chance, with a clock of its own") struct SchedulerPropertyTests {
    /// One run of a day of mail with destinations that come and go; what happened, in words.
    private func run(seed: UInt64, messages: Int) -> (log: [String], completed: Int, left: Int) {
        var chance = SplitMix64(seed: seed)
        let options = SchedulerOptions(connections: 6, connectionsPerDestination: 4)
        var scheduler = DeliveryScheduler(options: options, seed: seed)
        var (log, added, completed, microseconds): ([String], Int, Int, Int64) = ([], 0, 0, 0)
        var taken: Set<QueueID> = []
        var open: [(id: DestinationID, isFirst: Bool)] = []
        var idle: [DestinationID] = []
        for _ in 0..<200_000 where completed < messages {
            let now = Timestamp.at(0) + .microseconds(microseconds)
            while added < messages, chance.next(upperBound: 4 as UInt64) > 0 {
                added += 1
                let name = "d\(chance.next(upperBound: 12 as UInt64)).test"
                scheduler.add(.number(added), to: .to(name), expires: now + .seconds(100_000), now: now)
            }
            for event in scheduler.poll(now: now, limit: 50) {
                guard case .expired(let entry, let message) = event else { continue }
                #expect(!taken.contains(message), "seed \(seed): \(message) expired while it was tried")
                log.append("expired \(message)")
                scheduler.complete(entry)
                completed += 1
            }
            while let work = scheduler.nextWork(now: now) {
                switch work {
                case .connect(let id): open.append((id, true))
                case .reuse(let id):
                    guard let index = idle.firstIndex(of: id) else {
                        Issue.record("seed \(seed): none idle")
                        break
                    }
                    idle.remove(at: index)
                    open.append((id, true))
                case .closeIdle(let id):
                    guard let index = idle.firstIndex(of: id) else {
                        Issue.record("seed \(seed): none idle")
                        break
                    }
                    idle.remove(at: index)
                    scheduler.closed(id, wasIdle: false, tookNothing: true)
                }
            }
            #expect(open.count + idle.count <= options.connections, "seed \(seed)")
            if let index = open.indices.randomElement(using: &chance) {
                let connection = open[index]
                guard let entry = scheduler.take(from: connection.id, isFirst: connection.isFirst, now: now) else {
                    open.remove(at: index)
                    idle.append(connection.id)
                    scheduler.becameIdle(connection.id)
                    continue
                }
                open[index].isFirst = false
                let inserted = taken.insert(entry.message).inserted
                #expect(inserted, "seed \(seed): \(entry.message) was handed out twice")
                let name = scheduler.destination(connection.id)?.description ?? "?"
                let isDead = name.hasPrefix("d1") && microseconds / 3_600_000_000 % 3 == 0
                if isDead {
                    log.append("unreachable \(name) \(entry.message)")
                    scheduler.failed(connection.id, now: now)
                    scheduler.retry(entry.id, now: now)
                    scheduler.closed(connection.id, wasIdle: false)
                    open.remove(at: index)
                } else if chance.next(upperBound: 5 as UInt64) == 0 {
                    log.append("deferred \(name) \(entry.message)")
                    scheduler.established(connection.id)
                    scheduler.retry(entry.id, now: now)
                } else {
                    log.append("delivered \(name) \(entry.message)")
                    scheduler.established(connection.id)
                    scheduler.succeeded(connection.id)
                    scheduler.complete(entry.id)
                    completed += 1
                }
                taken.remove(entry.message)
            } else if let wake = scheduler.nextWake {
                microseconds = max(microseconds + 1, (wake - .at(0)).wholeMicroseconds)
            }
            microseconds += Int64(chance.next(upperBound: 1_000_000 as UInt64))
        }
        return (log, completed, scheduler.entryCount)
    }

    @Test(arguments: [1, 2, 3, 5, 8, 13, 21, 34] as [UInt64])
    func `every message ends exactly once, none is tried twice at a time`(seed: UInt64) {
        let outcome = run(seed: seed, messages: 600)
        #expect(outcome.completed == 600, "seed \(seed)")
        #expect(outcome.left == 0, "seed \(seed)")
    }

    @Test func `the same seed gives the same day`() {
        let (first, second) = (run(seed: 99, messages: 200), run(seed: 99, messages: 200))
        #expect(first.log == second.log)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func `the timers give the earliest first, whatever is moved and removed`(seed: UInt64) {
        var chance = SplitMix64(seed: seed)
        var heap = TimerHeap()
        var expected: [Int32: Int64] = [:]
        for _ in 0..<5000 {
            let slot = Int32(chance.next(upperBound: 300 as UInt64))
            if chance.next(upperBound: 3 as UInt64) == 0 {
                heap.remove(slot)
                expected[slot] = nil
            } else {
                let time = Int64(chance.next(upperBound: 10_000 as UInt64))
                heap.set(slot, to: time)
                expected[slot] = time
            }
            #expect(heap.first?.time == expected.values.min(), "seed \(seed)")
            #expect(heap.count == expected.count, "seed \(seed)")
        }
    }

    @Test func `an entry takes at most 64 bytes of the table`() {
        #expect(MemoryLayout<Entry>.stride <= 64)
    }
}
