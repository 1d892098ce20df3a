import DeliveryScheduler
import Dispatch
import Foundation
import MailBytes
import MailEvents
import MailNames
import SMTPProtocol
import Testing

@testable import Delivery
@testable import Spool

extension DeliveryService {
    /// Takes a message in that the disk alone has, as after a while in the queue, and goes on as ever.
    fileprivate func takeInUnread(_ id: QueueID) async throws {
        guard try await takeInAlone(id) else { return }
        active[id] = nil
        isPumpScheduled = false
        schedulePump()
    }

    /// Takes a message for an attempt whose addresses have to be found out anew.
    ///
    /// - Returns: whether the attempt is made.
    fileprivate func beginsWithoutAddresses(_ id: QueueID, _ name: String, meanwhile: () -> Void) async throws -> Bool {
        let destination = Destination.domain(try Domain(parsing: name))
        guard try await takeInAlone(id), let message = active[id] else { return true }
        guard case .connect(let queue) = scheduler.nextWork(now: clock.now()),
            let taken = scheduler.take(from: queue, isFirst: true, now: clock.now())
        else { return true }
        message.replaceTargets([])
        message.resolved = nil
        meanwhile()
        let attempt = await begin(taken, destination)
        scheduler.closed(queue, wasIdle: false)
        return attempt != nil
    }

    fileprivate func isDeleting(_ id: QueueID) -> Bool { deleting.contains(id) }
    fileprivate func isInMemory(_ id: QueueID) async -> Bool { await message(id) != nil }
    fileprivate func waits(_ id: QueueID) -> Bool { scheduler.contains(id) }
    fileprivate var isEmpty: Bool { scheduler.entryCount == 0 && active.isEmpty }
    fileprivate var reportsWait: Bool { !choreWaiters.isEmpty && choresRunning == 0 && choresBegun == chores.count }

    fileprivate func fillOutlets() { outletsInUse = 1 }
    fileprivate var isOutletAwaited: Bool { !outletsWaiting.isEmpty }
    fileprivate func freeOutlet() { giveOutletPlace() }

    /// As when it was committed between the two steps of the beginning.
    fileprivate func acceptWhileTakenUp(_ committed: Spool.Committed) -> [String] {
        announced = (upTo: committed.id, [])
        isPumpScheduled = true
        accept([committed])
        return scheduler.status(of: committed.id).map { Self.word(for: $0) }
    }
}

