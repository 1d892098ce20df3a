import Foundation
import Testing

/// Which seeds: 2,000 of them; `SIMULATION_SEEDS=100000` looks longer, `SIMULATION_SEED=17` at one.
private let seeds: [Range<UInt64>] = {
    let environment = ProcessInfo.processInfo.environment
    if let one = environment["SIMULATION_SEED"].flatMap(UInt64.init) { return [one..<(one + 1)] }
    let count = environment["SIMULATION_SEEDS"].flatMap(UInt64.init) ?? 2000
    let share = (count + 7) / 8
    return (0..<8).map { $0 * share..<($0 + 1) * share }
}()

@Suite("Spool, scheduler and both SMTP sessions on a simulated disk, network and clock", .serialized)
struct SimulationTests {
    @Test(arguments: seeds)
    func `what was acknowledged arrives or is reported, whole, and once in mailboxes`(seeds: Range<UInt64>) async throws
    {
        for seed in seeds {
            // Others have their turn between two worlds.
            await Task.yield()
            let problems = try World(seed: seed).run()
            #expect(problems.isEmpty, "SIMULATION_SEED=\(seed): \(problems.prefix(3))")
            if !problems.isEmpty { return }
        }
    }

    @Test func `a seed tells the same story twice`() async throws {
        for seed in UInt64(0)..<10 {
            await Task.yield()
            let first = try World(seed: seed)
            let second = try World(seed: seed)
            #expect(try first.run() == second.run())
            #expect(first.time.microseconds == second.time.microseconds)
            #expect(first.oracle.crashes == second.oracle.crashes)
            #expect(first.relay.disk.steps == second.relay.disk.steps)
        }
    }
}
