import Foundation
import MailEvents
import MailNames
import Spool
import Testing

@testable import Delivery

@Suite("Messages that cannot be read", .timeLimit(.minutes(15))) struct DamageTests {
    /// Changes a byte of the first place in a folder's segments where the text stands.
    private func damage(_ text: String, in folder: String) throws {
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".segment") {
            let handle = try FileHandle(forUpdating: URL(fileURLWithPath: folder + "/" + name))
            defer { try? handle.close() }
            let data = try handle.readToEnd() ?? Data()
            guard let range = data.range(of: Data(text.utf8)) else { continue }
            try handle.seek(toOffset: UInt64(range.lowerBound))
            try handle.write(contentsOf: Data([data[range.lowerBound] ^ 1]))
            return
        }
        Issue.record("no segment has \(text)")
    }

    @Test func `a message whose envelope is damaged stays in the queue, is seen there, and is deleted by its id`()
        async throws
    {
        let first = try await House(starting: false)
        let id = try await first.submit(from: "bob@home.test", to: "x@far.test")
        _ = await first.end(removing: false)
        let house = try await House(folder: first.folder, starting: false)
        try damage("x@far.test", in: house.folder)
        await house.service.start()
        await house.recorder.wait(for: .damaged)
        let listed = await house.service.list()
        #expect(listed.map(\.id) == [id.description] && listed.map(\.state) == ["held"])
        #expect(listed.first?.lastError?.contains("cannot be read") == true)
        let shown = await house.service.show(id)
        #expect(shown?.summary.id == id.description)
        let released = await house.service.release(.message(id))
        #expect(released.messages == 1, "it is looked at again, and held again")
        await house.recorder.wait(for: .damaged, count: 2)
        let count = await house.service.delete(.message(id))
        #expect(count.messages == 1)
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `what is given up with damaged content is reported without it`() async throws {
        let first = try await House(starting: false)
        try await first.submit(from: "bob@home.test", to: "x@far.test")
        _ = await first.end(removing: false)
        let house = try await House(folder: first.folder, starting: false) { options, _ in options.outbound = .hold }
        try damage("Subject: Hello", in: house.folder)
        await house.service.start()
        await house.recorder.wait(for: .held)
        await house.service.bounce(.all)
        await house.recorder.wait(for: .delivered)
        let text = try #require(house.mailboxes.written.first?.text)
        #expect(text.contains("Status: 5.7.0") && text.contains("cannot be read here any more"))
        let left = await house.end()
        #expect(left == 0)
    }

    @Test func `content that is damaged is found by an attempt, and the message is held, not tried again`() async throws
    {
        let first = try await House(starting: false)
        let id = try await first.submit(from: "bob@home.test", to: "x@far.test")
        _ = await first.end(removing: false)
        let house = try await House(folder: first.folder, starting: false)
        try damage("Subject: Hello", in: house.folder)
        await house.service.start()
        await house.recorder.wait(for: .deferred)
        let listed = await house.service.list()
        #expect(listed.map(\.id) == [id.description] && listed.map(\.state) == ["held"])
        let left = await house.end()
        #expect(left == 1)
    }
}
