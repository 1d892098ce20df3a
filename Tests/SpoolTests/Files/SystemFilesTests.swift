import Foundation
import Testing

@testable import Spool

@Suite("Files on the real disk") struct SystemFilesTests {
    private static func withFile(_ body: (any SpoolFile) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "martlet-files-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try body(try SystemFiles(folder: folder).open("file"))
    }

    private static func writeDurably(_ octets: [UInt8], to file: any SpoolFile, at offset: Int) throws {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: octets.count, alignment: Segment.block)
        defer { memory.deallocate() }
        memory.copyBytes(from: octets)
        try file.writeDurably(UnsafeRawBufferPointer(memory), at: offset)
    }

    @Test func `whole blocks written past the page cache are read back through it`() throws {
        try Self.withFile { file in
            try file.write([UInt8](repeating: 1, count: 3 * Segment.block), at: 0)
            try file.sync()
            let block = [UInt8](repeating: 7, count: Segment.block)
            try Self.writeDurably(block, to: file, at: Segment.block)
            #expect(try file.read(at: Segment.block, count: Segment.block) == block)
            #expect(try file.read(at: 0, count: 2) == [1, 1])
            #expect(try file.read(at: 2 * Segment.block, count: 2) == [1, 1])
        }
    }

    @Test(arguments: [(100, 0), (Segment.block, 17)])
    func `what is no whole block, or begins within one, is written and synced the ordinary way`(
        _ count: Int,
        _ offset: Int
    ) throws {
        try Self.withFile { file in
            let octets = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
            try Self.writeDurably(octets, to: file, at: offset)
            #expect(try file.read(at: offset, count: count + 10) == octets)
        }
    }

    @Test func `a file is written past the page cache under its new name too`() throws {
        let folder = NSTemporaryDirectory() + "martlet-files-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let files = SystemFiles(folder: folder)
        let file = try files.open("spare")
        try file.write([UInt8](repeating: 0, count: Segment.block), at: 0)
        try files.rename("spare", to: "segment")
        try Self.writeDurably([UInt8](repeating: 9, count: Segment.block), to: file, at: 0)
        #expect(try files.open("segment").read(at: 0, count: 3) == [9, 9, 9])
    }
}
