import Foundation
import MailBytes
import Testing

@testable import Spool

/// How many seeds, of four lives each; `SPOOL_SEEDS=20000` looks longer, `SPOOL_SEED=17` at one.
private let seeds: [UInt64] = {
    let environment = ProcessInfo.processInfo.environment
    if let one = environment["SPOOL_SEED"].flatMap(UInt64.init) { return [one] }
    return Array(0..<(environment["SPOOL_SEEDS"].flatMap(UInt64.init) ?? 300))
}()

@Suite("Crashes: acknowledged means durable")
struct CrashTests {
    private func run(
        _ seed: UInt64,
        lives: Int = 4,
        afterStart: (inout CrashOracle) -> Void = { _ in },
        prepare: (inout CrashOracle) -> Void
    ) -> [String] {
        var oracle = CrashOracle(seed: seed)
        for _ in 0..<lives {
            prepare(&oracle)
            oracle.start()
            afterStart(&oracle)
            for _ in 0..<150 where oracle.problems.isEmpty && !oracle.disk.isOff { oracle.act() }
            oracle.disk.faults = SimulatedDisk.Faults()
            oracle.log = nil
            if oracle.chance(5) { oracle.disk.killProgram() } else { oracle.disk.restart() }
            if !oracle.problems.isEmpty { return oracle.problems }
        }
        oracle.start()
        return oracle.problems
    }

    @Test func `a power cut at any step loses nothing that was acknowledged`() async {
        for seed in seeds {
            await Task.yield()
            let problems = run(seed) { oracle in
                oracle.disk.cutPower(afterSteps: Int(oracle.random.next(upperBound: UInt(120))))
            }
            #expect(problems.isEmpty, "SPOOL_SEED=\(seed): \(problems.prefix(3))")
        }
    }

    @Test func `failing writes and syncs lose nothing that was acknowledged`() async {
        for seed in seeds {
            await Task.yield()
            let problems = run(seed) { oracle in
                var faults = SimulatedDisk.Faults()
                faults.writeFails = oracle.chance(2) ? 20 : 0
                faults.syncFails = oracle.chance(2) ? 15 : 0
                faults.folderSyncFails = oracle.chance(2) ? 5 : 0
                oracle.disk.faults = faults
                if oracle.chance(2) {
                    oracle.disk.cutPower(afterSteps: Int(oracle.random.next(upperBound: UInt(200))))
                }
            }
            #expect(problems.isEmpty, "SPOOL_SEED=\(seed): \(problems.prefix(3))")
        }
    }

    @Test func `failing reads lose nothing that was acknowledged, and put nothing in its place`() async {
        for seed in seeds.prefix(seeds.count / 5 + 1) {
            await Task.yield()
            let problems = run(seed) { oracle in
                oracle.disk.faults.readFails = 2 + Int(oracle.random.next(upperBound: UInt(8)))
            } prepare: { oracle in
                if oracle.chance(2) {
                    oracle.disk.cutPower(afterSteps: Int(oracle.random.next(upperBound: UInt(200))))
                }
            }
            #expect(problems.isEmpty, "SPOOL_SEED=\(seed): \(problems.prefix(3))")
        }
    }

    @Test func `a start that the system does not let happen changes nothing`() async {
        for seed in seeds.prefix(seeds.count / 5 + 1) {
            await Task.yield()
            let problems = run(seed) { oracle in
                oracle.disk.faults.openFails = oracle.chance(2) ? 3 : 0
            } prepare: { oracle in
                // Tried until it succeeds, as whoever watches over a service does.
                for _ in 0..<20 where oracle.chance(2) {
                    oracle.disk.faults.openFails = 2
                    oracle.start()
                    oracle.log = nil
                    oracle.disk.faults = SimulatedDisk.Faults()
                }
            }
            #expect(problems.isEmpty, "SPOOL_SEED=\(seed): \(problems.prefix(3))")
        }
    }

    @Test func `a full disk refuses messages and loses none`() async {
        for seed in seeds {
            await Task.yield()
            let problems = run(seed) { oracle in
                var faults = SimulatedDisk.Faults()
                faults.capacity = 100_000 + Int(oracle.random.next(upperBound: UInt(300_000)))
                oracle.disk.faults = faults
                if oracle.chance(2) {
                    oracle.disk.cutPower(afterSteps: Int(oracle.random.next(upperBound: UInt(200))))
                }
            }
            #expect(problems.isEmpty, "SPOOL_SEED=\(seed): \(problems.prefix(3))")
        }
    }
}