@Suite("Orders while something goes on", .timeLimit(.minutes(5))) struct OrderMeanwhileTests {
    private func pause(until isMet: () async -> Bool) async throws {
        while !(await isMet()) { try await Task.sleep(for: .milliseconds(5)) }
    }

    @Test func `what is deleted while its addresses are looked up is not tried`() async throws {
        let house = try await House(directory: FakeDirectory(isCaching: false), starting: false)
        let id = try await house.submit(to: "x@far.test")
        let isTried = try await house.service.beginsWithoutAddresses(id, "far.test") {
            house.directory.whenAsked { [service = house.service] in _ = await service.delete(.all) }
        }
        let isEmpty = await house.service.isEmpty
        #expect(!isTried && isEmpty)
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `what is deleted while a connection is made for it is not sent`() async throws {
        let house = try await House(starting: false)
        let id = try await house.submit(to: "x@far.test")
        // The spool's one thread stands still meanwhile, so that the order is not written and the content is still there.
        let gate = DispatchSemaphore(value: 0)
        let standing = DispatchSemaphore(value: 0)
        house.lookup.whenAsked { [house] in
            house.spool.record([]) { _ in
                standing.signal()
                gate.wait()
            }
            try? await pause { standing.isSignalled }
            Task { await house.service.delete(.all) }
            try? await pause { await house.service.isDeleting(id) }
        }
        try await house.service.takeInUnread(id)
        try await pause { await house.service.isEmpty }
        gate.signal()
        await house.recorder.wait(for: .deleted)
        let left = await house.end()
        #expect(left == 0 && house.server.messages.isEmpty)
        #expect(house.recorder.events(.relayed).isEmpty && house.recorder.events(.deferred).isEmpty)
    }

    @Test(arguments: [true, false])
    func `what is deleted or held while it is got ready for a mailbox is not written there`(
        isDeleted: Bool
    ) async throws {
        let house = try await House(starting: false)
        house.directory.own("alice@home.test", since: Timestamp(seconds: 1))
        house.directory.whenAsked { [service = house.service] in
            _ = isDeleted ? await service.delete(.all) : await service.hold(.all)
        }
        await house.service.start()
        try await house.submit(from: "bob@home.test", to: "alice@home.test") {
            $0.recipients[0].requiredOwnership = RequiredOwnership(since: Timestamp(seconds: 86_400))
        }
        await house.recorder.wait(for: isDeleted ? .deleted : .held)
        if isDeleted {
            try await pause { await house.service.isEmpty }
        } else {
            try await pause { await house.service.list(state: "held").count == 1 }
        }
        let left = await house.end()
        #expect(left == (isDeleted ? 0 : 1) && house.mailboxes.written.isEmpty)
    }

    @Test(arguments: [true, false])
    func `what is deleted or held while it waits for its turn at a file is not written there`(
        isDeleted: Bool
    ) async throws {
        let file = FileManager.default.temporaryDirectory.path + "/martlet-\(UUID().uuidString)"
        let house = try await House { options, _ in
            (options.outlets.folders, options.outlets.concurrency) = ([FileManager.default.temporaryDirectory.path], 1)
        }
        house.directory.outlet("box@home.test", .file(file))
        await house.service.fillOutlets()
        let id = try await house.submit(to: "box@home.test")
        try await pause { await house.service.isOutletAwaited }
        _ = isDeleted ? await house.service.delete(.message(id)) : await house.service.hold(.message(id))
        await house.service.freeOutlet()
        try await pause {
            isDeleted ? await house.service.isEmpty : await house.service.list(state: "held").count == 1
        }
        let left = await house.end()
        #expect(left == (isDeleted ? 0 : 1) && !FileManager.default.fileExists(atPath: file))
    }

    @Test func `what is being deleted is gone for whoever reads it meanwhile`() async throws {
        let house = try await House(starting: false)
        let id = try await house.submit(to: "x@far.test")
        // The spool's one thread stands still here, so that the order is not written yet.
        let gate = DispatchSemaphore(value: 0)
        try await house.service.takeInHeld(id)
        let standing = DispatchSemaphore(value: 0)
        house.spool.record([]) { _ in
            standing.signal()
            gate.wait()
        }
        try await pause { standing.isSignalled }
        let deleting = Task { await house.service.delete(.all) }
        try await pause { await !house.service.waits(id) }
        let isThere = await house.service.isInMemory(id)
        #expect(!isThere && house.spool.message(id) != nil)
        gate.signal()
        _ = await deleting.value
        let isEmpty = await house.service.isEmpty
        #expect(isEmpty)
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `many that are given up while no report can be written do not pile up in memory`() async throws {
        let count = DeliveryService.givenUpAtOnce + 100
        let first = try await House(starting: false)
        for _ in 0..<count { try await first.submit(from: "bob@home.test", to: "x@far.test") }
        _ = await first.end(removing: false)
        var full = SpoolOptions()
        full.maximumSize = ByteCount(bytes: 0)
        let house = try await House(folder: first.folder, spoolOptions: full) { options, _ in
            options.outbound = .hold
            options.messagesInMemory = 10
        }
        #expect(!house.spool.accepts)
        _ = await house.service.bounce(.all)
        try await pause {
            let hasEnded = await house.service.bounceOrders[1]?.ended != nil
            return await house.service.reportsWait || hasEnded
        }
        let done = await house.service.bounceOrders[1]?.dealtWith ?? 0
        #expect(done >= 10 && done < 200)
        // Room is made by deleting too.
        _ = await house.service.delete(.all)
        try await pause { await house.service.bounceOrders[1]?.ended != nil }
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `what is given up while it is tried is reported when the attempt fails for now`() async throws {
        let house = try await House()
        house.lookup.mxAnswer("far.test", .unavailable("no answer"))
        house.lookup.whenAsked { [service = house.service] in _ = await service.bounce(.all) }
        try await house.submit(from: "bob@home.test", to: "x@far.test")
        await house.recorder.wait(for: .delivered)
        let left = await house.end()
        #expect(left == 0)
        #expect(house.mailboxes.written.first?.text.contains("Status: 5.7.0") == true)
    }

    @Test func `an order that the disk does not take counts, says so, and is written when it does`() async throws {
        let disk = SimulatedDisk(seed: 9)
        let house = try await House(files: disk) { options, _ in options.outbound = .hold }
        let id = try await house.submit(to: "x@far.test")
        await house.recorder.wait(for: .held)
        disk.faults.writeFails = 1
        let failed = await house.service.hold(.all)
        #expect(failed.messages == 1 && failed.problem != nil && house.spool.message(id)?.isHeld == true)
        disk.faults = SimulatedDisk.Faults()
        let held = await house.service.hold(.all)
        #expect(held == OrderResult(messages: 1))
        _ = await house.end()
    }

    @Test func `what is announced while the queue is taken up is as the spool knows it`() async throws {
        let house = try await House(starting: false)
        let id = try await house.submit(to: "x@far.test")
        await withCheckedContinuation { continuation in
            house.spool.record(SpoolOrder(.hold, of: [id])) { _ in continuation.resume() }
        }
        let committed = Spool.Committed(id: id, envelope: try house.spool.envelope(id), size: 10)
        let states = await house.service.acceptWhileTakenUp(committed)
        #expect(states == ["held"])
        _ = await house.end()
    }
}

extension DeliveryService {
    /// Takes a message in, held, that the disk alone has.
    fileprivate func takeInHeld(_ id: QueueID) async throws {
        guard try await takeInAlone(id, isHeld: true) else { return }
        active[id] = nil
    }
}

extension DispatchSemaphore {
    /// Whether it was signalled, once.
    fileprivate var isSignalled: Bool { wait(timeout: .now()) == .success }
}
